"""What comes next in a history: a small transformer over item vectors.

The model is SASRec (Kang & McAuley, "Self-attentive sequential recommendation", ICDM 2018) with four changes:

- the loss is a softmax over all items (Klenitskiy & Vasilev, "Turning dross into gold loss", RecSys 2023) except those
  that the history already holds, because they can't come next;
- attention knows distance, not place: each head learns a bias for each number of steps back (Raffel et al., "T5", JMLR
  2020), begun as a decay (Press et al., "ALiBi", ICLR 2022);
- an item is a vector of its own plus a learned projection of what its text says, so that rare items aren't lost;
- several seeds are averaged.

No user is known to the model, only histories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from chatrec.collaborative import History


@dataclass(frozen=True)
class Recipe:
    """How the model is built and trained. ``window``: how many events back it sees."""

    width: int = 64
    layers: int = 2
    heads: int = 2
    dropout: float = 0.3
    window: int = 100
    epochs: int = 16
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.01


class Block(nn.Module):
    """Attention and feed-forward, each behind a layer norm and around a shortcut."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        width = recipe.width
        self.heads, self.rate = recipe.heads, recipe.dropout
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop = nn.Dropout(recipe.dropout)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """(b, n, width) to the same; ``bias`` (heads, n, n) is added to the attention."""
        shape = (*x.shape[:2], 3, self.heads, x.shape[2] // self.heads)
        query, key, value = self.mix(self.before(x)).view(shape).permute(2, 0, 3, 1, 4)
        heads = functional.scaled_dot_product_attention(query, key, value, bias[None], self.rate * self.training)
        x = x + self.drop(self.out(heads.transpose(1, 2).reshape(x.shape)))
        return x + self.drop(self.think(self.between(x)))


class Network(nn.Module):
    """Histories to a vector for each of their steps. Index ``items`` is padding, behind the history."""

    def __init__(self, items: int, recipe: Recipe, text: np.ndarray | None) -> None:
        super().__init__()
        self.items, self.recipe = items, recipe
        self.own = nn.Parameter(torch.randn(items + 1, recipe.width) * 0.02)
        self.prior = nn.Parameter(torch.zeros(items))
        if text is not None:
            self.register_buffer("text", torch.from_numpy(np.pad(text, ((0, 1), (0, 0))).astype(np.float32)))
            self.project = nn.Linear(text.shape[1], recipe.width, bias=False)
            nn.init.normal_(self.project.weight, std=0.02)
        slopes = 0.3 * 0.25 ** torch.arange(recipe.heads)[:, None]
        self.distance = nn.Parameter(-slopes * torch.arange(recipe.window))
        self.first, self.last = nn.LayerNorm(recipe.width), nn.LayerNorm(recipe.width)
        self.blocks = nn.ModuleList(Block(recipe) for _ in range(recipe.layers))
        self.drop = nn.Dropout(recipe.dropout)

    def vectors(self) -> torch.Tensor:
        """(items + 1, width); the last row is padding."""
        return self.own + self.project(self.text) if hasattr(self, "text") else self.own

    def forward(self, steps: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """(b, n) item indices to (b, n, width)."""
        n = steps.shape[1]
        back = torch.arange(n)[:, None] - torch.arange(n)
        bias = torch.where(back >= 0, self.distance[:, back.clamp(min=0)], -torch.inf)
        x = self.drop(self.first(vectors[steps]))
        for block in self.blocks:
            x = block(x, bias)
        return self.last(x)


@dataclass(frozen=True)
class SequenceModel:
    """Trained networks, one a seed."""

    networks: tuple[Network, ...]

    @classmethod
    def fit(
        cls,
        histories: Sequence[History],
        items: int,
        text: np.ndarray | None = None,
        recipe: Recipe | None = None,
        seeds: Sequence[int] = (0,),
        after_epoch: Callable[[SequenceModel, int], object] = lambda model, epoch: None,
    ) -> SequenceModel:
        """Train on every step of every history. ``text``: (items, d) vectors of what is said about the items.
        ``after_epoch`` sees the model of the seed at hand after each epoch."""
        kept = [np.asarray(history, dtype=np.int64) for history in histories if len(history) > 1]
        return cls(tuple(_train(kept, items, text, recipe or Recipe(), seed, after_epoch) for seed in seeds))

    @torch.inference_mode()
    def score(self, histories: Sequence[History]) -> np.ndarray:
        """(users, items) float32 mean log-probabilities that an item comes next; a history may be empty."""
        items, window = self.networks[0].items, self.networks[0].recipe.window
        scores = np.zeros((len(histories), items), dtype=np.float32)
        order = sorted(range(len(histories)), key=lambda user: len(histories[user]))
        for start in range(0, len(order), 128):
            users = order[start : start + 128]
            recent = [np.asarray(histories[user], dtype=np.int64)[-window:] for user in users]
            recent = [history if len(history) else np.array([items]) for history in recent]
            steps, ends = padded(recent, items), torch.tensor([len(history) - 1 for history in recent])
            for network in self.networks:
                network.eval()
                vectors = network.vectors()
                states = network(steps, vectors)[torch.arange(len(users)), ends]
                logits = states @ vectors[:items].T + network.prior
                scores[users] += logits.log_softmax(-1).numpy() / len(self.networks)
        return scores


def _train(kept: list[History], items: int, text, recipe: Recipe, seed: int, after_epoch) -> Network:
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(items, recipe, text)
        optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
        total = max(recipe.epochs * (sum(len(h) // recipe.window + 2 for h in kept) // recipe.batch + 1), 10)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=total + 1, pct_start=0.1)
        for epoch in range(recipe.epochs):
            network.train()
            for pieces in batches(kept, recipe, rng):
                optimizer.zero_grad()
                _loss(network, pieces).backward()
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                schedule.step()
            after_epoch(SequenceModel((network,)), epoch)
    return network.eval()


def batches(kept: list[History], recipe: Recipe, rng: np.random.Generator) -> Iterator[list[tuple]]:
    """Batches of pieces ``(history, start, end)`` of like length, each step of a history in just one. Where a long
    history is cut differs from epoch to epoch."""
    pieces = []
    for history in kept:
        last, window = len(history) - 1, recipe.window
        cuts = range(int(rng.integers(1, window + 1)) if last > window else last, last, window)
        pieces += [(history, a, b) for a, b in zip([0, *cuts], [*cuts, last], strict=True)]
    order = sorted(rng.permutation(len(pieces)), key=lambda i: (pieces[i][2] - pieces[i][1]) // 20)
    for at in rng.permutation(range(0, len(order), recipe.batch)):
        yield [pieces[i] for i in order[at : at + recipe.batch]]


def _loss(network: Network, pieces: list[tuple]) -> torch.Tensor:
    """Mean cross-entropy of the next item over all steps of the pieces."""
    items, vectors = network.items, network.vectors()
    steps = padded([history[a:b] for history, a, b in pieces], items)
    real = steps < items
    logits = network(steps, vectors)[real] @ vectors[:items].T + network.prior
    logits = logits.masked_fill_(_seen(pieces, items, steps.shape[1])[real], -1e9)
    targets = torch.from_numpy(np.concatenate([history[a + 1 : b + 1] for history, a, b in pieces]))
    return functional.cross_entropy(logits, targets)


def _seen(pieces: list[tuple], items: int, n: int) -> torch.Tensor:
    """(b, n, items): whether a history holds an item by that step, the next one excepted."""
    first = np.full((len(pieces), items), n, dtype=np.int32)
    for row, (history, a, b) in enumerate(pieces):
        first[row, history[a:b][::-1]] = np.arange(b - a)[::-1]
        first[row, history[:a]] = -1
    seen = torch.from_numpy(first)[:, None] <= torch.arange(n, dtype=torch.int32)[:, None]
    for row, (history, a, b) in enumerate(pieces):  # what is met again is no impossible target
        seen[row, torch.arange(b - a), torch.from_numpy(history[a + 1 : b + 1])] = False
    return seen


def padded(histories: Sequence[History], filler: int) -> torch.Tensor:
    """(b, longest) histories with ``filler`` behind."""
    steps = np.full((len(histories), max(map(len, histories))), filler, dtype=np.int64)
    for row, history in enumerate(histories):
        steps[row, : len(history)] = history
    return torch.from_numpy(steps)
