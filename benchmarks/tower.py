"""What the fine-tuned ranker adds to the candidate order, by its weight: ``python -m benchmarks.tower [--json]``.

Requests made from the ratings of held-out MovieLens users, over the films catalogue, and the held-out fifth of ReDial
over its own. The users told training when to stop, and the weight was chosen on them; nothing was learned from the
fifth. Reads what ``python -m benchmarks.joined`` wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import Figures, run
from chatrec import dialogue, learning, promotion
from chatrec.candidates import CandidateGenerator
from chatrec.catalog import Catalog, load_catalogs
from chatrec.encoder import load_encoder
from chatrec.errors import BadInput
from chatrec.evaluation import dialogues
from chatrec.linker import Linker
from chatrec.model import load_model
from chatrec.settings import Settings
from chatrec.tower import QueryTower
from chatrec.training import sources
from chatrec.types import Event, Query

WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
EACH = 6  # requests made of one user's ratings
MEASURES = ("recall@1", "recall@10", "recall@50", "ndcg@10")

Task = tuple[Query, frozenset[int]]  # what is asked, and the indices that were meant


def of_users(path: Path, catalog: Catalog) -> Iterator[Task]:
    """Requests for something that a held-out user went on to like, as the bot reads them; with another seed than in
    training."""
    for made in learning.of_behaviour(_held(path, catalog), catalog, Linker(catalog), seed=9, each=EACH):
        yield made.query, frozenset(made.targets)


def of_silence(path: Path, catalog: Catalog) -> Iterator[Task]:
    """What held-out users liked next of whom little was known, and who had said nothing."""
    for made in learning.of_silence(_held(path, catalog), catalog, seed=9):
        yield made.query, frozenset(made.targets)


def of_dialogues(path: Path, catalog: Catalog) -> Iterator[Task]:
    """The recommender's turns; new items only."""
    for turn in learning.of_dialogues(dialogues.load_cases(path), catalog, Linker(catalog)):
        yield turn.query, frozenset(turn.targets)


def _held(path: Path, catalog: Catalog) -> dict[str, list[Event]]:
    """Histories of the users whom the ranker in service was not trained on."""
    histories = sources.ratings(path)
    return {user: histories[user] for user in sources.held_users(histories, catalog, seed=0)}


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
    encoder, model = load_encoder(settings), load_model(settings.models / name, settings)
    films = load_catalogs(settings.catalogs)["movies"]
    redial = dialogues.worded(dialogues.load_films(settings.data / "redial" / "catalog.csv"), films.schema)
    by_hand = CandidateGenerator(films, encoder, settings.cache)
    learnt = model.generator(films, encoder, settings.cache)
    known, fusion = model.learnt.knowledge.on(redial), model.learnt.dialogues
    spoken = CandidateGenerator(redial, encoder, settings.cache, known=known, fusion=fusion)
    bots = CandidateGenerator(redial, encoder, settings.cache, known=known, fusion=model.learnt.requests)
    turns = list(of_dialogues(joined / "redial-held.jsonl", redial))
    asked_for = list(of_users(joined / "ratings.csv", films))
    sets = {
        "requests of held-out MovieLens users, signals weighed by hand": (by_hand, asked_for),
        "the same, weights learnt": (learnt, asked_for),
        "what these users liked next, with no word said": (learnt, list(of_silence(joined / "ratings.csv", films))),
        "held-out fifth of ReDial, weights learnt from dialogues": (spoken, turns),
        "the same, the bot's weights": (bots, turns),
    }
    figures: Figures = {"model": name}
    for title, (generator, tasks) in sets.items():
        rows = by_weight(tasks, generator, QueryTower(model.tower, generator.vectors))
        figures[title] = {"cases": len(tasks), "by weight": rows}
    return figures


if __name__ == "__main__":
    run("What the fine-tuned ranker adds to the candidate order.", measure)
