"""What the ranker learns from: recorded dialogues, and requests made from behaviour itself.

Behaviour has no words. So the next item that somebody liked is described the way people ask, by a few of its attributes
in the words of the schema, and asked for: a dialogue without a label anybody had to write. The target's title is never
in the text.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from chatrec import dialogue
from chatrec.candidates import positions
from chatrec.catalog import Catalog
from chatrec.evaluation.dialogues import Case, dialogue_of, query_of, wishes
from chatrec.linker import Linker
from chatrec.schema import Slot
from chatrec.types import Constraint, Event, Item, Query, Reading, Turn

EACH = 16  # examples made of one user's behaviour
ASKED = 3  # attributes that a made request names at most
LEADING = 0.6  # chance that the schema's first slot (genre, for films) is named
OPENINGS = ("i want {}", "something {}", "can you recommend {}", "show me {}", "{}", "looking for {}", "any {}?")


@dataclass(frozen=True)
class Example:
    """One query and what came next. ``targets``: indices of the catalogue; ``weight``: what it counts in the loss;
    ``owner``: the user or the dialogue it is of; ``query``: what ``reading`` was read from; ``prior``: (N,) what the
    signals make of every item, up to a constant, -inf where it may not be shown."""

    reading: Reading
    targets: tuple[int, ...]
    weight: float = 1.0
    owner: str = ""
    query: Query | None = field(default=None, compare=False)
    prior: np.ndarray | None = field(default=None, compare=False, repr=False)


def from_dialogues(cases: Sequence[Case], catalog: Catalog, linker: Linker) -> Iterator[Example]:
    """One example a case; items named before are no targets. Cases without a new item of the catalogue are left out."""
    for case in cases:
        new = [t for t in case.targets if t not in case.mentioned]
        targets = tuple(int(i) for i in positions(catalog, dict.fromkeys(new)))
        query = replace(query_of(case, catalog, new=True), constraints=wishes(case.turns, linker, catalog))
        told = dialogue.reading(query, catalog)
        if targets and not names(told, targets, catalog):
            yield Example(told, targets, owner=dialogue_of(case), query=query)


def from_behaviour(
    users: Mapping[str, Sequence[Event]], catalog: Catalog, linker: Linker, rng: random.Random, each: int = EACH
) -> Iterator[Example]:
    """``each`` examples a user: what they liked at some time, after what they had done before it, asked for in words
    that are read as the bot reads them."""
    for user, events in users.items():
        known = [e for e in sorted(events, key=lambda e: e.at) if len(positions(catalog, [e.item_id]))]
        liked = [n for n, event in enumerate(known) if dialogue.stance(event) == "like"]
        for n in rng.sample(liked, min(each, len(liked))):
            target = catalog.item(known[n].item_id)
            before = [event for event in known[:n] if event.item_id != target.item_id]  # "seen it, loved it"
            query = as_read(asked(target, before, catalog, rng), catalog, linker)
            told, targets = dialogue.reading(query, catalog), (catalog.index(target.item_id),)
            if not names(told, targets, catalog):
                yield Example(told, targets, owner=user, query=query)


def as_read(made: Query, catalog: Catalog, linker: Linker) -> Query:
    """The query that the bot makes of the words of a made request; nothing of the history is asked for again."""
    seen = frozenset(event.item_id for event in made.history)
    if not made.turns:
        return replace(made, exclude=seen)
    said = made.turns[0].text
    state = dialogue.State(made.catalog)
    state = dialogue.understand(state, "ask_recommendation", said, linker.link(said), catalog, 0.0).state
    return replace(dialogue.query(state, made.turns, made.history), exclude=seen)


def asked(target: Item, before: Sequence[Event], catalog: Catalog, rng: random.Random) -> Query:
    """A query in which the target is asked for: often in words, sometimes as wishes, sometimes not at all."""
    wishes = _describe(target, catalog, rng)
    words = " ".join(word for word, _ in wishes)
    turns = (Turn("user", rng.choice(OPENINGS).format(words)),) if wishes and rng.random() < 0.7 else ()
    constraints = tuple(c for _, c in wishes if c) if rng.random() < 0.5 else ()
    kept = tuple(before[-rng.randrange(13) :]) if before and rng.random() < 0.8 else ()
    return Query(catalog.schema.name, turns, constraints, history=kept)


def _describe(item: Item, catalog: Catalog, rng: random.Random) -> list[tuple[str, Constraint | None]]:
    """Up to ``ASKED`` attributes of the item, each as people say it and as the wish that this is."""
    slots = [slot for slot in catalog.schema.slots.values() if item.attributes.get(slot.columns[0])]
    chosen = rng.sample(slots, min(rng.randint(1, ASKED), len(slots)))
    if rng.random() < LEADING:  # what kind of thing it is comes first, as it does when people ask
        chosen = [*slots[:1], *(slot for slot in chosen if slot is not slots[0])]
    return [said for slot in chosen if (said := _say(slot, item, rng))]


def _say(slot: Slot, item: Item, rng: random.Random) -> tuple[str, Constraint | None] | None:
    values = (
        [v for column in slot.columns for v in item.attributes.get(column, ()) or ()] if slot.type != "number" else []
    )
    if values and slot.type in ("tags", "people"):
        value = rng.choice(values[:6])
        said = rng.choice([value, *slot.synonyms.get(value, ())]) if slot.type == "tags" else f"with {value}"
        return said, Constraint(slot.name, "is", (value,))
    number = item.attributes.get(slot.columns[0])
    fitting = [
        word
        for word, (low, high) in slot.words.items()
        if isinstance(number, float) and (low is None or number >= low) and (high is None or number <= high)
    ]
    return (rng.choice(fitting), None) if fitting else None


def names(told: Reading, targets: Sequence[int], catalog: Catalog) -> bool:
    """Whether the text holds the title of a target: there would be nothing to learn."""
    return any(catalog.items[t].title.casefold() in told.text.casefold() for t in targets)


def log_prior(examples: Sequence[Example], size: int) -> np.ndarray:
    """(N,) float32: log of how often each item is a target, smoothed by one."""
    counts = np.bincount([t for e in examples for t in e.targets], minlength=size)
    return np.log((counts + 1) / (counts.sum() + size)).astype(np.float32)
