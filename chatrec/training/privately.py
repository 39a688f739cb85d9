"""One call of ``chatrec train --private``: what users did is learned from so that no user can be told from the model.

Whatever one user changes has to stay in that user's own update. So examples are weighed alike, users are held out by
their name and not by who else is there, popularity is noised, and steps are counted and not chosen by how they went.
Knowledge and weights of the signals are those of the model begun with, whoever that was learnt from, or none.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from chatrec.candidates import positions
from chatrec.catalog import Catalog
from chatrec.dialogue import stance
from chatrec.encoder import encode_items, load_encoder
from chatrec.errors import BadInput, ModelMissing
from chatrec.learning import fold_of
from chatrec.linker import Linker
from chatrec.model import Learnt
from chatrec.settings import Settings
from chatrec.store import Store
from chatrec.tower import CONFIG, Tower, TowerConfig, load_tower, new_tower
from chatrec.training import budget, package, session, sources
from chatrec.training.adapt import adapt
from chatrec.training.budget import Spending
from chatrec.training.examples import Example, from_behaviour
from chatrec.training.fit import rank_of
from chatrec.training.private import Person, Recipe, train
from chatrec.training.run import figures
from chatrec.training.top import Top
from chatrec.types import Event

HELD_OUT = 10  # one user in so many is not learned from
EACH = 8  # examples made of one user's behaviour; more tell little more, and each has to be read
FEDERATED = Recipe(shards=10, local=4)

PRIVACY = """
## Privacy
Differential privacy of each user, epsilon {epsilon:.2f} and delta {delta:.2g}: with all that one user did, or without
it, whatever can be said of the model is at most e^{epsilon:.2f} times as likely, but for a chance of delta.

| | |
|---|---|
| users learned from | {users} (the number is not hidden) |
| chance of a user to be drawn | {rate:g} a step, Poisson |
| {rounds} | {steps} |
| clipping of one user's update | {clip:g} |
| noise on a sum of updates | {noise:.3f} x clipping{shards} |
| noise on popularity, read once | {counts:.2f} x what one user can change |
| accountant | Opacus, PRV |

Covered: all that training changed, which is the low-rank addition to the last feed-forward block, the query's
projection, the temperature, popularity as the prior and what that counts. Not covered: {start}; the users held out,
whom nothing was learned from but the figures are of; the settings, if they were chosen on these users. Each further
model of the same users adds its epsilon to this one's. Noise is floating point, from a generator that the operating
system seeds, which is no defence against whoever reads its lowest bits.
"""


@dataclass(frozen=True)
class Crowd:
    """Examples by user, and what each user liked, as indices of the catalogue."""

    examples: Mapping[str, Sequence[Example]]
    liked: Mapping[str, Sequence[int]]

    def part(self, held: bool, seed: int) -> list[str]:
        """The users that are held out, or the others. Nobody's part depends on who else is there."""
        return [user for user in self.examples if (fold_of(user, HELD_OUT, f"held:{seed}:") == 0) == held]


def learn(
    wanted: session.Wanted, epsilon: float, federated: int, start: Path | None, out: Path, settings: Settings
) -> Iterator[str]:
    """Do it; yields lines that say how it went. ``federated``: rounds, 0 for one place that sees all updates.

    Raises: BadInput before anything is trained or written.
    """
    budget.check(epsilon)
    catalog = session.catalog_of(wanted, settings)
    crowd = gather(_histories(wanted, catalog, settings), catalog, wanted.seed)
    learned, held = crowd.part(False, wanted.seed), crowd.part(True, wanted.seed)
    recipe = replace(FEDERATED, steps=federated) if federated else Recipe()
    spent = budget.spending(epsilon, len(learned), recipe.rate, recipe.steps)
    if not held:
        raise BadInput(f"none of {len(learned)} users can be held out; give more")
    package.check(out)
    yield f"{len(learned)} users to learn from, {len(held)} held out; noise {spent.noise:.2f}"
    torch.manual_seed(wanted.seed)
    torch.set_num_threads(settings.threads)
    encoder = load_encoder(settings)
    vectors = encode_items(encoder, [catalog.describe(item) for item in catalog.items], settings.cache)
    tower = begin(start, TowerConfig(layers=wanted.layers, encoder_dim=encoder.dimensions), settings)
    top = Top(tower, torch.from_numpy(vectors).to(tower.ask.device))
    users = [*learned, *held]
    states = top.read([example.reading for user in users for example in crowd.examples[user]])
    everybody = people(crowd, users, states)
    scratch = out.with_name(f".{out.name}.training")
    prior = train(top, everybody[: len(learned)], recipe, spent, scratch)
    examples = [example for user in held for example in crowd.examples[user]]
    told = figures(ranks(top, everybody[len(learned) :], examples, prior))
    card = package.Card(
        tower.config.lm, "lora", wanted.licence, session.data_of(wanted), len(examples), wanted.seed,
        described(spent, recipe, start),
    )  # fmt: skip
    package.write(tower, out, card, told, [told], Learnt.load(start) if start else None)
    shutil.rmtree(scratch, ignore_errors=True)
    yield ", ".join(f"{name} {value:.3f}" for name, value in told.items())
    yield f"written to {out}: epsilon {spent.epsilon:.2f}, delta {spent.delta:.2g}"
    if wanted.from_store:
        yield session.serve(out, examples, catalog, encoder, settings)


