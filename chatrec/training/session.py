"""One call of ``chatrec train``: read everything, train, write the model, and let it serve if it earned that."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from chatrec import promotion
from chatrec.bootstrap import catalogs_of
from chatrec.catalog import Catalog
from chatrec.encoder import Encoder, Remembering, encode_items, load_encoder
from chatrec.errors import BadInput, UnknownCatalog
from chatrec.evaluation.dialogues import load_cases, load_films, worded
from chatrec.model import Learnt, Model, load_model
from chatrec.settings import Settings
from chatrec.store import Store
from chatrec.tower import TowerConfig, new_tower
from chatrec.training import package, sources
from chatrec.training.adapt import Method
from chatrec.training.beside import Beside, Sources, foreseen, learn_beside, relearnt
from chatrec.training.examples import Example, log_prior
from chatrec.training.fit import Plan, World, ranks_before
from chatrec.training.run import figures, train

FEWEST = 20  # examples; of fewer nothing can be learned

Part = tuple[Catalog, list[Example], list[Example]]
"""A catalogue, the examples of it to learn from, and those held out."""


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
    catalog = catalog_of(wanted, settings)
    parts: list[Part] = [(catalog, *_examples(wanted, catalog, settings))]
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
    encoder = Remembering(load_encoder(settings))
    scratch = out.with_name(f".{out.name}.training")
    yield "learning how much each signal counts"
    beside = _beside(wanted, catalog, [items for items, _, _ in parts[1:]], encoder, settings)
    newest = parts[0][2]
    foretold = beside is not None and beside.without is not None
    if foretold:
        yield "reading what the signals leave to be learnt"
        parts = [_foreseen(part, number, beside, scratch) for number, part in enumerate(parts)]
    torch.manual_seed(wanted.seed)
    shape = TowerConfig(layers=wanted.layers, encoder_dim=encoder.dimensions, beside=foretold)
    tower = new_tower(settings, shape)
    worlds = [_world(items, examples, encoder, settings, tower.ask.device) for items, examples, _ in parts]
    valid = [replace(world, examples=part[2]) for world, part in zip(worlds, parts, strict=True)]
    plan = Plan(epochs=wanted.epochs, method=wanted.method, seed=wanted.seed)
    found = train(tower, worlds, valid, plan, scratch, settings.threads)
    card = package.Card(tower.config.lm, wanted.method, wanted.licence, data_of(wanted), held, wanted.seed)
    told = {**found.figures, **(_before(valid) if foretold else {})}
    package.write(tower, out, card, told, found.curve, beside and beside.learnt)
    shutil.rmtree(scratch, ignore_errors=True)
    yield ", ".join(f"{name} {value:.3f}" for name, value in told.items())
    yield f"written to {out}"
    if wanted.from_store:
        yield serve(out, newest, catalog, encoder, settings)


def _beside(
    wanted: Wanted, catalog: Catalog, others: Sequence[Catalog], encoder: Encoder, settings: Settings
) -> Beside | None:
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
        if not learnt:
            return None
        moved = relearnt(learnt, answers, catalog, encoder, settings) if answers else learnt
        generator = moved.generator(catalog, encoder, settings.cache, exposure=0.0)
        return Beside(moved, (lambda catalog, owner: generator) if generator.fusion else None)
    histories = sources.ratings(wanted.events) if wanted.events else {}
    held = sources.held_users(histories, catalog, wanted.seed)
    cases = [case for path in wanted.dialogues for case in load_cases(path, ("bot", "user"))]
    talks = [(catalog, cases)] if cases else []
    for items, (_, path) in zip(others, wanted.also, strict=True):
        talks.append((worded(items, catalog.schema), load_cases(path, ("bot", "user"))))
    known = {user: events for user, events in histories.items() if user not in held}
    return learn_beside(Sources(catalog, known, talks), encoder, settings, wanted.seed)


def _foreseen(part: Part, number: int, beside: Beside, scratch: Path) -> Part:
    """The examples with their priors, which lie in files of the run."""
    scratch.mkdir(parents=True, exist_ok=True)
    catalog, *both = part
    learned, held = (
        foreseen(examples, catalog, beside.without, scratch / f"priors-{number}-{name}.npy")
        for name, examples in zip(("learned", "held"), both, strict=True)
    )
    return catalog, learned, held


def _world(
    catalog: Catalog, examples: Sequence[Example], encoder: Encoder, settings: Settings, device: torch.device
) -> World:
    vectors = encode_items(encoder, [catalog.describe(item) for item in catalog.items], settings.cache)
    prior = log_prior(examples, len(catalog))
    return World(
        catalog.schema.name, examples, torch.from_numpy(vectors).to(device), torch.from_numpy(prior).to(device)
    )


def _before(valid: Sequence[World]) -> dict[str, float]:
    """What the signals find without the tower."""
    alone = figures(np.concatenate([ranks_before(world.examples) for world in valid]))
    return {f"{measure} of the signals alone": alone[measure] for measure in ("recall@10", "ndcg@10")}


def serve(out: Path, newest: Sequence[Example], catalog: Catalog, encoder: Encoder, settings: Settings) -> str:
    """Into service, unless the model there is better on interactions that neither has learned from. Both rank as they
    would serve, signals and tower together."""
    if out.parent != settings.models:
        return f"not put into service: only what is in {settings.models} can serve"
    name = promotion.serving(settings.models)
    if name and (settings.models / name).exists():
        new, old = (
            figures(served(load_model(settings.models / model, settings), newest, catalog, encoder, settings))[
                "ndcg@10"
            ]
            for model in (out.name, name)
        )
        if new < old:
            return f"not put into service: NDCG@10 {new:.3f}, that of {name} is {old:.3f}"
    promotion.promote(settings.models, out.name)
    return f"in service: {out.name}"


def served(
    model: Model, examples: Sequence[Example], catalog: Catalog, encoder: Encoder, settings: Settings
) -> np.ndarray:
    """(n,) 0-based rank of the best target of each example, in the order in which the model would show the catalogue;
    N where the query rules it out."""
    generator = model.generator(catalog, encoder, settings.cache)
    ranker, found = model.ranker(generator), []
    for example in examples:
        known = {index for index, _ in example.reading.items}
        order = ranker.rank(example.query, generator.generate(example.query, len(catalog))).indices
        places = np.flatnonzero(np.isin(order[~np.isin(order, list(known))], example.targets))
        found.append(int(places[0]) if len(places) else len(catalog))
    return np.array(found)


def catalog_of(wanted: Wanted, settings: Settings) -> Catalog:
    if wanted.catalog:
        return load_films(wanted.catalog)
    catalogs = catalogs_of(settings)
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


def data_of(wanted: Wanted) -> tuple[str, ...]:
    files = [path.name for path in (*wanted.dialogues, *(cases for _, cases in wanted.also))]
    files += [wanted.events.name] if wanted.events else []
    return wanted.notes or tuple([*files, *(["the store of this installation"] if wanted.from_store else [])])
