"""A start for private training, fitted to ratings that are nobody's secret: nothing of them is paid for.

The weights are those of private training, with the same loss over the same kind of prior, so that it goes on where this
ends. The epoch is kept that ranks best for those of the public users who are held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from chatrec.catalog import Catalog
from chatrec.errors import BadInput
from chatrec.training import sources
from chatrec.training.crowd import Crowd, gather, ranks
from chatrec.training.examples import Example
from chatrec.training.private import Person, popularity
from chatrec.training.run import figures
from chatrec.training.top import Top

EACH = 16  # examples made of one user's behaviour
EPOCHS, BATCH, PACE = 6, 32, 1e-3  # the rate of AdamW, at its peak


def public(path: Path, catalog: Catalog, seed: int) -> Crowd:
    """Who rated in a CSV file. Raises: BadInput with file and line, or when that tells nothing of the catalogue."""
    crowd = gather(sources.ratings(path), catalog, seed, EACH)
    if not all(crowd.part(held, seed) for held in (True, False)):
        raise BadInput(f"{path}: {len(crowd.examples)} users like something of the catalogue, too few for a start")
    return crowd


def fit(top: Top, learned: Sequence[Person], held: Sequence[Person], examples: Sequence[Example], seed: int) -> float:
    """Train in place, without privacy; NDCG@10 of the best epoch on ``examples``, which are those of ``held``."""
    prior, weights = counted(top, learned), top.weights()
    states, targets = (torch.cat([getattr(one, name) for one in learned]) for name in ("states", "targets"))
    stepper = torch.optim.AdamW(weights, lr=PACE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(stepper, EPOCHS * -(-len(targets) // BATCH))
    chance, best = torch.Generator().manual_seed(seed), (-1.0, top.copy())
    for _ in range(EPOCHS):
        for part in torch.randperm(len(targets), generator=chance).split(BATCH):
            found = nn.functional.cross_entropy(top.logits(weights, states[part], prior), targets[part])
            stepper.zero_grad()
            found.backward()
            stepper.step()
            schedule.step()
        gain = figures(ranks(top, held, examples, prior))["ndcg@10"]
        best = max(best, (gain, top.copy()), key=lambda pair: pair[0])
    top.put(best[1])
    return best[0]


def counted(top: Top, people: Sequence[Person]) -> Tensor:
    """(N,) log popularity as it is."""
    return popularity(people, len(top.items), 0.0, torch.Generator())
