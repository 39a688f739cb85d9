"""What people who liked these also liked, from histories alone: linear models with a closed form.

A history is an array of item indices, oldest first. All scorers take a batch of histories and need no user id, so they
work for people whom they have never seen.

- :class:`Ease` is the item-item model of Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019. Its
  input weighs a step back in the history ``decay`` times as much as the one after it.
- :class:`Transitions` regresses what comes next on what came before, both decayed: the transition model (SLIT) of Choe
  et al., "Session-aware linear item-item models for session-based recommendation", WWW 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

History = np.ndarray
"""(n,) int indices of items, oldest first."""


def interactions(histories: Sequence[History], items: int, decay: float = 1.0) -> sparse.csr_matrix:
    """(users, items) float32: 1 for the last event of a history, ``decay`` for the one before, and so on down.

    An item that occurs again keeps its latest weight.
    """
    lengths = np.array([len(history) for history in histories], dtype=np.int64)
    columns = np.concatenate([*histories, np.zeros(0)]).astype(np.int64)
    rows = np.repeat(np.arange(len(histories)), lengths)
    back = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(columns)) - 1
    cells, latest = np.unique((rows * items + columns)[::-1], return_index=True)
    weights = (np.float32(decay) ** back)[::-1][latest].astype(np.float32)
    return sparse.csr_matrix((weights, (cells // max(items, 1), cells % max(items, 1))), shape=(len(histories), items))


def popularity(histories: Sequence[History], items: int) -> np.ndarray:
    """(items,) in how many histories an item is."""
    return np.asarray(interactions(histories, items).sum(axis=0)).ravel()


@dataclass(frozen=True)
class Ease:
    """``weights``, (items, items): how much an item of the history speaks for another one; zero diagonal."""

    weights: np.ndarray
    decay: float

    @classmethod
    def fit(cls, histories: Sequence[History], items: int, ridge: float = 500.0, decay: float = 0.8) -> Ease:
        """The least-squares weights that rebuild each history from its other items. ``ridge``: their L2 penalty."""
        found = interactions(histories, items)
        inverse = _inverse((found.T @ found).toarray(), ridge)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        return cls(weights.astype(np.float32), decay)

    def score(self, histories: Sequence[History]) -> np.ndarray:
        """(users, items) float32, higher is better."""
        return interactions(histories, len(self.weights), self.decay) @ self.weights


@dataclass(frozen=True)
class Transitions:
    """``weights``, (items, items): how much an item of the history speaks for another one coming soon after."""

    weights: np.ndarray
    decay: float

    @classmethod
    def fit(cls, histories: Sequence[History], items: int, ridge: float = 500.0, decay: float = 0.8) -> Transitions:
        """At each step of each history, the decayed future is regressed on the decayed past."""
        past, both = np.zeros((items, items)), np.zeros((items, items))
        for history in histories:
            before, after = _around(len(history), decay)
            # unbuffered, because an item may occur twice in a history
            np.add.at(past, np.ix_(history, history), before.T @ before)
            np.add.at(both, np.ix_(history, history), before.T @ after)
        return cls((_inverse(past, ridge) @ both).astype(np.float32), decay)

    def score(self, histories: Sequence[History]) -> np.ndarray:
        """(users, items) float32, higher is better."""
        return interactions(histories, len(self.weights), self.decay) @ self.weights


@dataclass(frozen=True)
class Neighbours:
    """Item-kNN: ``weights``, (items, items) sparse cosines of who met both items, the ``k`` highest of each."""

    weights: sparse.csr_matrix

    @classmethod
    def fit(cls, histories: Sequence[History], items: int, k: int = 100, shrink: float = 0.0) -> Neighbours:
        """``shrink`` is added to the denominator, so that few common users count for less."""
        found = interactions(histories, items)
        norms = np.sqrt(np.asarray(found.power(2).sum(axis=0)).ravel())
        cosines = (found.T @ found).toarray() / np.maximum(np.outer(norms, norms) + shrink, 1e-9)
        np.fill_diagonal(cosines, 0.0)
        if k < items:
            cosines[cosines < np.partition(cosines, items - k, axis=0)[items - k]] = 0.0
        return cls(sparse.csr_matrix(cosines.astype(np.float32)))

    def score(self, histories: Sequence[History]) -> np.ndarray:
        """(users, items) float32, higher is better."""
        return np.asarray((interactions(histories, self.weights.shape[0]) @ self.weights).todense())


def _around(n: int, decay: float) -> tuple[np.ndarray, np.ndarray]:
    """Two (steps, n) matrices: what came before each step but the first, and what comes from that step on."""
    gap = np.arange(1, n)[:, None] - np.arange(n)
    return np.where(gap > 0, decay ** np.maximum(gap - 1, 0), 0.0), np.where(
        gap <= 0, decay ** np.maximum(-gap, 0), 0.0
    )


def _inverse(gram: np.ndarray, ridge: float) -> np.ndarray:
    """The inverse of a symmetric matrix with ``ridge`` added to its diagonal."""
    return linalg.inv(gram + ridge * np.eye(len(gram)), overwrite_a=True, check_finite=False)
