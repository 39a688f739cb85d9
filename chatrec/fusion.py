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
from scipy.special import logsumexp

from chatrec.errors import BadInput

RIDGE = 1e-4  # on weights of standardised signals
SAMPLED = 400  # items drawn for each case beside its targets


@dataclass(frozen=True)
class Fusion:
    """A weight for each signal; a signal without one does not count. Holds for any catalogue. ``about``: what it was
    learnt from."""

    weights: Mapping[str, float]
    about: Mapping[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"weights": dict(self.weights), "about": dict(self.about)}
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Fusion:
        """Raises: BadInput when it is not there or not such a file."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            weights = {str(name): float(weight) for name, weight in data["weights"].items()}
            about = dict(data.get("about", {}))
        except OSError as error:
            raise BadInput(f"{path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadInput(f"{path}: not a file of signal weights") from None
        if not all(map(math.isfinite, weights.values())):
            raise BadInput(f"{path}: a weight is not a number")
        return cls(weights, about)


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
    examples: Iterable[Example], names: Sequence[str], ridge: float = RIDGE, about: Mapping[str, str] | None = None
) -> Fusion:
    """The weights under which the targets are most likely. ``names``: (S,) of the signals, in the examples' order."""
    examples = list(examples)
    if not examples:
        raise BadInput("nothing to learn from: no case has a target")
    table = np.concatenate([example.signals for example in examples])
    share = np.concatenate([example.share for example in examples])
    offset = np.concatenate([example.offset for example in examples])
    starts = np.cumsum([0, *(len(example.share) for example in examples[:-1])])
    spread = table.std(axis=0)
    scale = np.where(spread > 1e-9, spread, 1.0)  # a signal that never moves keeps a weight of 0
    table = table / scale.astype(np.float32)
    lengths = np.diff([*starts, len(share)])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = table @ weights.astype(np.float32) + offset
        top = np.maximum.reduceat(logits, starts)
        chance = np.exp(logits - np.repeat(top, lengths))
        total = np.add.reduceat(chance, starts)
        likelihood = share @ logits - np.sum(top + np.log(total))
        error = (chance / np.repeat(total, lengths) - share).astype(np.float32)
        penalty = ridge * float(weights @ weights)
        return penalty - likelihood / len(starts), error @ table / len(starts) + 2 * ridge * weights

    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return Fusion({n: float(w) for n, w in zip(names, found.x / scale, strict=True)}, dict(about or {}))


def surprise(fusion: Fusion, examples: Iterable[Example], names: Sequence[str]) -> float:
    """Mean nats by which the targets surprise: lower is better. What choices are made by."""
    weights = np.array([fusion.weights.get(name, 0.0) for name in names])
    found = []
    for example in examples:
        logits = example.signals @ weights + example.offset
        found.append(logsumexp(logits) - example.share @ logits)
    return float(np.mean(found))
