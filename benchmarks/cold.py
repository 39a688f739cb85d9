"""People of whom next to nothing is known: ``python -m benchmarks.cold [--json]``.

Whoever is scored was in nobody's training data. Three things may be known of them: a sentence, made from attributes of
what they turn to next and never with its title; their first three events; or both. What they turn to next is found
among all films of the set, the three left out. Collaborative scorers can't read: a sentence alone leaves them with
popularity. The bot reads the sentence as it reads everybody's, through its linker, and keeps the wishes in it; so that
this is not all that is measured, two collaborative scorers are also given the same films to choose from.

Two sets, both in the ids of the films catalogue. MovieLens 100K: the users in thirds, collaborative scorers learn from
the other two thirds; the bot has learned from nobody there. ml-latest-small: the tenth of the users that the ranker in
service was not trained on, but which told when to stop and weighed it; collaborative scorers learn from the rest.

Reads what ``python -m benchmarks.joined`` wrote. Nothing is tuned here: SASRec is trained for as many epochs as
``python -m benchmarks.history`` found best.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from benchmarks import Figures, peers, run
from benchmarks.history import RESAMPLES, movielens
from benchmarks.kept import Kept, fingerprint, source
from chatrec import dialogue, promotion
from chatrec.bootstrap import recommenders_of
from chatrec.candidates import positions
from chatrec.catalog import Catalog, load_catalogs
from chatrec.collaborative import Ease, popularity
from chatrec.encoder import load_encoder
from chatrec.errors import BadInput
from chatrec.evaluation import history as ev
from chatrec.linker import Linker
from chatrec.recommender import Recommender
from chatrec.sequence import Recipe, SequenceModel
from chatrec.settings import Settings
from chatrec.training import sources
from chatrec.training.examples import asked, names
from chatrec.types import Event, Query, Reading, Turn

KNOWN = 3  # events that are known of somebody
AHEAD = 3  # events after them, each a target once
FOLDS = 3  # of the users of MovieLens 100K
EPOCHS = 40  # of SASRec
DRAWS = 50  # sentences that are tried until one doesn't hold the title
BOT, CANDIDATES = "the bot", "the bot without its ranker"
GIVEN = {"a sentence": (True, False), "three events": (False, True), "three events and a sentence": (True, True)}


@dataclass(frozen=True)
class Case:
    """Somebody, by their place in the log; what they did first, what they turn to, and how they ask for it."""

    user: int
    known: tuple[Event, ...]
    target: int
    sentence: str


@dataclass(frozen=True)
class Set:
    """Histories, and who is cold while the others are learned from: one part of the users after the other."""

    name: str
    log: ev.Log
    parts: tuple[tuple[int, ...], ...]


def movielens_100k(settings: Settings, catalog: Catalog) -> Set:
    """Its films have no ids but MovieLens'; what another MovieLens calls by the same title and year is the same film.
    Such films get 85 % of the ratings."""
    folder, known = settings.data / "ml-latest-small", {item.item_id for item in catalog.items}
    with (folder / "links.csv").open(encoding="utf-8") as file:
        ids = {row["movieId"]: f"tt{row['imdbId'].zfill(7)}" for row in csv.DictReader(file)}
    with (folder / "movies.csv").open(encoding="utf-8") as file:
        titled = {row["title"]: ids[row["movieId"]] for row in csv.DictReader(file) if ids[row["movieId"]] in known}
    log = movielens()
    named = [titled.get(text.partition(").")[0] + ")") for text in log.texts]
    events = (
        (user, named[item], float(n), float(stars))
        for user, history, given in zip(log.users, log.histories, log.stars, strict=True)
        for n, (item, stars) in enumerate(zip(history, given, strict=True))
        if named[item]
    )
    found = ev.make_log(events, {})
    return Set("MovieLens 100K", found, tuple(tuple(range(k, len(found.users), FOLDS)) for k in range(FOLDS)))


def ml_latest_small(settings: Settings, catalog: Catalog) -> Set:
    """The users apart are those that the training of the ranker in service held out."""
    histories = sources.ratings(settings.var / "joined" / "ratings.csv")
    known = {item.item_id for item in catalog.items}
    events = (
        (user, e.item_id, e.at, e.value or 0.0) for user, did in histories.items() for e in did if e.item_id in known
    )
    log, held = ev.make_log(events, {}), sources.held_users(histories, catalog, seed=0)
    return Set("ml-latest-small", log, (tuple(n for n, user in enumerate(log.users) if user in held),))


def cases(log: ev.Log, users: Sequence[int], catalog: Catalog) -> list[Case]:
    """``AHEAD`` a user at most; what can't be asked for without its title is left out."""
    found = []
    for user in users:
        rng, history = random.Random(f"cold:{log.users[user]}"), log.histories[user]
        known = tuple(
            Event(log.items[item], "rating", float(n), float(stars))
            for n, (item, stars) in enumerate(zip(history[:KNOWN], log.stars[user][:KNOWN], strict=True))
        )
        for target in history[KNOWN : KNOWN + AHEAD].tolist():
            if said := sentence(log.items[target], catalog, rng):
                found.append(Case(user, known, target, said))
    return found


