"""Which of a catalogue's many vectors are nearest to a few others: by looking at all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

FEW = 4  # queries
BLOCK = 16_384  # rows that are looked at together: what a processor's cache holds


class Nearest(Protocol):
    """Finds, among N vectors, those with the largest inner product. Safe to use from several threads."""

    def near(self, queries: np.ndarray, k: int, rows: np.ndarray | None = None) -> list[np.ndarray]:
        """For each of the (q, d) queries int64 indices of up to ``k`` vectors, in any order: of those at ``rows``,
        (m,) ascending, or of all."""
        ...


Search = Callable[[str, np.ndarray], Nearest]
"""What makes it for a catalogue, by its name, and the (N, d) float32 vectors of its items."""


class Exact:
    """The dull one: every product, a block at a time, so that it takes no memory of its own."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors

    def near(self, queries: np.ndarray, k: int, rows: np.ndarray | None = None) -> list[np.ndarray]:
        best = [(np.zeros(0, np.int64), np.zeros(0, np.float32))] * len(queries)
        for at, products in self._products(queries, rows):
            best = [_better(*old, at, line, k) for old, line in zip(best, products, strict=True)]
        return [indices for indices, _ in best]

    def _products(self, queries: np.ndarray, rows: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(b,) indices and (q, b) products, by blocks. A block of which most is wanted is multiplied where it lies."""
        for start in range(0, len(self._vectors), BLOCK):
            block = self._vectors[start : start + BLOCK]
            at = np.arange(start, start + len(block))
            if rows is None:
                yield at, _multiply(queries, block)
                continue
            at = rows[slice(*np.searchsorted(rows, (start, start + BLOCK)))]
            if len(at) > len(block) / 4:
                yield at, _multiply(queries, block)[:, at - start]
            elif len(at):
                yield at, _multiply(queries, self._vectors[at])


def exact(name: str, vectors: np.ndarray) -> Nearest:
    """See :data:`Search`."""
    return Exact(vectors)


def among(rows: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Those of the indices that are in ``rows``, which are ascending, in the order of the indices."""
    at = np.searchsorted(rows, indices)
    return indices[rows[np.minimum(at, len(rows) - 1)] == indices]


def _multiply(queries: np.ndarray, block: np.ndarray) -> np.ndarray:
    """(q, b). One by one where they are few: a matrix product takes three times as long for two as for one."""
    return queries @ block.T if len(queries) > FEW else np.stack([block @ query for query in queries])


def _better(
    indices: np.ndarray, scores: np.ndarray, at: np.ndarray, line: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The best so far and those of one more block that are better."""
    new = np.flatnonzero(line > scores.min()) if len(scores) == k else slice(None)
    both, found = np.concatenate([indices, at[new]]), np.concatenate([scores, line[new]])
    kept = np.argpartition(-found, k - 1)[:k] if len(found) > k else slice(None)
    return both[kept], found[kept]
