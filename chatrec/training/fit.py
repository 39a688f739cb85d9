"""The training loop: full softmax over each catalogue, the language model frozen at first, then LoRA."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from chatrec.tower import Tower
from chatrec.training.adapt import Method
from chatrec.training.examples import Example


@dataclass(frozen=True)
class World:
    """Examples of one catalogue. ``vectors``: (N, encoder_dim) of its items' texts; ``prior``: (N,) log popularity, for
    examples without a prior of their own."""

    name: str
    examples: Sequence[Example]
    vectors: Tensor
    prior: Tensor


@dataclass(frozen=True)
class Plan:
    """How to train. ``warm``: epochs with the language model frozen. Rates are those of AdamW, at their peak.
    ``patience``: epochs without a better figure that are put up with."""

    epochs: int = 6
    warm: int = 1
    batch: int = 32
    head_rate: float = 1e-3
    body_rate: float = 3e-4
    decay: float = 0.01
    patience: int = 2
    method: Method = "lora"
    seed: int = 0


def batches(worlds: Sequence[World], plan: Plan, epoch: int) -> Iterator[tuple[World, list[Example]]]:
    """Every example once, shuffled, batches of one catalogue each; the same for the same seed and epoch."""
    rng = random.Random(f"{plan.seed}:{epoch}")
    found = []
    for world in worlds:
        order = sorted(world.examples, key=lambda e: (len(e.reading.text) // 40, rng.random()))  # little padding
        found += [(world, list(order[i : i + plan.batch])) for i in range(0, len(order), plan.batch)]
    rng.shuffle(found)
    yield from found


def loss(tower: Tower, world: World, examples: Sequence[Example], prior_weight: Tensor) -> Tensor:
    """Cross entropy between the softmax over the catalogue and the targets, each example by its weight. What the other
    signals, or else popularity, explain is given to the model as a prior, so that it learns the rest."""
    queries = tower.queries([e.reading for e in examples], world.vectors)
    logits = tower.scores(queries, tower.items(world.vectors)) + priors(world, examples, prior_weight)
    found = logits.log_softmax(1)
    per = torch.stack([-row[list(e.targets)].mean() for row, e in zip(found, examples, strict=True)])
    weights = torch.tensor([e.weight for e in examples], device=per.device)
    return (per * weights).sum() / weights.sum()


def priors(world: World, examples: Sequence[Example], weight: Tensor | float) -> Tensor:
    """(B, N), or (N,) where it is the same for all: what is known before the model reads. ``weight``: of popularity."""
    if any(e.prior is None for e in examples):
        return weight * world.prior
    return torch.from_numpy(np.stack([e.prior for e in examples])).to(world.prior.device).float()


def optimiser(tower: Tower, prior_weight: nn.Parameter, plan: Plan) -> torch.optim.Optimizer:
    body = [p for n, p in tower.named_parameters() if n.startswith("body.") and p.requires_grad]
    heads = [p for n, p in tower.named_parameters() if not n.startswith("body.")]
    groups = [{"params": [*heads, prior_weight], "lr": plan.head_rate}, {"params": body, "lr": plan.body_rate}]
    return torch.optim.AdamW(groups, weight_decay=plan.decay)


def rate(step: int, total: int) -> float:
    """Share of the peak rate: up over a twentieth of the steps, then down along a cosine."""
    rise = max(total // 20, 1)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(total - rise, 1)))


def ranks(tower: Tower, world: World, examples: Sequence[Example], prior_weight: float, batch: int = 64) -> np.ndarray:
    """(n,) 0-based rank of the best target of each example, mentioned items removed. Of equals the target comes last:
    a model that tells nothing apart finds nothing."""
    tower.eval()
    out = []
    with torch.inference_mode():
        items = tower.items(world.vectors)
        for i in range(0, len(examples), batch):
            part = examples[i : i + batch]
            logits = tower.scores(tower.queries([e.reading for e in part], world.vectors), items)
            logits = logits + priors(world, part, prior_weight)
            out += [rank_of(row, e) for row, e in zip(logits, part, strict=True)]
    tower.train()
    return np.array(out)


def ranks_before(examples: Sequence[Example]) -> np.ndarray:
    """(n,) as :func:`ranks`, by the examples' priors alone."""
    return np.array([rank_of(torch.from_numpy(e.prior.astype(np.float32)), e) for e in examples])


def rank_of(row: Tensor, example: Example) -> int:
    """0-based rank of the best target by the (N,) scores, from which what the query knows is taken out."""
    row[[index for index, _ in example.reading.items]] = -torch.inf
    best = max(float(row[t]) for t in example.targets)
    return int((~(row < best)).sum()) - 1
