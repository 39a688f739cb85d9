"""What the fine-tuned ranker adds to the candidate order, by its weight: ``python -m benchmarks.tower [--json]``.

Requests made from the ratings of held-out MovieLens users, over the films catalogue, and the held-out fifth of ReDial
over its own. The users told training when to stop, and the weight was chosen on them; nothing was learned from the
fifth. Reads what ``python -m benchmarks.joined`` wrote.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import Figures, run
from chatrec import dialogue, promotion
from chatrec.candidates import CandidateGenerator, positions
from chatrec.catalog import Catalog, load_catalogs
from chatrec.encoder import load_encoder
from chatrec.errors import BadInput
from chatrec.evaluation import dialogues
from chatrec.settings import Settings
from chatrec.tower import QueryTower, load_tower
from chatrec.training import sources
from chatrec.training.examples import asked
from chatrec.types import Event, Query

WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
EACH = 6  # requests made of one user's ratings
MEASURES = ("recall@1", "recall@10", "recall@50", "ndcg@10")

Task = tuple[Query, frozenset[int]]  # what is asked, and the indices that were meant


def held_users(histories: Mapping[str, Sequence[Event]], catalog: Catalog) -> set[str]:
    """Those that ``chatrec train --seed 0`` learns nothing from. It splits users who have an example, and one more or
    less among them gives another split; so the examples are made here too."""
    examples = sources.behaviour(histories, catalog, seed=0)
    _, held = sources.split([(user, user) for user, _ in examples], seed=0)
    return set(held)


def of_users(path: Path, catalog: Catalog) -> Iterator[Task]:
    """Requests for something that a held-out user went on to like, made as in training with another seed."""
    histories = sources.ratings(path)
    for user in sorted(held_users(histories, catalog)):
        rng = random.Random(f"9:{user}")
        known = [event for event in histories[user] if len(positions(catalog, [event.item_id]))]
        liked = [n for n, event in enumerate(known) if dialogue.stance(event) == "like"]
        for n in rng.sample(liked, min(EACH, len(liked))):
            query = asked(catalog.item(known[n].item_id), known[:n], catalog, rng)
            seen = frozenset(event.item_id for event in query.history)
            yield replace(query, exclude=seen), frozenset([catalog.index(known[n].item_id)])


def of_dialogues(path: Path, catalog: Catalog) -> Iterator[Task]:
    """The recommender's turns; new items only."""
    for case in dialogues.load_cases(path):
        new = set(case.targets) - set(case.mentioned)
        if new:
            yield dialogues.query_of(case, catalog, new=True), frozenset(positions(catalog, new).tolist())


def by_weight(tasks: Sequence[Task], generator: CandidateGenerator, tower: QueryTower) -> list[Figures]:
    """One row for each weight."""
    found = {weight: [] for weight in WEIGHTS}
    for query, targets in tasks:
        candidates = generator.generate(query, len(generator.catalog))
        cosines = tower.score(dialogue.reading(query, generator.catalog))[candidates.indices]
        meant = np.isin(candidates.indices, list(targets))
        for weight in WEIGHTS:
            order = np.argsort(-(candidates.scores + weight * cosines), kind="stable")
            found[weight].append(dialogues.figures(meant[order], len(targets)))
    return [
        {"weight": weight, **{m: f"{np.mean([row[m] for row in rows]):.3f}" for m in MEASURES}}
        for weight, rows in found.items()
    ]


def measure(settings: Settings) -> Figures:
    """Figures of the model in service. Raises: BadInput when there is none, or no data."""
    name, joined = promotion.serving(settings.models), settings.var / "joined"
    if name is None:
        raise BadInput(f"{settings.models}: no model is in service")
    encoder, tower = load_encoder(settings), load_tower(settings.models / name, settings)
    films = load_catalogs(settings.catalogs)["movies"]
    fit = dialogues.load_cases(joined / "redial-fit.jsonl", ("bot", "user"))
    redial = dialogues.with_popularity(dialogues.load_films(settings.data / "redial" / "catalog.csv"), fit)
    sets = {
        "requests of held-out MovieLens users": (films, list(of_users(joined / "ratings.csv", films))),
        "held-out fifth of ReDial": (redial, list(of_dialogues(joined / "redial-held.jsonl", redial))),
    }
    figures: Figures = {"model": name}
    for title, (catalog, tasks) in sets.items():
        generator = CandidateGenerator(catalog, encoder, settings.cache)
        rows = by_weight(tasks, generator, QueryTower(tower, generator.vectors))
        figures[title] = {"cases": len(tasks), "by weight": rows}
    return figures


if __name__ == "__main__":
    run("What the fine-tuned ranker adds to the candidate order.", measure)
