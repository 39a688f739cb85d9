"""What privacy of each user costs, and what it hides: ``python -m benchmarks.privacy [--json]``.

MovieLens 100K, its films joined to the films catalogue by title and year: users whom the model begun with, the shipped
one, was not learnt from (none of ml-latest-small, which it was, shares a time stamp with one of these). A quarter of
them is held out, another one for each seed: on those NDCG@10 is measured, and to tell them from the others by the
model's loss is the attack. What is learned but not privately is the same weights, by AdamW over batches of examples,
with popularity as it is, and the best of its epochs on the held-out users.

The attack ranks users by their loss (Yeom et al., "Privacy risk in machine learning", CSF 2018), and by how much of it
was saved since the model begun with, so that nobody passes for a stranger by being hard for any model (Watson et al.,
"On the importance of difficulty calibration in membership inference attacks", ICLR 2022). An area under the curve of .5
is a coin.

What is read stays in the cache, and so does each run, so that a benchmark that was stopped goes on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from benchmarks import Figures, history, run
from benchmarks.kept import Kept, fingerprint, source
from chatrec.catalog import Catalog, load_catalogs
from chatrec.encoder import encode_items, load_encoder
from chatrec.errors import BadInput
from chatrec.knowledge import YEARS_OFF, title_key
from chatrec.promotion import serving
from chatrec.settings import Settings
from chatrec.tower import TowerConfig
from chatrec.training import private, privately
from chatrec.training.budget import spending
from chatrec.training.examples import Example
from chatrec.training.private import Person, Recipe, loss, popularity
from chatrec.training.privately import FEDERATED, begin, gather, people, ranks
from chatrec.training.run import figures
from chatrec.training.top import Top
from chatrec.types import Event

SEEDS = (0, 1, 2)
HELD_OUT = 4  # one user in so many
EPSILONS = (8.0,)
EPOCHS, BATCH, PACE = 6, 32, 1e-3  # of what is learned otherwise
RESAMPLES = 1000
BEGUN, PLAIN = "the model begun with", "not private"


@dataclass(frozen=True)
class Split:
    """Who is learned from and who is held out, with the examples of the latter."""

    learned: Sequence[Person]
    held: Sequence[Person]
    examples: Sequence[Example]


Way = Callable[[Top, Split, int], Tensor]
"""Trains the top, as it was begun with, and returns the prior; told the seed."""


def joined(films: Catalog) -> tuple[Catalog, dict[str, list[Event]]]:
    """The films of MovieLens 100K that the catalogue has, and who rated them."""
    year = films.schema.columns["year"]
    known = {title_key(item.title, item.attributes.get(year)): item.item_id for item in films.items}
    names: dict[str, str] = {}
    for film, title, released, _ in history.rows("item"):
        for off in sorted(range(-YEARS_OFF, YEARS_OFF + 1), key=abs):
            key = title_key(title, float(released) + off) if released.isdigit() else ""
            if key in known:
                names.setdefault(film, known[key])
    users: dict[str, list[Event]] = {}
    for user, film, stars, at in history.rows("inter"):
        if film in names:
            users.setdefault(user, []).append(Event(names[film], "rating", float(at), float(stars)))
    had = set(names.values())
    return Catalog(films.schema, tuple(item for item in films.items if item.item_id in had)), users


def plainly(top: Top, split: Split, seed: int) -> Tensor:
    """The same weights, learned without a thought of privacy."""
    prior, weights = _counted(top, split), top.weights()
    states, targets = (torch.cat([getattr(one, name) for one in split.learned]) for name in ("states", "targets"))
    stepper = torch.optim.AdamW(weights, lr=PACE)
    total = EPOCHS * -(-len(targets) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(stepper, total)
    chance, best = torch.Generator().manual_seed(seed), (-1.0, [w.detach().clone() for w in weights])
    for _ in range(EPOCHS):
        for part in torch.randperm(len(targets), generator=chance).split(BATCH):
            found = nn.functional.cross_entropy(top.logits(weights, states[part], prior), targets[part])
            stepper.zero_grad()
            found.backward()
            stepper.step()
            schedule.step()
        gain = figures(ranks(top, split.held, split.examples, prior))["ndcg@10"]
        best = max(best, (gain, [w.detach().clone() for w in weights]), key=lambda pair: pair[0])
    _put(top, best[1])
    return prior


def noised(epsilon: float, recipe: Recipe) -> Way:
    def way(top: Top, split: Split, seed: int) -> Tensor:
        spent = spending(epsilon, len(split.learned), recipe.rate, recipe.steps)
        with tempfile.TemporaryDirectory() as scratch:
            return private.train(top, split.learned, recipe, spent, Path(scratch))

    return way


def ways() -> dict[str, Way]:
    return {
        BEGUN: lambda top, split, seed: _counted(top, split),
        PLAIN: plainly,
        **{f"private, epsilon {epsilon:g}": noised(epsilon, Recipe()) for epsilon in EPSILONS},
        f"federated, epsilon {EPSILONS[0]:g}": noised(EPSILONS[0], FEDERATED),
    }


def attacked(members: np.ndarray, others: np.ndarray) -> float:
    """Area under the curve of telling members by their higher score."""
    places = rankdata(np.concatenate([members, others]))[: len(members)].sum()
    return float((places - len(members) * (len(members) + 1) / 2) / (len(members) * len(others)))


def attack(scores: Sequence[tuple[np.ndarray, np.ndarray]]) -> str:
    """The mean area over the splits, ``(of members, of others)`` each, and its 95 % interval, users drawn anew."""
    rng = np.random.default_rng(0)
    drawn = [
        np.mean([attacked(*(rng.choice(part, len(part)) for part in pair)) for pair in scores])
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{np.mean([attacked(*pair) for pair in scores]):.3f} ({low:.3f} to {high:.3f})"


def measure(settings: Settings) -> Figures:
    """Raises: BadInput when no model is in service to begin with."""
    name = serving(settings.models)
    if name is None:
        raise BadInput(f"{settings.models}: no model is in service")
    torch.set_num_threads(settings.threads)
    catalog, histories = joined(load_catalogs(settings.catalogs)["movies"])
    encoder, crowd = load_encoder(settings), gather(histories, catalog, 0)
    vectors = encode_items(encoder, [catalog.describe(item) for item in catalog.items], settings.cache)
    top = Top(begin(settings.models / name, TowerConfig(), settings), torch.from_numpy(vectors))
    begun = [weight.detach().clone() for weight in top.weights()]
    kept = Kept(settings.cache / "privacy")
    users = list(crowd.examples)
    readings = [example.reading for user in users for example in crowd.examples[user]]
    key = (readings, fingerprint(vectors, *(weight.numpy() for weight in begun)))
    states = torch.from_numpy(kept.array("states", key, lambda: top.read(readings).numpy()))
    everybody = dict(zip(users, people(crowd, users, states), strict=True))

    def found(title: str, way: Way, seed: int) -> tuple[float, float, np.ndarray, np.ndarray]:
        """NDCG@10, recall@10, and the scores of members and others, which are minus their losses."""
        held = set(np.random.default_rng(seed).permutation(users)[: len(users) // HELD_OUT])
        split = Split(
            [everybody[user] for user in users if user not in held],
            [everybody[user] for user in users if user in held],
            [example for user in users if user in held for example in crowd.examples[user]],
        )

        def compute() -> np.ndarray:
            _put(top, begun)
            prior = way(top, split, seed)
            told = figures(ranks(top, split.held, split.examples, prior))
            scores = [-loss(top, one, prior) for one in (*split.learned, *split.held)]
            return np.array([told["ndcg@10"], told["recall@10"], *scores])

        sources = (source(private.train, privately.gather, Top, plainly), fingerprint(states.numpy()))
        row = kept.array(title.replace(" ", "-"), (title, seed, *sources), compute)
        return row[0], row[1], row[2 : 2 + len(split.learned)], row[2 + len(split.learned) :]

    every = {title: [found(title, way, seed) for seed in SEEDS] for title, way in ways().items()}
    return {
        "users": f"{len(users)}, {len(users) - len(users) // HELD_OUT} learned from, {len(SEEDS)} splits",
        "films": len(catalog),
        "requests": len(readings),
        "begun with": name,
        "": [_row(title, every) for title in every],
    }


def _row(title: str, every: dict[str, list[tuple[float, float, np.ndarray, np.ndarray]]]) -> Figures:
    """One line of the table; the attacks need what was learned."""
    rows, begun, plain = every[title], every[BEGUN], every[PLAIN]
    gains = np.array([row[0] for row in rows])
    share = gains / np.array([row[0] for row in plain])
    harder = [(row[2] - first[2], row[3] - first[3]) for row, first in zip(rows, begun, strict=True)]
    return {
        "way": title,
        "ndcg@10": f"{gains.mean():.4f}",
        "recall@10": f"{np.mean([row[1] for row in rows]):.3f}",
        "of not private": f"{share.mean():.1%} ({share.min():.1%} at least)",
        "attack by loss": attack([row[2:] for row in rows]),
        "by loss saved": "" if title == BEGUN else attack(harder),
    }


def _counted(top: Top, split: Split) -> Tensor:
    """Log popularity as it is."""
    return popularity(split.learned, len(top.items), 0.0, torch.Generator())


@torch.no_grad()
def _put(top: Top, weights: Sequence[Tensor]) -> None:
    for weight, value in zip(top.weights(), weights, strict=True):
        weight.copy_(value)


if __name__ == "__main__":
    run("What privacy of each user costs, and what it hides.", measure)
