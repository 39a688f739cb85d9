"""What is learnt beside the tower: knowledge about items, and how much each signal counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from chatrec.candidates import CandidateGenerator, positions, silent
from chatrec.catalog import Catalog
from chatrec.encoder import Encoder
from chatrec.evaluation.dialogues import Case, dialogue_of
from chatrec.fusion import Example as Sampled
from chatrec.fusion import Fusion, learn_fusion
from chatrec.knowledge import Knowledge, Rating, keys, learn_knowledge
from chatrec.learning import (
    SIGNALS,
    Asked,
    cross_fitted,
    fingerprint,
    fold_number,
    of_behaviour,
    of_dialogues,
    of_silence,
    requests,
    talks,
    title_keys,
)
from chatrec.linker import Linker
from chatrec.model import Learnt
from chatrec.settings import Settings
from chatrec.training.examples import Example
from chatrec.types import Event, Query

STARS = {"like": 5.0, "accept": 5.0, "dislike": 1.0, "reject": 1.0}


@dataclass(frozen=True)
class Sources:
    """``histories``: behaviour by user, items of ``catalog`` and others; ``talks``: recorded dialogues, each about the
    items of a catalogue."""

    catalog: Catalog
    histories: Mapping[str, Sequence[Event]]
    talks: Sequence[tuple[Catalog, Sequence[Case]]]


@dataclass(frozen=True)
class Beside:
    """What is learnt beside the tower. ``without``: candidates of a catalogue as that ranks them, by knowledge of all
    owners but one, so that nobody's own acts are foreseen from themselves; None where it knows too little of it."""

    learnt: Learnt
    without: Callable[[Catalog, str], CandidateGenerator] | None


def learn_beside(sources: Sources, encoder: Encoder, settings: Settings, seed: int = 0) -> Beside | None:
    """Knowledge of everything, and weights learnt from queries that the knowledge behind them did not hold. None when
    there is no query to learn from."""

    @cache
    def others(number: int) -> Knowledge:
        return _knowledge(sources, encoder, lambda owner: fold_number(owner) != number)

    def examples(asked: Iterable[Asked], catalog: Catalog) -> list[Sampled]:
        def without(number: int) -> CandidateGenerator:
            return CandidateGenerator(catalog, encoder, settings.cache, known=others(number).on(catalog))

        return list(cross_fitted(list(asked), without))

    between = [
        example
        for items, cases in sources.talks
        for example in examples(of_dialogues(cases, items, Linker(items)), items)
    ]
    made = of_behaviour(sources.histories, sources.catalog, Linker(sources.catalog), seed)
    behaved = examples(made, sources.catalog)
    if not between and not behaved:
        return None
    fused = learn_fusion(between + behaved, SIGNALS)
    quiet = examples(of_silence(sources.histories, sources.catalog, seed), sources.catalog)
    silence = learn_fusion(quiet, SIGNALS) if quiet else None
    spoken = learn_fusion(between, SIGNALS) if between else fused

    @cache
    def generator(catalog: Catalog, number: int) -> CandidateGenerator:
        own = catalog is sources.catalog
        return CandidateGenerator(
            catalog,
            encoder,
            settings.cache,
            known=others(number).on(catalog),
            fusion=fused if own else spoken,
            silence=silence if own else None,
        )

    learnt = Learnt(_knowledge(sources, encoder), fused, spoken, silence)
    return Beside(learnt, lambda catalog, owner: generator(catalog, fold_number(owner)))


def foreseen(
    examples: Sequence[Example],
    catalog: Catalog,
    without: Callable[[Catalog, str], CandidateGenerator],
    path: Path,
) -> list[Example]:
    """The examples with what the signals make of every item as their prior, in their order; those whose query rules
    the target out are left out. ``path``: a file to keep the priors in, (n, N) float16."""
    priors = np.lib.format.open_memmap(path, "w+", np.float16, (max(len(examples), 1), len(catalog)))
    found: dict[int, Example] = {}
    order = sorted(range(len(examples)), key=lambda n: fold_number(examples[n].owner))
    for n in tqdm(order, desc=f"signals of {catalog.schema.name}", unit="query", leave=False):
        example = examples[n]
        generator = without(catalog, example.owner)
        rows = np.flatnonzero(generator.allowed(example.query))
        targets = tuple(int(t) for t in example.targets if t in rows)
        if targets:
            scores = generator.score(example.query, rows)
            priors[n] = -np.inf
            priors[n, rows] = scores - scores.max()
            found[n] = replace(example, targets=targets, prior=priors[n])
    return [found[n] for n in sorted(found)]


def relearnt(
    learnt: Learnt,
    answers: Iterable[tuple[str, Query, str, Mapping[str, float]]],
    catalog: Catalog,
    encoder: Encoder,
    settings: Settings,
) -> Learnt:
    """The weights, moved by what people liked of lists as far as that speaks against them. What is liked is told from
    what the list showed beside it: nobody has passed over what they were not shown. ``answers``: users, queries, liked
    items and what their lists showed."""
    generator = CandidateGenerator(catalog, encoder, settings.cache, known=learnt.knowledge.on(catalog))
    found: dict[bool, list[Sampled]] = {True: [], False: []}
    for _, query, item_id, shown in answers:
        rows, target = positions(catalog, shown), catalog.index(item_id)
        signals = generator.signals(query, rows)
        table = np.stack([signals[name] for name in SIGNALS], axis=1).astype(np.float32)
        found[silent(query)].append(Sampled(table, (rows == target).astype(float), np.zeros(len(rows))))

    def moved(fusion: Fusion, examples: Sequence[Sampled]) -> Fusion:
        return learn_fusion(examples, SIGNALS, prior=fusion) if examples and len(fusion.precision) else fusion

    silence = learnt.silence and moved(learnt.silence, found[True])
    return replace(learnt, requests=moved(learnt.requests, found[False]), silence=silence)


def _knowledge(sources: Sources, encoder: Encoder, of: Callable[[str], bool] = lambda owner: True) -> Knowledge:
    """Knowledge of the users and dialogues that ``of`` holds for."""
    sessions, asked, heard = [], [], []
    titles = title_keys(sources.catalog)
    for catalog, cases in sources.talks:
        kept = [case for case in cases if of(dialogue_of(case))]
        sessions += talks(kept, catalog)
        asked += requests(kept, catalog, encoder)
        heard += map(fingerprint, kept)
        titles |= title_keys(catalog)
    histories = {user: events for user, events in sources.histories.items() if of(user)}
    return learn_knowledge(ratings_of(histories, sources.catalog), sessions, asked, titles, heard=heard)


def ratings_of(histories: Mapping[str, Sequence[Event]], catalog: Catalog) -> list[Rating]:
    """Events as stars, under the ids that knowledge is kept by."""
    known = dict(zip((item.item_id for item in catalog.items), keys(catalog), strict=True))
    found = []
    for user, events in histories.items():
        for event in events:
            stars = event.value if event.kind == "rating" else STARS.get(event.kind)
            if stars is not None:
                found.append((user, known.get(event.item_id, event.item_id), stars))
    return found
