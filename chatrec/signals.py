"""Signals that learning brings in: what other people's behaviour, the years and the words say about an item.

Each is absolute, as in ``candidates``: it depends on the query and the item alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix

from chatrec.catalog import Catalog
from chatrec.knowledge import Known
from chatrec.types import Constraint

LATEST = 12  # events of a history that say what is near
FADING = 0.8  # what an item counts next to the one named after it
ERA = 8.0  # years apart at which two items are a third as close
SEASONS = 2.5  # years in which newness fades
WALK, ALIKE = 200.0, 20.0  # spread small chances and cosines over a logarithm

ASKED, SHARP, ANSWERED = 60, 8.0, 5.0  # requests that are looked at; how fast unlike ones fade; spread as above


class Signals:
    """The signals of one catalogue; ``known`` is what :meth:`Knowledge.on` gives for it; ``traits``: (N, traits) rows
    of length 1, tags and people. ``large``: too many items to remember what each is to all others."""

    def __init__(self, catalog: Catalog, known: Known, traits: csr_matrix, large: bool = False) -> None:
        self._catalog, self._known, self._trait_rows = catalog, known, traits
        self._years = _years(catalog)
        self._prior = self._priors()
        whole = lru_cache(maxsize=128)(lambda index: self._of_item(index, slice(None)))
        self._traces = self._of_item if large else lambda index, rows: [trace[rows] for trace in whole(index)]

    def of(
        self,
        constraints: Sequence[Constraint],
        stances: Sequence[tuple[int, float]],
        done: Sequence[int],
        rows: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Signal -> (k,) for the items at ``rows``. ``stances``: (index, -1 to 1) of the items that the query is
        about, oldest first; ``done``: indices of all that the user has met, oldest first; ``constraints``: its
        wishes."""
        return (
            {name: prior[rows] for name, prior in self._prior.items()}
            | self._near(stances, rows)
            | {"around": self._around(done, rows)}
            | self._met(constraints, rows)
        )

    def plain(self, constraints: Sequence[Constraint], rows: np.ndarray) -> dict[str, np.ndarray]:
        """Those that do not depend on other items."""
        return {name: prior[rows] for name, prior in self._prior.items()} | self._met(constraints, rows)

    def beside(self, index: int) -> np.ndarray:
        """(m,) indices of the items that behaviour leads to from one."""
        known = (self._known.rated, self._known.around, self._known.steps)
        return np.concatenate([matrix[index].indices for matrix in known]).astype(np.int64)

    def _around(self, done: Sequence[int], rows: np.ndarray) -> np.ndarray:
        """What people turn to soon before or after what the user has met, the latest counting most."""
        signal, total = np.zeros(len(rows)), 0.0
        for age, index in enumerate(reversed(done[-LATEST:])):
            signal += FADING**age * _row(self._known.around, index)[rows]
            total += FADING**age
        return np.log1p(WALK * signal / max(total, 1e-9))

    def answers(self, request: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(k,) how often the items at ``rows`` answered requests like this one, given by its (d,) sentence vector."""
        asked = self._known.asked
        if asked.shape[1:] != request.shape:  # nothing known, or known through another encoder
            return np.zeros(len(rows))
        cosine = asked @ request
        near = np.argpartition(-cosine, min(ASKED, len(cosine)) - 1)[:ASKED]
        found = self._known.answers[near].T @ np.exp(SHARP * (cosine[near] - 1))
        return np.log1p(ANSWERED * found)[rows]

    def _priors(self) -> dict[str, np.ndarray]:
        """Named in how many dialogues, rated by how many, how new; the middle year where it is unknown."""
        known_years = self._years[~np.isnan(self._years)]
        newest, middle = (known_years.max(), np.median(known_years)) if len(known_years) else (0.0, 0.0)
        age = newest - np.where(np.isnan(self._years), middle, self._years)
        return {
            "named": np.log(self._known.named + 0.3),
            "rated": np.log1p(self._known.ratings),
            "new": np.exp(-age / SEASONS),
        }

    def _near(self, stances: Sequence[tuple[int, float]], rows: np.ndarray) -> dict[str, np.ndarray]:
        """Weighted means over the items of the query, the latest counting most, disliked ones against."""
        names = ("together", "alike", "era", "shared")
        signals, total = {name: np.zeros(len(rows)) for name in names}, 0.0
        for age, (index, stance) in enumerate(reversed(stances)):
            total += abs(stance) * FADING**age
            for name, trace in zip(names, self._traces(index, rows), strict=True):
                signals[name] += stance * FADING**age * trace
        for name, scale in (("together", WALK), ("alike", ALIKE)):
            mean = signals[name] / max(total, 1e-9)
            signals[name] = np.sign(mean) * np.log1p(scale * np.abs(mean))
        signals["era"] = signals["era"] / max(total, 1e-9)
        signals["shared"] = np.sign(signals["shared"]) * np.sqrt(np.abs(signals["shared"]) / max(total, 1e-9))
        return signals

    def _of_item(self, index: int, rows: np.ndarray | slice) -> tuple[np.ndarray, ...]:
        """(k,) each for one item and those at ``rows``: where dialogues lead from it, who is liked by the same people,
        of the same years, with tags and people in common."""
        apart = np.abs(self._years[rows] - self._years[index])
        era = np.nan_to_num(np.exp(-apart / ERA))
        shared = (self._trait_rows[rows] @ self._trait_rows[index].T).toarray()[:, 0]
        steps, rated = _row(self._known.steps, index)[rows], _row(self._known.rated, index)[rows]
        return steps, rated, era.astype(np.float32), shared

    def _met(self, constraints: Sequence[Constraint], rows: np.ndarray) -> dict[str, np.ndarray]:
        """Root of how many soft wishes an item meets, by kind of slot: the first says most."""
        signals = {name: np.zeros(len(rows)) for name in ("tags", "people", "number")}
        for constraint in constraints:
            kind = self._catalog.schema.slots[constraint.slot].type
            if constraint.soft and constraint.op != "not" and kind in signals:
                signals[kind] += self._catalog.mask(constraint)[rows]
        return {kind: np.sqrt(met) for kind, met in signals.items()}


def _years(catalog: Catalog) -> np.ndarray:
    """(N,) float32, nan where unknown or without such a column."""
    column = catalog.schema.columns.get("year", "")
    return np.array([item.attributes.get(column, np.nan) for item in catalog.items], dtype=np.float32)


def _row(matrix: csr_matrix, index: int) -> np.ndarray:
    row = np.zeros(matrix.shape[1], dtype=np.float32)
    span = slice(matrix.indptr[index], matrix.indptr[index + 1])
    row[matrix.indices[span]] = matrix.data[span]
    return row
