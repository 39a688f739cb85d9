"""Where examples come from: files and the store. All of it is read and checked before anything is learned."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from chatrec import dialogue
from chatrec.catalog import Catalog
from chatrec.evaluation.dialogues import load_cases
from chatrec.linker import Linker
from chatrec.ratings import read_ratings
from chatrec.store import Store
from chatrec.training.examples import Example, from_behaviour, from_dialogues, names
from chatrec.types import Event, Query

T = TypeVar("T")

HELD_OUT = 0.1  # share that is not learned from, but tells when to stop
LONGEST = 20.0  # how much more than another an example may count
EXPOSURE = 0.5  # exponent of popularity in the propensity of having been seen (Yang et al., RecSys 2018)


def ratings(path: Path) -> dict[str, list[Event]]:
    """Histories of a CSV file, by user. Raises: BadInput with file and line."""
    found: dict[str, list[Event]] = {}
    for user, event in read_ratings(path):
        found.setdefault(user, []).append(event)
    return {user: sorted(events, key=lambda e: e.at) for user, events in found.items()}


def dialogues(paths: Sequence[Path], catalog: Catalog) -> list[tuple[str, Example]]:
    """``(dialogue, example)`` of JSONL files, both speakers. Raises: BadInput with file and line."""
    cases = [case for path in paths for case in load_cases(path, ("bot", "user"))]
    return [(example.owner, example) for example in from_dialogues(cases, catalog, Linker(catalog))]


def behaviour(histories: Mapping[str, Sequence[Event]], catalog: Catalog, seed: int) -> list[tuple[str, Example]]:
    """``(user, example)``, weighted by the inverse propensity of having met the target: what everybody meets is liked
    by many for that reason alone."""
    found, linker = [], Linker(catalog)
    for user, events in sorted(histories.items()):
        rng = random.Random(f"{seed}:{user}")
        found += [(user, example) for example in from_behaviour({user: events}, catalog, linker, rng)]
    counts = np.bincount([e.targets[0] for _, e in found], minlength=len(catalog)) + 1.0
    weights = np.minimum(counts.max() / counts, LONGEST**2) ** EXPOSURE
    mean = float(np.mean([weights[e.targets[0]] for _, e in found])) if found else 1.0
    return [(user, replace(e, weight=float(weights[e.targets[0]]) / mean)) for user, e in found]


def feedback(store: Store, catalog: Catalog) -> list[tuple[str, Example]]:
    """``(user, example)`` of lists that somebody liked something of, weighted by the inverse of the chance that the
    list showed it."""
    found = []
    for user, query, item_id, propensities in answers(store, catalog):
        told, targets = dialogue.reading(query, catalog), (catalog.index(item_id),)
        if not names(told, targets, catalog):
            weight = min(1 / propensities[item_id], LONGEST)
            found.append((user, Example(told, targets, weight, user, query)))
    return found


def answers(store: Store, catalog: Catalog) -> Iterator[tuple[str, Query, str, Mapping[str, float]]]:
    """``(user, query, liked item, what the list showed: its chance)`` of the lists that somebody liked something of;
    what is liked is not in the query's history."""
    name, known = catalog.schema.name, {item.item_id for item in catalog.items}
    liked: dict[str, list[tuple[str, Event]]] = {}
    for user, events in store.histories(name).items():
        for event in events:
            if event.kind in ("like", "accept") and event.impression_id:
                liked.setdefault(event.impression_id, []).append((user, event))
    for impression, query, propensities in store.lists(name):
        for user, event in liked.get(impression, ()):
            if event.item_id in propensities.keys() & known:
                before = replace(query, history=tuple(e for e in query.history if e.item_id != event.item_id))
                yield user, before, event.item_id, propensities


def of_store(store: Store, catalog: Catalog, seed: int) -> list[tuple[str, Example]]:
    """Answers to lists and behaviour together, so that users are held out of both."""
    return [*feedback(store, catalog), *behaviour(store.histories(catalog.schema.name), catalog, seed)]


def held_users(histories: Mapping[str, Sequence[Event]], catalog: Catalog, seed: int) -> set[str]:
    """The users that nothing is learned from. Only users with an example are split, and one more or less among them
    gives another split; so the examples are made here too."""
    return set(split([(user, user) for user, _ in behaviour(histories, catalog, seed)], seed)[1])


def split(owned: Sequence[tuple[str, T]], seed: int) -> tuple[list[T], list[T]]:
    """To learn from, and held out: whole dialogues or users, the same for the same seed."""
    owners = sorted({owner for owner, _ in owned})
    held = set(random.Random(seed).sample(owners, max(1, round(len(owners) * HELD_OUT)))) if owners else set()
    return [e for owner, e in owned if owner not in held], [e for owner, e in owned if owner in held]
