"""Which signal counts how much, learnt from what people went on to name.

A softmax over the whole catalogue, linear in the signals: log p(item | query) = sum of weight x signal + const. Several
targets share one case. The sum over the catalogue is estimated from sampled items whose chance of being drawn is known
(Bengio & Senécal, "Adaptive importance sampling to accelerate training of a neural probabilistic language model", IEEE
Transactions on Neural Networks 2008).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from chatrec.errors import BadInput

RIDGE = 1e-4  # on weights of standardised signals
SAMPLED = 400  # items drawn for each case beside its targets


@dataclass(frozen=True)
class Fusion:
    """A weight for each signal; a signal without one does not count. Holds for any catalogue.
    ``precision``: (S, S) how sure the weights are, in their order; empty when nothing is known of that."""

    weights: Mapping[str, float]
    precision: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)), compare=False)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [[float(f"{cell:.4g}") for cell in row] for row in self.precision]
        content = {"weights": dict(self.weights), "precision": rows}
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Fusion:
        """Raises: BadInput when it is not there or not such a file."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            weights = {str(name): float(weight) for name, weight in data["weights"].items()}
            precision = np.array(data.get("precision", ()), dtype=float).reshape(-1, len(weights))
        except OSError as error:
            raise BadInput(f"{path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadInput(f"{path}: not a file of signal weights") from None
        if not all(map(math.isfinite, weights.values())) or not np.isfinite(precision).all():
            raise BadInput(f"{path}: a weight is not a number")
        return cls(weights, precision)


@dataclass(frozen=True)
class Example:
    """One case. ``signals``: (k, S) float32 of its targets and of sampled items; ``share``: (k,) of the targets, adding
    up to 1; ``offset``: (k,) what undoes the sampling, -log of how often an item is drawn."""

    signals: np.ndarray
    share: np.ndarray
    offset: np.ndarray


def sample(
    signals: Mapping[str, np.ndarray],
    names: Sequence[str],
    targets: Sequence[int],
    often: np.ndarray,
    rng: np.random.Generator,
    size: int = SAMPLED,
) -> Example:
    """An example from the signals, (N,) each, of every item that may be shown.

    ``targets``: positions in them; ``often``: (N,) chances to be drawn, which favour likely items. With ``size`` of N
    or more, nothing is drawn: all items are taken.
    """
    hits = np.unique(np.asarray(targets, dtype=np.int64))
    count = len(often)
    if size >= count:
        drawn, offset = np.setdiff1d(np.arange(count), hits), 0.0
    else:
        drawn = rng.choice(count, size=size, p=often)
        drawn = drawn[~np.isin(drawn, hits)]
        offset = -np.log(size * often[drawn])
    chosen = np.concatenate([hits, drawn])
    table = np.stack([signals[name][chosen] for name in names], axis=1).astype(np.float32)
    share = np.concatenate([np.full(len(hits), 1 / len(hits)), np.zeros(len(drawn))])
    return Example(table, share, np.concatenate([np.zeros(len(hits)), np.broadcast_to(offset, len(drawn))]))


def learn_fusion(
    examples: Iterable[Example],
    names: Sequence[str],
    ridge: float = RIDGE,
    prior: Fusion | None = None,
) -> Fusion:
    """The weights under which the targets are most likely. ``names``: (S,) of the signals, in the examples' order.

    ``prior``: weights of the same signals learnt before, which new examples move as far as they speak against it: what
    it was learnt from is remembered as a Gaussian (Laplace approximation; Spiegelhalter & Lauritzen, "Sequential
    updating of conditional probabilities", Networks 1990). Raises: BadInput when there is nothing to learn from.
    """
    examples = list(examples)
    if not examples:
        raise BadInput("nothing to learn from: no case has a target")
    table = np.concatenate([example.signals for example in examples])
    share = np.concatenate([example.share for example in examples])
    offset = np.concatenate([example.offset for example in examples])
    starts = np.cumsum([0, *(len(example.share) for example in examples[:-1])])
    lengths = np.diff([*starts, len(share)])
    spread = table.std(axis=0)
    scale = np.where(spread > 1e-9, spread, 1.0)  # a signal that never moves keeps a weight of 0
    table = table / scale.astype(np.float32)
    before, sure = _remembered(prior, names) if prior else (np.zeros(len(names)), np.zeros((len(names), len(names))))
    before, sure = before * scale, sure / np.outer(scale, scale)
    sure = sure + 2 * ridge * len(examples) * np.eye(len(names))

    def chances(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits = table @ weights.astype(np.float32) + offset
        top = np.maximum.reduceat(logits, starts)
        chance = np.exp(logits - np.repeat(top, lengths))
        total = np.add.reduceat(chance, starts)
        return chance / np.repeat(total, lengths), share @ logits - np.sum(top + np.log(total))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        chance, likelihood = chances(weights)
        pull = sure @ (weights - before)
        slope = (chance - share).astype(np.float32) @ table + pull
        return (pull @ (weights - before) / 2 - likelihood) / len(examples), slope / len(examples)

    found = minimize(loss, before, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    precision = sure + _curvature(table, chances(found)[0], starts)
    weights = {n: float(w) for n, w in zip(names, found / scale, strict=True)}
    return Fusion(weights, precision * np.outer(scale, scale))


def _remembered(prior: Fusion, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(S,) weights and (S, S) precision in the order of ``names``; nothing is known of a signal that came later."""
    at = {name: n for n, name in enumerate(prior.weights)}
    known = [n for n, name in enumerate(names) if name in at]
    theirs = [at[names[n]] for n in known]
    sure = np.zeros((len(names), len(names)))
    if len(prior.precision):
        sure[np.ix_(known, known)] = prior.precision[np.ix_(theirs, theirs)]
    return np.array([prior.weights.get(name, 0.0) for name in names]), sure


def _curvature(table: np.ndarray, chance: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(S, S): the covariance of the signals under the chances, added up over the cases."""
    weighted = chance[:, None] * table
    means = np.add.reduceat(weighted, starts)
    return weighted.T @ table - means.T @ means