def sentence(item_id: str, catalog: Catalog, rng: random.Random) -> str:
    """A request for the item as training makes them, in words alone. Empty when all that were drawn name it."""
    for _ in range(DRAWS):
        query = asked(catalog.item(item_id), (), catalog, rng)
        said = " ".join(turn.text for turn in query.turns)
        if said and not names(Reading(said), [catalog.index(item_id)], catalog):
            return said
    return ""


def collaborative(kept: Kept, log: ev.Log, users: Sequence[int], vectors: np.ndarray) -> dict[str, ev.Scorer]:
    """Scorers that learned from these users. ``vectors``: (items, d), for our sequence model."""
    known, items = [log.histories[user] for user in users], len(log.items)
    learned = {
        "Pop": lambda: _pop(known, items),
        "ItemKNN (RecBole)": lambda: peers.recbole_knn(known, items),
        "EASE (RecBole)": lambda: peers.recbole_ease(known, items),
        "EASE-recency": lambda: Ease.fit(known, items).score,
        "SASRec (RecBole)": lambda: peers.sasrec(known, items, EPOCHS, 0),
        "sequence (ours)": lambda: SequenceModel.fit(known, items, vectors).score,
    }
    key = (source(peers.peer, Ease, SequenceModel), EPOCHS, Recipe(), fingerprint(*known, vectors))
    return {name: kept.scorer(f"cold-{name.split()[0]}", (name, *key), fit) for name, fit in learned.items()}


def _pop(known: Sequence[np.ndarray], items: int) -> ev.Scorer:
    counts = popularity(known, items)
    return lambda histories: np.tile(counts, (len(histories), 1))


@dataclass(frozen=True)
class Bot:
    """The recommender in service; ``films``: (items of the set,) their places in its catalogue."""

    recommender: Recommender
    linker: Linker
    films: np.ndarray

    def query(self, case: Case, words: bool, events: bool) -> Query:
        """What the bot makes of what it is told: wishes it can't meet are given up as in a conversation."""
        catalog, state = self.recommender.catalog, dialogue.State(self.recommender.catalog.schema.name)
        said = case.sentence if words else ""
        if said:
            state = dialogue.understand(state, "ask_recommendation", said, self.linker.link(said), catalog, 0.0).state
        turns = (Turn("user", said),) if said else ()
        query = dialogue.query(state, turns, case.known if events else ())
        away = frozenset(event.item_id for event in case.known)
        return self.recommender.relax(replace(query, exclude=query.exclude | away))[0]

    def ranks(self, query: Query, target: int) -> dict[str, float]:
        """Where the target is among the films of the set, from 1, with the ranker and without; infinite where a wish
        that was read rules it out."""
        found = self.recommender.generator.generate(query, len(self.recommender.catalog))
        orders = {CANDIDATES: found.indices, BOT: self.recommender.ranker.rank(query, found).indices}
        return {name: _place(order[np.isin(order, self.films)], self.films[target]) for name, order in orders.items()}


def _place(order: np.ndarray, target: int) -> float:
    at = np.flatnonzero(order == target)
    return float(at[0] + 1) if len(at) else np.inf


def ranks(bot: Bot, scorers: Mapping[str, ev.Scorer], log: ev.Log, some: Sequence[Case]) -> dict[str, dict]:
    """``{given: {scorer: (cases,) ranks}}``"""
    histories = [log.histories[case.user][:KNOWN] for case in some]
    scored = {name: scorer(histories) for name, scorer in scorers.items()}
    found: dict[str, dict[str, list[float]]] = {given: {} for given in GIVEN}
    for n, case in enumerate(tqdm(some, desc="cases", unit="case", disable=None)):
        for given, (words, events) in GIVEN.items():
            query = bot.query(case, words, events)
            row = bot.ranks(query, case.target)
            row |= {name: _rank(scores[n], histories[n], case.target) for name, scores in scored.items() if events}
            if not events:
                row["Pop"] = _rank(scored["Pop"][n], histories[n], case.target)
            if words:
                fitting = bot.recommender.fitting(query)[bot.films]
                for name in ("Pop", "EASE-recency") if events else ("Pop",):
                    kept = np.where(fitting, scored[name][n], -np.inf)
                    place = _rank(kept, histories[n], case.target) if fitting[case.target] else np.inf
                    row[f"{name} among films that meet the wishes"] = place
            for name, rank in row.items():
                found[given].setdefault(name, []).append(rank)
    return {given: {name: np.array(all_) for name, all_ in rows.items()} for given, rows in found.items()}


