"""Which of a large catalogue's items are worth a whole score: those that come near by one of the signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from chatrec.catalog import Catalog
from chatrec.nearest import Nearest, among

DEEP = 1000  # items that each signal brings in
BESIDE = 200  # nearest that are known of an item
RARE = 300  # owners up to which a tag or a name brings all of them in
SAMPLED = 4096  # items that stand for the whole catalogue
KEPT = 10_000  # items whose surroundings are remembered


@dataclass(frozen=True)
class Surroundings:
    """Of an item: what closeness ``low`` and ``high`` mean 0 and 1, and the ``rows`` that may come near."""

    low: float
    high: float
    rows: np.ndarray


class Shortlist:
    """For a catalogue of N items. ``vectors``: (N, d) rows of length 1; ``traits``: (N, traits) rows of length 1, of
    tags and people; ``beside``: what behaviour leads to from an item; ``neighbours``: how many items count as fully
    close to another."""

    def __init__(
        self,
        catalog: Catalog,
        vectors: np.ndarray,
        traits: csr_matrix,
        nearest: Nearest,
        beside: Callable[[int], np.ndarray],
        neighbours: int,
    ) -> None:
        self._catalog, self._vectors, self._traits = catalog, vectors, traits
        self._nearest, self._beside = nearest, beside
        self._neighbours = neighbours
        sampled = np.linspace(0, len(vectors) - 1, min(SAMPLED, len(vectors))).astype(np.int64)
        self._sample = vectors[sampled], traits[sampled]
        self._known: dict[int, Surroundings] = {}

    def of(
        self, rows: np.ndarray, known: np.ndarray, directions: Sequence[np.ndarray], items: Sequence[int]
    ) -> np.ndarray:
        """Those of the (m,) ``rows``, ascending, that are among the best by what is ``known`` of them without their
        vectors, (m,), or by the inner product with one of the directions, or that are near one of the items."""
        best = [rows[np.argpartition(-known, DEEP)[:DEEP]] if len(rows) > DEEP else rows]
        if len(directions):
            best += self._nearest.near(np.stack(directions), DEEP // 2, rows)
        around = [found.rows for found in self.surroundings(items).values()]
        near = np.unique(np.concatenate(around)) if around else np.zeros(0, np.int64)
        return np.unique(np.concatenate([*best, among(rows, near)]))

    def closeness(self, items: Sequence[int], rows: np.ndarray) -> dict[int, np.ndarray]:
        """Item -> (k,) float32 in [0, 1], its closeness to the items at ``rows``."""
        found = self.surroundings(items)
        raw = self._raw(list(items), self._vectors[rows], self._traits[rows]) if len(items) else ()
        return {item: _between(column, found[item]) for item, column in zip(items, raw, strict=True)}

    def surroundings(self, items: Sequence[int]) -> Mapping[int, Surroundings]:
        """Of each item, looked for together where they are not known yet."""
        found = {item: self._known[item] for item in items if item in self._known}
        missing = [item for item in dict.fromkeys(items) if item not in found]
        if missing:
            if len(self._known) > KEPT:
                self._known.clear()
            near = self._nearest.near(self._vectors[missing], BESIDE)
            found |= {item: self._look(item, rows) for item, rows in zip(missing, near, strict=True)}
            self._known.update(found)
        return found

    def _look(self, item: int, near: np.ndarray) -> Surroundings:
        rows = np.unique(np.concatenate([near, self._beside(item), *self._sharing(item)]))
        raw = self._raw([item], self._vectors[rows], self._traits[rows])[0]
        low = float(np.median(self._raw([item], *self._sample)[0]))
        top = min(self._neighbours, len(raw) - 1)
        return Surroundings(low, float(np.partition(raw, -1 - top)[-1 - top]), rows)

    def _sharing(self, item: int) -> list[np.ndarray]:
        """The owners of each of its rare tags and names."""
        slots = [slot for slot in self._catalog.schema.slots.values() if slot.type in ("tags", "people")]
        own = [
            (slot.name, value) for slot in slots for value in self._catalog.own(slot.name, self._catalog.items[item])
        ]
        owners = [self._catalog.values(slot)[str(value)] for slot, value in own]
        return [found for found in owners if len(found) <= RARE]

    def _raw(self, items: Sequence[int], vectors: np.ndarray, traits: csr_matrix) -> np.ndarray:
        """(m, k): half text, half tags and people shared."""
        return self._vectors[items] @ vectors.T + (self._traits[items] @ traits.T).toarray()


def _between(raw: np.ndarray, found: Surroundings) -> np.ndarray:
    return np.clip((raw - found.low) / max(found.high - found.low, 1e-6), 0, 1).astype(np.float32)
