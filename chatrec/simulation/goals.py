"""What simulated users want: one item of the catalogue, of which they know a few things, and items that they liked.

The constants come from recorded dialogues; docs/simulation.md has the comparison.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from chatrec.catalog import Catalog, fold
from chatrec.schema import Slot
from chatrec.simulation.words import Wish, Words, tells
from chatrec.types import Constraint, Item

FACTS = (2, 5)  # how many facts of the item a user knows, at least and at most
FEW = 20  # items that fit all of them, at most: who wants one item knows enough to tell it from most others
LIKED = (1, 2, 3)  # how many items they liked before
FAME = 1.5  # chance of an item to be wanted: its popularity to this power
CLOSE = 4.0  # chance of an item to be liked: also its closeness to the wanted one to this power
TRIES = 1000


@dataclass(frozen=True)
class Goal:
    """``wishes`` all hold for the target. ``liked`` are items that the user knows and will tell of."""

    target: Item
    wishes: tuple[Wish, ...]
    liked: tuple[Item, ...]


class Goals:
    """Draws goals from any catalogue."""

    def __init__(self, catalog: Catalog, words: Words) -> None:
        self.catalog, self.words = catalog, words
        column = catalog.schema.columns.get("popularity", "")
        raw = [item.attributes.get(column, 0.0) for item in catalog.items]
        fame = np.array(raw, dtype=np.float64).clip(min=0) ** FAME
        self._fame = fame if fame.any() else np.ones(len(catalog))
        self._traits = _traits(catalog)
        self._wordings = {name: wordings(slot, catalog) for name, slot in catalog.schema.slots.items()}

    def draw(self, rng: random.Random) -> Goal:
        """One goal: the more popular an item, the likelier it is wanted. Its title does not occur in how its user
        talks, whatever they say."""
        templates = [
            t for act in ("open", "open_vague", "wish", "also", "more", "others") for t in self.words.templates(act)
        ]
        for _ in range(TRIES):
            index = self._pick(self._fame, rng)
            target = self.catalog.items[index]
            wishes = tuple(self._wishes(target, rng))
            spoken = [*templates, *(wish.text for wish in wishes)]
            if wishes and not any(tells(text, target.title) for text in spoken):
                return Goal(target, wishes, tuple(self._liked(index, rng)))
        raise ValueError(f"{self.catalog.schema.name} has no item that could be described")

    def _pick(self, weights: np.ndarray, rng: random.Random) -> int:
        return rng.choices(range(len(weights)), weights)[0]

    def _wishes(self, target: Item, rng: random.Random) -> list[Wish]:
        """Facts of the item, of the slots that stand first in the schema most often, each once; as many as it takes
        until few others fit them all. Empty when that takes more than a user would know."""
        slots = list(self.catalog.schema.slots.values())
        told: dict[tuple[object, ...], Wish] = {}
        fitting = np.ones(len(self.catalog), dtype=bool)
        for _ in range(TRIES):
            slot = rng.choices(slots, _falling(len(slots)))[0]
            wish = self._wish(slot, target, rng)
            meaning = wish and (slot.name, *(() if slot.type == "number" else wish.constraints[0].values))
            if wish is None or meaning in told:
                continue
            told[meaning] = wish
            for constraint in wish.constraints:
                fitting &= self.catalog.mask(constraint)
            if len(told) >= FACTS[0] and fitting.sum() <= FEW:
                return list(told.values())
            if len(told) == FACTS[1]:
                break
        return []

    def _wish(self, slot: Slot, target: Item, rng: random.Random) -> Wish | None:
        if slot.type == "number":
            return self._amount(slot, target, rng)
        column = rng.choice(slot.columns)
        own = target.attributes.get(column, ())
        own = (own,) if isinstance(own, str) else own
        if not own:
            return None
        value = rng.choices(own, _falling(len(own)) if slot.type == "people" else None)[
            0
        ]  # the lead is remembered best
        if slot.type == "people":
            label = self.catalog.schema.labels.get(column, "with")
            text = self.words.say("person", rng, label=label, value=value)
            return Wish(text, (Constraint(slot.name, "is", (value,), text),))
        said = [word for word, values in self._wordings[slot.name].items() if value in values]
        if not said:
            return None
        plain = fold(value) if fold(value) in said and rng.random() < 0.5 else rng.choice(said)
        values = self._wordings[slot.name][plain]
        return Wish(plain, (Constraint(slot.name, "is", values, plain),))

    def _amount(self, slot: Slot, target: Item, rng: random.Random) -> Wish | None:
        """A number as people put it: a word of the schema, a decade, or a round bound."""
        value = target.attributes.get(slot.columns[0])
        if not isinstance(value, float):
            return None
        said = [Wish(word, bounded(slot, word)) for word in slot.words]
        said = [w for w in said if all(self.catalog.met(c, target) for c in w.constraints)]
        if slot.columns[0] == self.catalog.schema.columns.get("year"):
            said = [self._decade(slot, value, rng), *rng.sample(said, min(1, len(said)))]
        elif slot.unit and slot.step:
            said += [self._bound(slot, value, op, rng) for op in ("min", "max")]
        return rng.choice(said) if said else None

    def _decade(self, slot: Slot, year: float, rng: random.Random) -> Wish:
        start = int(year // 10 * 10)
        short = f"{start % 100}" if 1930 <= start < 2000 else f"{start}"
        text = self.words.say("decade", rng, short=short, long=f"{start}")
        bounds = (("min", float(start)), ("max", float(start + 9)))
        return Wish(text, tuple(Constraint(slot.name, op, (bound,), text) for op, bound in bounds))

    def _bound(self, slot: Slot, value: float, op: str, rng: random.Random) -> Wish:
        steps = value // slot.step
        bound = steps * slot.step if op == "min" else (steps + 1) * slot.step
        text = self.words.say("at_least" if op == "min" else "at_most", rng, value=f"{bound:g}", unit=slot.unit)
        return Wish(text, (Constraint(slot.name, op, (bound,), text),))

    def _liked(self, index: int, rng: random.Random) -> Iterator[Item]:
        chances = self._fame * self.closeness(index) ** CLOSE
        chances[index] = 0.0
        for _ in range(rng.choice(LIKED)):
            if chances.any():
                picked = self._pick(chances, rng)
                chances[picked] = 0.0
                yield self.catalog.items[picked]

    def closeness(self, index: int) -> np.ndarray:
        """(N,) float64 in [0, 1]: the share of tags and people that an item has in common with this one (Jaccard)."""
        shared = (self._traits @ self._traits[index].T).toarray()[:, 0]
        sizes = np.asarray(self._traits.sum(axis=1))[:, 0]
        return shared / np.maximum(sizes + sizes[index] - shared, 1)


def bounded(slot: Slot, word: str) -> tuple[Constraint, ...]:
    """What a word of a number slot ("short") asks for."""
    pairs = zip(("min", "max"), slot.words[word], strict=True)
    return tuple(Constraint(slot.name, op, (bound,), word) for op, bound in pairs if bound is not None)


def wordings(slot: Slot, catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """What people say for the values of a slot -> the values it means; without words that a slot further up in the
    schema takes for itself."""
    if slot.type in ("number", "people"):
        return {}
    before: set[str] = set()
    for other in catalog.schema.slots.values():
        if other.name == slot.name:
            break
        if other.type != "number":
            before |= {fold(v) for v in catalog.values(other.name)}
        before |= {fold(word) for words in other.synonyms.values() for word in words} | {fold(w) for w in other.words}
    found: dict[str, list[str]] = {}
    for value in catalog.values(slot.name):
        for word in dict.fromkeys((value, *slot.synonyms.get(value, ()))):
            if fold(word) not in before:
                found.setdefault(fold(word), []).append(value)
    return {word: tuple(values) for word, values in found.items()}


def _falling(places: int) -> list[float]:
    return [2.0**-place for place in range(places)]


def _traits(catalog: Catalog) -> csr_matrix:
    """(N, T) of 0 and 1: the tags and people of each item."""
    owners: Sequence[np.ndarray] = [
        rows
        for slot in catalog.schema.slots.values()
        if slot.type in ("tags", "people")
        for rows in catalog.values(slot.name).values()
    ]
    if not owners:
        return csr_matrix((len(catalog), 1))
    columns = np.repeat(np.arange(len(owners)), [len(rows) for rows in owners])
    rows = np.concatenate(owners)
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(catalog), len(owners)))
