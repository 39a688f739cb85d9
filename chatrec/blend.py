"""Several scorers into one: named signals, and a weight for each by how much is known of the user.

A signal is any ``(users, items)`` array of scores, higher is better: a collaborative model, a sequence model, closeness
to what was said, a language model's likelihood. The weights are learned by softmax regression (McFadden, "Conditional
logit analysis of qualitative choice behavior", 1974): on events that no signal has seen, the item that was chosen is
told from all those that could have been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from chatrec.collaborative import History

EDGES = (10, 50)
"""Lengths of a history at which its weights change."""


def standardized(scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(users, items) float32: each user's scores of unseen items with mean 0 and deviation 1; 0 for seen ones."""
    unseen = ~seen
    count = np.maximum(unseen.sum(axis=1, keepdims=True), 1)
    centred = np.where(unseen, scores - np.sum(scores, axis=1, where=unseen, keepdims=True) / count, 0.0)
    deviation = np.sqrt(np.square(centred).sum(axis=1, keepdims=True) / count)
    return (centred / np.maximum(deviation, 1e-9)).astype(np.float32)


def seen_items(histories: Sequence[History], items: int) -> np.ndarray:
    """(users, items) bool."""
    seen = np.zeros((len(histories), items), dtype=bool)
    for user, history in enumerate(histories):
        seen[user, history] = True
    return seen


@dataclass(frozen=True)
class Blend:
    """``weights[b]`` are those of the ``names`` for histories shorter than ``edges[b]``, the last for all longer."""

    names: tuple[str, ...]
    edges: tuple[int, ...]
    weights: np.ndarray

    @classmethod
    def fit(
        cls,
        signals: Mapping[str, np.ndarray],
        histories: Sequence[History],
        targets: np.ndarray,
        edges: Sequence[int] = EDGES,
        ridge: float = 10.0,
    ) -> Blend:
        """The weights under which ``targets``, (users,), are likeliest among the items not in the histories.

        ``ridge`` pulls each bucket's weights towards common ones, so that a bucket with few users has sane weights.
        """
        names = tuple(signals)
        seen = seen_items(histories, next(iter(signals.values())).shape[1])
        stack = np.stack([standardized(signals[name], seen) for name in names], axis=-1)
        bucket = np.searchsorted(edges, [len(history) for history in histories], side="right")
        shape = (len(edges) + 2, len(names))  # the common weights, then what each bucket adds to them
        chosen = stack[np.arange(len(targets)), targets]

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            table = flat.reshape(shape)
            logits = (stack @ (table[0] + table[1 + bucket]).astype(np.float32)[..., None])[..., 0]
            logits[seen] = -np.inf
            total = logsumexp(logits, axis=1, keepdims=True)
            gap = (np.exp(logits - total)[:, None] @ stack)[:, 0] - chosen
            slopes = np.zeros(shape)
            np.add.at(slopes, 1 + bucket, gap)
            slopes[0] = gap.sum(axis=0)
            slopes[1:] += ridge * table[1:]
            value = float(total.sum() - logits[np.arange(len(targets)), targets].sum())
            return value + ridge / 2 * float(np.square(table[1:]).sum()), slopes.ravel()

        start = np.zeros(shape)
        start[0] = 1 / len(names)
        table = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B").x.reshape(shape)
        return cls(names, tuple(edges), table[0] + table[1:])

    def likelihoods(
        self, signals: Mapping[str, np.ndarray], histories: Sequence[History], targets: np.ndarray
    ) -> np.ndarray:
        """(users,) log-probabilities of ``targets`` among the items not in the histories."""
        logits = np.where(
            seen_items(histories, len(next(iter(signals.values()))[0])), -np.inf, self.score(signals, histories)
        )
        return logits[np.arange(len(targets)), targets] - logsumexp(logits, axis=1)

    def score(self, signals: Mapping[str, np.ndarray], histories: Sequence[History]) -> np.ndarray:
        """(users, items) float32 of the same signals for other histories. A signal that is missing counts nothing."""
        seen = seen_items(histories, next(iter(signals.values())).shape[1])
        bucket = np.searchsorted(self.edges, [len(history) for history in histories], side="right")
        total = np.zeros(seen.shape, dtype=np.float32)
        for name, weights in zip(self.names, self.weights.T.astype(np.float32), strict=True):
            if name in signals:
                total += weights[bucket, None] * standardized(signals[name], seen)
        return total
