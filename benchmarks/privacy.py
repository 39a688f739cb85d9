"""What privacy of each user costs, and what it hides: ``python -m benchmarks.privacy [--json]``.

MovieLens 100K, its films joined to the films catalogue by title and year: users whom the model begun with was not
learnt from, which is the shipped one, fitted to ml-latest-small's ratings of the same films (none of whose users shares
a time stamp with one of these). A quarter of them is held out, another one for each seed: on those NDCG@10 is measured,
and to tell them from the others by the model's loss is the attack. What is learned but not privately is the same
weights, begun with alike, by AdamW over batches of examples, with popularity as it is, and the best of its epochs on
the held-out users.

The attack ranks users by their loss (Yeom et al., "Privacy risk in machine learning", CSF 2018), and by how much of it
was saved since the model begun with, so that nobody passes for a stranger by being hard for any model (Watson et al.,
"On the importance of difficulty calibration in membership inference attacks", ICLR 2022). An area under the curve of .5
is a coin.

What is read stays in the cache, and so does each run, so that a benchmark that was stopped goes on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from benchmarks import Figures, history, run
from benchmarks.joined import ratings
from benchmarks.kept import Kept, fingerprint, source
from chatrec.catalog import Catalog, load_catalogs
from chatrec.encoder import encode_items, load_encoder
from chatrec.errors import BadInput
from chatrec.knowledge import YEARS_OFF, title_key
from chatrec.promotion import serving
from chatrec.settings import Settings
from chatrec.tower import TowerConfig
from chatrec.training import private
from chatrec.training.budget import spending
from chatrec.training.crowd import Crowd, gather, people, ranks
from chatrec.training.examples import Example
from chatrec.training.private import Person, Recipe, loss, popularity
from chatrec.training.privately import FEDERATED, begin
from chatrec.training.public import EACH, counted, fit
from chatrec.training.run import figures
from chatrec.training.top import Top
from chatrec.types import Event

SEEDS = (0, 1, 2)
HELD_OUT = 4  # one user in so many
EPSILONS = (8.0,)
RESAMPLES = 1000
BEGUN, PLAIN = "public start", "not private"


@dataclass(frozen=True)
class Split:
    """Who is learned from and who is held out, with the examples of the latter."""

    learned: Sequence[Person]
    held: Sequence[Person]
    examples: Sequence[Example]


def divided(crowd: Crowd, everybody: Sequence[Person], held: Container[str]) -> Split:
    """``everybody``: of the crowd, in its order."""
    users = list(zip(crowd.examples, everybody, strict=True))
    return Split(
        [one for user, one in users if user not in held],
        [one for user, one in users if user in held],
        [example for user, _ in users if user in held for example in crowd.examples[user]],
    )


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


def published(folder: Path) -> dict[str, list[Event]]:
    """The users of ml-latest-small, their films under the catalogue's names. Raises: BadInput when it is not there."""
    if not (folder / "ratings.csv").exists():
        raise BadInput(f"{folder}: no public ratings; CHATREC_DATA says where ml-latest-small is")
    users: dict[str, list[Event]] = {}
    for row in ratings(folder):
        event = Event(row["movieId"], "rating", float(row["timestamp"]), float(row["rating"]))
        users.setdefault(f"p{row['userId']}", []).append(event)
    return users


def plainly(top: Top, split: Split, seed: int) -> Tensor:
    """The same weights, learned without a thought of privacy."""
    fit(top, split.learned, split.held, split.examples, seed)
    return counted(top, split.learned)


def popular(top: Top, split: Split, seed: int) -> Tensor:
    """Popularity alone, noised as private training has it; scores count nothing."""
    spent = spending(EPSILONS[0], len(split.learned), Recipe.rate, Recipe.steps)
    with torch.no_grad():
        top.tower.scale.fill_(-torch.inf)
        top.prior_weight.fill_(1.0)
    chance = torch.Generator()
    chance.seed()
    return popularity(split.learned, len(top.items), spent.counts, chance)


def noised(epsilon: float, recipe: Recipe) -> Way:
    def way(top: Top, split: Split, seed: int) -> Tensor:
        spent = spending(epsilon, len(split.learned), recipe.rate, recipe.steps)
        with tempfile.TemporaryDirectory() as scratch:
            return private.train(top, split.learned, recipe, spent, Path(scratch))

    return way


def ways() -> dict[str, Way]:
    return {
        "popularity": popular,
        BEGUN: lambda top, split, seed: counted(top, split.learned),
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
    kept, shipped = Kept(settings.cache / "privacy"), fingerprint(vectors, *(w.numpy() for w in top.copy()))

    def read(crowd: Crowd) -> tuple[list[Person], Tensor]:
        readings = [example.reading for every in crowd.examples.values() for example in every]
        states = torch.from_numpy(kept.array("states", (readings, shipped), lambda: top.read(readings).numpy()))
        return people(crowd, list(crowd.examples), states), states

    users, (everybody, states) = list(crowd.examples), read(crowd)
    known = gather(published(settings.data / "ml-latest-small"), catalog, 0, EACH)
    others, _ = read(known)
    public = divided(known, others, set(known.part(True, 0)))
    gain = fit(top, public.learned, public.held, public.examples, 0)
    begun = top.copy()

    def found(title: str, way: Way, seed: int) -> tuple[float, float, np.ndarray, np.ndarray]:
        """NDCG@10, recall@10, and the scores of members and others, which are minus their losses."""
        held = np.random.default_rng(seed).permutation(users)[: len(users) // HELD_OUT]
        split = divided(crowd, everybody, set(held))

        def compute() -> np.ndarray:
            top.put(begun)
            prior = way(top, split, seed)
            told = figures(ranks(top, split.held, split.examples, prior))
            scores = [-loss(top, one, prior) for one in (*split.learned, *split.held)]
            return np.array([told["ndcg@10"], told["recall@10"], *scores])

        sources = (
            source(private.train, begin, gather, fit, Top, plainly),
            fingerprint(states.numpy(), *(w.numpy() for w in begun)),
        )
        row = kept.array(title.replace(" ", "-"), (title, seed, *sources), compute)
        return row[0], row[1], row[2 : 2 + len(split.learned)], row[2 + len(split.learned) :]

    every = {title: [found(title, way, seed) for seed in SEEDS] for title, way in ways().items()}
    return {
        "users": f"{len(users)}, {len(users) - len(users) // HELD_OUT} learned from, {len(SEEDS)} splits",
        "films": len(catalog),
        "requests": len(states),
        "begun with": f"{name}, fitted to {len(others)} public users, NDCG@10 {gain:.3f} on a tenth of them",
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


if __name__ == "__main__":
    run("What privacy of each user costs, and what it hides.", measure)
