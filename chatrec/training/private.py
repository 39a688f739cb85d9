"""Training that keeps what one user did to itself: differential privacy for each user, alone or in federated rounds.

A step draws each user by chance. Of each that is drawn it takes one update, made of all examples of the user, and
clips it to a length that nobody's can exceed; the sum of all is noised, and only then seen by anything that is kept
(Abadi et al., "Deep learning with differential privacy", CCS 2016; users for examples: McMahan et al., "Learning
differentially private recurrent language models", ICLR 2018). Opacus clips and noises.

In a federated round the users lie in shards, each of which sees its own alone: users go some steps of their own, a
shard sends the sum of how far they came, clipped, with its part of the noise; sums count as many users as they stand
for, and the server takes their mean for a gradient (Reddi et al., "Adaptive federated optimization", ICLR 2021). Shards
are simulated, one after the other.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import torch
from opacus.optimizers import DPOptimizer
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from chatrec.training.budget import Spending
from chatrec.training.top import Top, Weights

STATE = "private.pt"
AT_ONCE = 64  # users whose updates are made together
LEAST = 1.0  # users that an item counts as at least, whatever the noise makes of it


@dataclass(frozen=True)
class Recipe:
    """``rate``: the chance of each user to be drawn; ``clip``: the length that no update exceeds; ``pace``: the peak
    rate of Adam; ``shards``: of users; ``local``: steps that a user goes alone, ``stride`` each."""

    rate: float = 1.0
    steps: int = 12
    clip: float = 0.1
    pace: float = 0.025
    shards: int = 1
    local: int = 1
    stride: float = 0.003


@dataclass(frozen=True)
class Person:
    """All that is learned from a user. ``states``: (k, width) of the examples, ``targets``: (k,); ``liked``: indices of
    all that the user liked."""

    states: Tensor
    targets: Tensor
    liked: Sequence[int]


def train(top: Top, people: Sequence[Person], recipe: Recipe, spent: Spending, scratch: Path) -> Tensor:
    """Train in place; (N,) the prior, log popularity as the noise leaves it. A run that was killed goes on from what it
    left in ``scratch``. Neither draws nor noise come from a seed: who knew it could take the noise away again."""
    params, size = top.weights(), len(top.items)
    server = torch.optim.Adam(params, lr=recipe.pace, betas=(0.9, 0.99))
    chance = torch.Generator()
    chance.seed()
    mark = _mark(top, people, recipe, spent)
    saved = _resume(scratch / STATE, mark)
    if saved:
        server.load_state_dict(saved["server"])
        top.put(saved["params"])
    prior = saved["prior"] if saved else popularity(people, size, spent.counts, chance)
    start = saved["step"] if saved else 0
    shards = [people[n :: recipe.shards] for n in range(recipe.shards)]
    part = spent.noise / recipe.shards**0.5  # so that the sum has all of it
    for step in tqdm(range(start, recipe.steps), desc="private steps", leave=False):
        sums = [noised_sum(top, shard, prior, recipe, part, chance) for shard in shards]
        for parameter, parts in zip(params, zip(*sums, strict=True), strict=True):
            parameter.grad = sum(parts) / (recipe.rate * len(people))
        for group in server.param_groups:
            group["lr"] = recipe.pace * (1 - step / recipe.steps)
        server.step()
        _save(scratch / STATE, mark, step + 1, params, server, prior)
    return prior


def popularity(people: Sequence[Person], size: int, noise: float, chance: torch.Generator) -> Tensor:
    """(N,) log of how popular each item is: liked items, each user a vector of length 1, added up and noised."""
    total = torch.zeros(size)
    for person in people:
        total[list(person.liked)] += max(len(person.liked), 1) ** -0.5
    total += noise * torch.randn(size, generator=chance)
    logs = total.clamp(min=LEAST).log()
    return logs - logs.logsumexp(0)


def noised_sum(
    top: Top, people: Sequence[Person], prior: Tensor, recipe: Recipe, noise: float, chance: torch.Generator
) -> list[Tensor]:
    """Clipped updates of those whom chance draws, added up, and noise of so many clips; noise alone when it draws
    nobody."""
    params = top.weights()
    clipper = DPOptimizer(
        torch.optim.SGD(params),
        noise_multiplier=noise,
        max_grad_norm=recipe.clip,
        expected_batch_size=None,
        loss_reduction="sum",
        generator=chance,
    )
    drawn = torch.nonzero(torch.rand(len(people), generator=chance) < recipe.rate).flatten().tolist()
    for start in range(0, len(drawn), AT_ONCE):
        part = [people[n] for n in drawn[start : start + AT_ONCE]]
        for parameter, moved in zip(params, updates(top, part, prior, recipe), strict=True):
            parameter.grad_sample = moved
        clipper.signal_skip_step()
        clipper.step()
        clipper.zero_grad()
    for parameter in params:
        parameter.grad_sample = parameter.new_zeros((0, *parameter.shape))
    clipper.pre_step()
    sums = [parameter.grad.clone() for parameter in params]
    clipper.zero_grad()
    return sums


def updates(top: Top, people: Sequence[Person], prior: Tensor, recipe: Recipe) -> Weights:
    """The gradient of each one's loss, (B, ...) of each weight; of several local steps the mean."""

    def alone(states: Tensor, targets: Tensor, share: Tensor) -> Weights:
        weights = start
        total = tuple(torch.zeros_like(weight) for weight in start)
        for _ in range(recipe.local):
            found = grad(lambda w: _loss(top.logits(w, states, prior), targets, share))(weights)
            total = tuple(a + b / recipe.local for a, b in zip(total, found, strict=True))
            weights = tuple(w - recipe.stride * g for w, g in zip(weights, found, strict=True))
        return total

    start = tuple(weight.detach() for weight in top.weights())
    states = pad_sequence([one.states for one in people], batch_first=True)
    targets = pad_sequence([one.targets for one in people], batch_first=True)
    shares = pad_sequence([torch.full((len(one.targets),), 1 / len(one.targets)) for one in people], batch_first=True)
    return vmap(alone)(states, targets, shares.to(states.device))


def loss(top: Top, person: Person, prior: Tensor) -> float:
    """Mean cross entropy of the user's examples, by a softmax over the whole catalogue."""
    with torch.no_grad():
        shares = torch.full((len(person.targets),), 1 / len(person.targets), device=person.states.device)
        return float(_loss(top.logits(top.weights(), person.states, prior), person.targets, shares))


def _loss(logits: Tensor, targets: Tensor, shares: Tensor) -> Tensor:
    return -(logits.log_softmax(-1).gather(-1, targets[:, None])[:, 0] * shares).sum()


def _mark(top: Top, people: Sequence[Person], recipe: Recipe, spent: Spending) -> str:
    """Changes with the recipe, the budget, the weights begun with and anything that is learned from."""
    digest = hashlib.sha256(repr((astuple(recipe), astuple(spent))).encode())
    for tensor in (*top.weights(), *(t for one in people for t in (one.states, one.targets))):
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def _resume(path: Path, mark: str) -> dict | None:
    saved = torch.load(path, weights_only=True) if path.exists() else None
    return saved if saved and saved["mark"] == mark else None


def _save(path: Path, mark: str, step: int, params: Sequence[Tensor], server: torch.optim.Adam, prior: Tensor) -> None:
    state = {
        "mark": mark,
        "step": step,
        "params": [parameter.detach() for parameter in params],
        "server": server.state_dict(),
        "prior": prior,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".state-", delete=False) as file:
        torch.save(state, file)
    Path(file.name).replace(path)
