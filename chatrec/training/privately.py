"""One call of ``chatrec train --private``: what users did is learned from so that no user can be told from the model.

Whatever one user changes has to stay in that user's own update. So examples are weighed alike, users are held out by
their name and not by who else is there, popularity is noised, and steps are counted and not chosen by how they went.
Knowledge and weights of the signals are those of the model begun with, whoever that was learnt from, or none.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from chatrec.catalog import Catalog
from chatrec.encoder import encode_items, load_encoder
from chatrec.errors import BadInput, ModelMissing
from chatrec.model import Learnt
from chatrec.settings import Settings
from chatrec.store import Store
from chatrec.tower import CONFIG, Tower, TowerConfig, load_tower, new_tower
from chatrec.training import budget, package, session, sources
from chatrec.training.adapt import adapt
from chatrec.training.budget import Spending
from chatrec.training.crowd import Crowd, gather, people, ranks
from chatrec.training.examples import Example
from chatrec.training.private import Person, Recipe, train
from chatrec.training.public import fit, public
from chatrec.training.run import figures
from chatrec.training.top import Top
from chatrec.types import Event

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
class Terms:
    """``federated``: rounds, 0 for one place that sees all updates; ``start``: the model to train on; ``public``:
    ratings that are nobody's secret, which it is fitted to before."""

    epsilon: float = 8.0
    federated: int = 0
    start: Path | None = None
    public: Path | None = None


def learn(wanted: session.Wanted, terms: Terms, out: Path, settings: Settings) -> Iterator[str]:
    """Do it; yields lines that say how it went. Raises: BadInput before anything is trained or written."""
    budget.check(terms.epsilon)
    catalog = session.catalog_of(wanted, settings)
    known = public(terms.public, catalog, wanted.seed) if terms.public else None
    crowd = gather(_histories(wanted, catalog, settings), catalog, wanted.seed)
    users, held = crowd.part(False, wanted.seed), crowd.part(True, wanted.seed)
    recipe = replace(FEDERATED, steps=terms.federated) if terms.federated else Recipe()
    spent = budget.spending(terms.epsilon, len(users), recipe.rate, recipe.steps)
    if not held:
        raise BadInput(f"none of {len(users)} users can be held out; give more")
    package.check(out)
    yield f"{len(users)} users to learn from, {len(held)} held out; noise {spent.noise:.2f}"
    torch.manual_seed(wanted.seed)
    torch.set_num_threads(settings.threads)
    encoder = load_encoder(settings)
    vectors = encode_items(encoder, [catalog.describe(item) for item in catalog.items], settings.cache)
    tower = begin(terms.start, TowerConfig(layers=wanted.layers, encoder_dim=encoder.dimensions), settings)
    top = Top(tower, torch.from_numpy(vectors).to(tower.ask.device))
    learned, others, examples = _parts(top, crowd, wanted.seed)
    if known:
        gain = fit(top, *_parts(top, known, wanted.seed), wanted.seed)
        yield f"{len(known.examples)} users of {terms.public.name} to begin with: NDCG@10 {gain:.3f} on a tenth of them"
    scratch = out.with_name(f".{out.name}.training")
    prior = train(top, learned, recipe, spent, scratch)
    told = figures(ranks(top, others, examples, prior))
    card = package.Card(
        tower.config.lm, "lora", wanted.licence, _data(wanted, terms), len(examples), wanted.seed,
        described(spent, recipe, terms),
    )  # fmt: skip
    package.write(tower, out, card, told, [told], Learnt.load(terms.start) if terms.start else None)
    shutil.rmtree(scratch, ignore_errors=True)
    yield ", ".join(f"{name} {value:.3f}" for name, value in told.items())
    yield f"written to {out}: epsilon {spent.epsilon:.2f}, delta {spent.delta:.2g}"
    if wanted.from_store:
        yield session.serve(out, examples, catalog, encoder, settings)


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


def described(spent: Spending, recipe: Recipe, terms: Terms) -> str:
    """The card's section on privacy."""
    start, ratings, federated = terms.start, terms.public, recipe.shards > 1
    begun = [f"what `{start.name}` was learnt from, its knowledge and weights of signals"] if start else []
    begun += [f"whoever rated in `{ratings.name}`, to which the start was fitted as public"] if ratings else []
    return PRIVACY.format(
        **{**vars(spent), "epsilon": spent.epsilon},
        clip=recipe.clip,
        rounds=f"federated rounds, of {recipe.local} local steps" if federated else "steps",
        shards=f", in equal parts from {recipe.shards} shards, which have to be added before anybody looks"
        if federated
        else "",
        start="; ".join(begun) or "no other model",
    )


def _parts(top: Top, crowd: Crowd, seed: int) -> tuple[list[Person], list[Person], list[Example]]:
    """Who is learned from, who is held out, and the examples of the latter; all of them are read."""
    users, held = crowd.part(False, seed), crowd.part(True, seed)
    examples = [example for user in (*users, *held) for example in crowd.examples[user]]
    everybody = people(crowd, [*users, *held], top.read([example.reading for example in examples]))
    return everybody[: len(users)], everybody[len(users) :], [e for user in held for e in crowd.examples[user]]


def _data(wanted: session.Wanted, terms: Terms) -> tuple[str, ...]:
    begun = (f"{terms.public.name}, taken to be public, for the start",) if terms.public else ()
    return *session.data_of(wanted), *begun


def _histories(wanted: session.Wanted, catalog: Catalog, settings: Settings) -> Mapping[str, Sequence[Event]]:
    if wanted.from_store:
        return Store.open(settings.db, settings.store_secret()).histories(catalog.schema.name)
    return sources.ratings(wanted.events)