def _rank(scores: np.ndarray, history: np.ndarray, target: int) -> float:
    """From 1, of equals the first in the log's order first; what is known already doesn't count."""
    before = (scores > scores[target]) | ((scores == scores[target]) & (np.arange(len(scores)) < target))
    before[history] = False
    return float(before.sum() + 1)


def gains(found: np.ndarray) -> np.ndarray:
    """(cases, 2) HR@10 and NDCG@10."""
    return np.stack([found <= ev.DEPTH, np.where(found <= ev.DEPTH, 1 / np.log2(found + 1), 0.0)], axis=1)


def table(found: Mapping[str, np.ndarray], users: np.ndarray) -> list[Figures]:
    """Means with 95 % of NDCG@10, and how much better the bot is; users are resampled with all of their cases."""
    every, group = {name: gains(r) for name, r in found.items()}, np.unique(users, return_inverse=True)[1]
    picks = np.random.default_rng(1).integers(group.max() + 1, size=(RESAMPLES, group.max() + 1))
    sizes = np.bincount(group)[picks].sum(axis=1)
    drawn = {name: np.bincount(group, weights=g[:, 1])[picks].sum(axis=1) / sizes for name, g in every.items()}
    return [_row(name, gain, drawn[name], every[BOT], drawn[BOT]) for name, gain in every.items()]


def _row(name: str, gain: np.ndarray, drawn: np.ndarray, bot: np.ndarray, bots: np.ndarray) -> Figures:
    """``gain``, ``bot``: (cases, 2); ``drawn``, ``bots``: (resamples,) NDCG@10, of the same resamples."""
    hits, ndcg = gain.mean(axis=0)
    low, high = np.quantile(drawn, (0.025, 0.975))
    least, most = np.quantile(bots / np.maximum(drawn, 1e-9), (0.025, 0.975))
    return {
        "scorer": name,
        "hr@10": round(float(hits), 4),
        "ndcg@10": round(float(ndcg), 4),
        "95 %": f"[{low:.3f}, {high:.3f}]",
        "the bot to it": f"{bot[:, 1].mean() / max(ndcg, 1e-9):.2f} [{least:.2f}, {most:.2f}]",
    }


def of_set(each: Set, recommender: Recommender, linker: Linker, kept: Kept) -> Figures:
    """All figures of one set."""
    log, catalog = each.log, recommender.catalog
    bot = Bot(recommender, linker, positions(catalog, log.items))
    some, found = [], []
    for part in each.parts:
        others = sorted(set(range(len(log.users))) - set(part))
        scorers = collaborative(kept, log, others, recommender.generator.vectors[bot.films])
        asked_for = cases(log, part, catalog)
        some += asked_for
        found.append(ranks(bot, scorers, log, asked_for))
    users = np.array([case.user for case in some])
    merged = {given: {n: np.concatenate([f[given][n] for f in found]) for n in found[0][given]} for given in GIVEN}
    return {
        "films": len(log.items),
        "users": len(np.unique(users)),
        "cases": len(some),
        "sentences": [case.sentence for case in some[:: max(len(some) // 8, 1)]],
        **{given: table(rows, users) for given, rows in merged.items()},
    }


def measure(settings: Settings) -> Figures:
    """Figures of the model in service. Raises: BadInput when there is none."""
    name = promotion.serving(settings.models)
    if name is None:
        raise BadInput(f"{settings.models}: no model is in service")
    encoder, catalog = load_encoder(settings), load_catalogs(settings.catalogs)["movies"]
    recommender = recommenders_of(settings)(catalog, encoder)
    sets = (movielens_100k(settings, catalog), ml_latest_small(settings, catalog))
    kept, linker = Kept(settings.cache / "history"), Linker(catalog)
    return {"model": name, **{each.name: of_set(each, recommender, linker, kept) for each in sets}}


if __name__ == "__main__":
    run("People of whom next to nothing is known, next to collaborative scorers.", measure)
