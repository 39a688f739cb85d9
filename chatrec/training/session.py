"""One call of ``chatrec train``: read everything, train, write the model, and let it serve if it earned that."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from chatrec import promotion
from chatrec.catalog import Catalog, load_catalogs
from chatrec.encoder import Encoder, Remembering, encode_items, load_encoder
from chatrec.errors import BadInput, UnknownCatalog
from chatrec.evaluation.dialogues import load_cases, load_films, worded
from chatrec.model import Learnt
from chatrec.settings import Settings
from chatrec.store import Store
from chatrec.tower import TowerConfig, load_tower, new_tower
from chatrec.training import package, sources
from chatrec.training.adapt import Method
from chatrec.training.beside import Sources, learn_beside, relearnt
from chatrec.training.examples import Example, log_prior
from chatrec.training.fit import Plan, World, ranks
from chatrec.training.run import figures, train

FEWEST = 20  # examples; of fewer nothing can be learned


@dataclass(frozen=True)
class Wanted:
    """What to learn from, and how; see ``chatrec train --help``."""

    domain: str = "movies"
    catalog: Path | None = None
    events: Path | None = None
    from_store: bool = False
    dialogues: tuple[Path, ...] = ()
    also: tuple[tuple[Path, Path], ...] = ()
    notes: tuple[str, ...] = ()
    licence: str = "other"
    method: Method = "lora"
    layers: int = 8
    epochs: int = 6
    seed: int = 0


def learn(wanted: Wanted, out: Path, settings: Settings) -> Iterator[str]:
    """Do it; yields lines that say how it went. Raises: BadInput before anything is trained or written."""
    catalog = _catalog(wanted, settings)
    parts = [(catalog, *_examples(wanted, catalog, settings))]
    for file, cases in wanted.also:
        other = load_films(file)
        parts.append((other, *sources.split(sources.dialogues([cases], other), wanted.seed)))
    learned, held = (sum(len(part[place]) for part in parts) for place in (1, 2))
    if learned < FEWEST or not held:
        raise BadInput(f"{learned} examples are too few to learn from; at least {FEWEST} and one to hold out")
    package.check(out)
    if wanted.from_store and out.parent == settings.models and out.name == promotion.serving(settings.models):
        raise BadInput(f"{out}: this model serves, and is to be compared with the new one; give --out another name")
    yield f"{learned} examples to learn from, {held} held out"
    encoder = load_encoder(settings)
    torch.manual_seed(wanted.seed)
    tower = new_tower(settings, TowerConfig(layers=wanted.layers, encoder_dim=encoder.dimensions))
    worlds = [_world(items, examples, encoder, settings, tower.ask.device) for items, examples, _ in parts]
    valid = [replace(world, examples=part[2]) for world, part in zip(worlds, parts, strict=True)]
    scratch = out.with_name(f".{out.name}.training")
    plan = Plan(epochs=wanted.epochs, method=wanted.method, seed=wanted.seed)
    found = train(tower, worlds, valid, plan, scratch, settings.threads)
    card = package.Card(tower.config.lm, wanted.method, wanted.licence, _data(wanted), held, wanted.seed)
    yield "learning how much each signal counts"
    learnt = _beside(wanted, catalog, [items for items, _, _ in parts[1:]], encoder, settings)
    package.write(tower, out, card, found.figures, found.curve, learnt)
    shutil.rmtree(scratch, ignore_errors=True)
    yield ", ".join(f"{name} {value:.3f}" for name, value in found.figures.items())
    yield f"written to {out}"
    if wanted.from_store:
        yield _serve(out, valid[0], settings)


def _beside(
    wanted: Wanted, catalog: Catalog, others: Sequence[Catalog], encoder: Encoder, settings: Settings
) -> Learnt | None:
    """From the users that the tower learned from, and all dialogues. What people do with a running bot is too little to
    learn knowledge from, so a model from the store keeps that of the model in service, and moves its weights."""
    if wanted.from_store:
        name = promotion.serving(settings.models)
        learnt = Learnt.load(settings.models / name) if name else None
        store = Store.open(settings.db, settings.store_secret())
        held = sources.split([(user, user) for user, _ in sources.of_store(store, catalog, wanted.seed)], wanted.seed)[
            1
        ]
        answers = [answer for answer in sources.answers(store, catalog) if answer[0] not in held]
        return relearnt(learnt, answers, catalog, Remembering(encoder), settings) if learnt and answers else learnt
    histories = sources.ratings(wanted.events) if wanted.events else {}
    held = sources.held_users(histories, catalog, wanted.seed)
    cases = [case for path in wanted.dialogues for case in load_cases(path, ("bot", "user"))]
    talks = [(catalog, cases)] if cases else []
    for items, (_, path) in zip(others, wanted.also, strict=True):
        talks.append((worded(items, catalog.schema), load_cases(path, ("bot", "user"))))
    known = {user: events for user, events in histories.items() if user not in held}
    return learn_beside(Sources(catalog, known, talks), Remembering(encoder), settings, wanted.seed)


def _world(
    catalog: Catalog, examples: Sequence[Example], encoder: Encoder, settings: Settings, device: torch.device
) -> World:
    vectors = encode_items(encoder, [catalog.describe(item) for item in catalog.items], settings.cache)
    prior = log_prior(examples, len(catalog))
    return World(
        catalog.schema.name, examples, torch.from_numpy(vectors).to(device), torch.from_numpy(prior).to(device)
    )


def _serve(out: Path, newest: World, settings: Settings) -> str:
    """Into service, unless the model there is better on interactions that neither has learned from."""
    if out.parent != settings.models:
        return f"not put into service: only what is in {settings.models} can serve"
    name = promotion.serving(settings.models)
    if name and (settings.models / name).exists():
        new, old = (_figure(settings.models / model, newest, settings) for model in (out.name, name))
        if new < old:
            return f"not put into service: NDCG@10 {new:.3f}, that of {name} is {old:.3f}"
    promotion.promote(settings.models, out.name)
    return f"in service: {out.name}"


def _figure(folder: Path, world: World, settings: Settings) -> float:
    return figures(ranks(load_tower(folder, settings), world, world.examples, 1.0))["ndcg@10"]


def _catalog(wanted: Wanted, settings: Settings) -> Catalog:
    if wanted.catalog:
        return load_films(wanted.catalog)
    catalogs = load_catalogs(settings.catalogs)
    if wanted.domain not in catalogs:
        raise UnknownCatalog(f"no catalogue named {wanted.domain!r}; there is {', '.join(sorted(catalogs))}")
    return catalogs[wanted.domain]


def _examples(wanted: Wanted, catalog: Catalog, settings: Settings) -> tuple[list[Example], list[Example]]:
    """To learn from, and held out; of each source its share."""
    owned = [sources.dialogues(wanted.dialogues, catalog)]
    if wanted.events:
        owned.append(sources.behaviour(sources.ratings(wanted.events), catalog, wanted.seed))
    if wanted.from_store:
        store = Store.open(settings.db, settings.store_secret())
        owned.append(sources.of_store(store, catalog, wanted.seed))
    parts = [sources.split(source, wanted.seed) for source in owned if source]
    return [e for learned, _ in parts for e in learned], [e for _, held in parts for e in held]


def _data(wanted: Wanted) -> tuple[str, ...]:
    files = [path.name for path in (*wanted.dialogues, *(cases for _, cases in wanted.also))]
    files += [wanted.events.name] if wanted.events else []
    return wanted.notes or tuple([*files, *(["the store of this installation"] if wanted.from_store else [])])