def gather(histories: Mapping[str, Sequence[Event]], catalog: Catalog, seed: int) -> Crowd:
    """What can be learned from each user; users of whom that is nothing are left out."""
    linker, examples, liked = Linker(catalog), {}, {}
    for user, events in sorted(histories.items()):
        rng = random.Random(f"{seed}:{user}")
        found = list(from_behaviour({user: events}, catalog, linker, rng, EACH))
        if found:
            likes = dict.fromkeys(event.item_id for event in events if stance(event) == "like")
            examples[user], liked[user] = found, positions(catalog, likes).tolist()
    return Crowd(examples, liked)


def begin(start: Path | None, config: TowerConfig, settings: Settings) -> Tower:
    """The tower to train on. Raises: BadInput when ``start`` is no model with an adapter."""
    if start is None:
        tower = new_tower(settings, config)
        tower.body = adapt(tower.body, "lora", 1)
        return tower
    if not (start / CONFIG).exists():
        raise BadInput(f"{start}: no model to start from")
    tower = load_tower(start, settings, merged=False)
    if not hasattr(tower.body, "peft_config"):
        raise ModelMissing(f"{start}: every weight of it was trained; start from one with an adapter")
    return tower


def people(crowd: Crowd, users: Sequence[str], states: torch.Tensor) -> list[Person]:
    """The users as training sees them, in their order; ``states``: of all their examples."""
    examples = [example for user in users for example in crowd.examples[user]]
    targets = torch.tensor([example.targets[0] for example in examples], device=states.device)
    sizes = [len(crowd.examples[user]) for user in users]
    parts = zip(users, states.split(sizes), targets.split(sizes), strict=True)
    return [Person(states, targets, crowd.liked[user]) for user, states, targets in parts]


@torch.no_grad()
def ranks(top: Top, held: Sequence[Person], examples: Sequence[Example], prior: torch.Tensor) -> np.ndarray:
    """(n,) 0-based rank of each example's target, what the query knows removed; ``examples``: of ``held``."""
    rows = (row for person in held for row in top.logits(top.weights(), person.states, prior))
    return np.array([rank_of(row, example) for row, example in zip(rows, examples, strict=True)])


def described(spent: Spending, recipe: Recipe, start: Path | None) -> str:
    """The card's section on privacy."""
    begun = f"what `{start.name}` was learnt from, its knowledge and weights of signals" if start else "no other model"
    federated = recipe.shards > 1
    return PRIVACY.format(
        **{**vars(spent), "epsilon": spent.epsilon},
        clip=recipe.clip,
        rounds=f"federated rounds, of {recipe.local} local steps" if federated else "steps",
        shards=f", in equal parts from {recipe.shards} shards, which have to be added before anybody looks"
        if federated
        else "",
        start=begun,
    )


def _histories(wanted: session.Wanted, catalog: Catalog, settings: Settings) -> Mapping[str, Sequence[Event]]:
    if wanted.from_store:
        return Store.open(settings.db, settings.store_secret()).histories(catalog.schema.name)
    return sources.ratings(wanted.events)
