"""What variety and less popular lists cost in accuracy: ``python -m benchmarks.diversity [--json]``.

The first ``READ`` items of a ranking are put into another order, and the first ten of that are looked at.

- Variety: MMR (Carbonell and Goldstein, "The use of MMR", SIGIR 1998), and the greedy MAP of a determinantal point
  process (Chen et al., "Fast greedy MAP inference for determinantal point process to improve recommendation diversity",
  NeurIPS 2018), both over cosines of item vectors.
- Popularity: the logarithm of how many people have had an item, taken off its score; and calibration of a list's shares
  of head, middle and tail to the user's own (Steck, "Calibrated recommendations", RecSys 2018).

Three sets. ``histories``: MovieLens 100K and our blend, validation on the event before the last with weights of the
blend from the other half of the users. ``requests`` and ``silence``: what users of ml-latest-small turn to, asked for
in words or not at all, among the bot's candidates; validation on users that its weights were learnt from, with
knowledge of the others only, test on the users apart, with the whole bot. Of each way the greatest strength is taken
that costs at most ``PRICE`` in the validation of every set, and that is tested, once. Reads what
``python -m benchmarks.joined`` wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import Figures, run
from benchmarks.history import SEEDS, Bench, movielens, signals
from benchmarks.kept import Kept
from chatrec import learning, promotion
from chatrec.blend import Blend
from chatrec.candidates import CandidateGenerator, positions
from chatrec.catalog import Catalog, load_catalogs
from chatrec.collaborative import popularity
from chatrec.encoder import Encoder, encode_items, load_encoder
from chatrec.errors import BadInput
from chatrec.evaluation import beyond
from chatrec.evaluation import history as ev
from chatrec.evaluation.beyond import DEPTH, Ground
from chatrec.knowledge import learn_knowledge
from chatrec.linker import Linker
from chatrec.model import Model, load_model
from chatrec.rank import Ranker
from chatrec.sequence import Recipe
from chatrec.settings import Settings
from chatrec.training import sources
from chatrec.training.beside import ratings_of

READ = 100
PRICE = 0.01  # of NDCG@10 that may be paid
HEAD, TAIL = 0.2, 0.8  # shares of all events that more popular items have: below, an item is head; from there on, tail
LEAST = 0.01  # of a group that a list has none of, so that its logarithm is finite
EACH, EACH_APART = 4, 12  # requests made of one user to learn from, of one apart


@dataclass(frozen=True)
class Case:
    """A ranking: (k,) ``items``, best first, with their ``scores``; what was meant, and the items somebody has had."""

    items: np.ndarray
    scores: np.ndarray
    targets: np.ndarray
    profile: np.ndarray


@dataclass(frozen=True)
class World:
    """``ground``: of the whole catalogue; ``part``: (items,) 0 head, 1 middle, 2 tail."""

    ground: Ground
    part: np.ndarray

    @classmethod
    def of(cls, ground: Ground) -> World:
        order = np.argsort(-ground.counts, kind="stable")
        part = np.zeros(len(order), dtype=np.int64)
        above = np.cumsum(ground.counts[order]) - ground.counts[order]
        part[order] = np.digitize(above / max(ground.counts.sum(), 1), (HEAD, TAIL))
        return cls(ground, part)


@dataclass(frozen=True)
class Set:
    """Cases to choose by, and cases to test with, each with its world."""

    validation: tuple[World, Sequence[Case]]
    test: tuple[World, Sequence[Case]]


Way = Callable[[World, Case, float], np.ndarray]
"""Another order: (DEPTH,) positions in the case's items, for a strength; 0 changes nothing."""


def mmr(world: World, case: Case, strength: float) -> np.ndarray:
    """An item pays ``strength`` times its cosine with the most alike item above it."""
    vectors, near = world.ground.vectors[case.items], np.zeros(len(case.items))
    chosen: list[int] = []
    for _ in range(min(DEPTH, len(case.items))):
        chosen.append(_best(case.scores - strength * near, chosen))
        cosines = vectors @ vectors[chosen[-1]]
        near = np.maximum(near, cosines) if len(chosen) > 1 else cosines
    return np.array(chosen, dtype=np.int64)


def dpp(world: World, case: Case, strength: float) -> np.ndarray:
    """An item pays for what of its vector lies in the span of those above it: log det of the kernel, one Cholesky row a
    place."""
    vectors, size = world.ground.vectors[case.items], len(case.items)
    rows, left = np.zeros((min(DEPTH, size), size)), np.ones(size)
    chosen: list[int] = []
    for n in range(len(rows)):
        last = _best(case.scores + strength * np.log(np.maximum(left, 1e-9)), chosen)
        rows[n] = (vectors @ vectors[last] - rows[:n].T @ rows[:n, last]) / np.sqrt(max(left[last], 1e-9))
        left = left - rows[n] ** 2
        chosen.append(last)
    return np.array(chosen, dtype=np.int64)


def exposure(world: World, case: Case, strength: float) -> np.ndarray:
    """An item pays for each logarithm of how many have had it."""
    return np.argsort(strength * np.log1p(world.ground.counts[case.items]) - case.scores, kind="stable")[:DEPTH]


def calibrated(world: World, case: Case, strength: float) -> np.ndarray:
    """A list pays for the divergence of its parts from those of the user's own, Kullback and Leibler's."""
    part, had = world.part[case.items], np.bincount(world.part[case.profile], minlength=3)
    if not had.any():
        return np.arange(min(DEPTH, len(case.items)))
    own, shown = had / had.sum(), np.zeros(3)
    chosen: list[int] = []
    for n in range(min(DEPTH, len(case.items))):
        then = (1 - LEAST) * (shown + np.eye(3)) / (n + 1) + LEAST * own  # one row for each part that comes next
        apart = np.sum(np.where(own > 0, own * np.log(np.maximum(own, 1e-9) / np.maximum(then, 1e-9)), 0.0), axis=1)
        chosen.append(_best(case.scores - strength * apart[part], chosen))
        shown[part[chosen[-1]]] += 1
    return np.array(chosen, dtype=np.int64)


def _best(scores: np.ndarray, chosen: Sequence[int]) -> int:
    scores = scores.astype(np.float64)
    scores[list(chosen)] = -np.inf
    return int(np.argmax(scores))


WAYS: Mapping[str, Way] = {"MMR": mmr, "DPP": dpp, "exposure": exposure, "calibrated": calibrated}
STRENGTHS: Mapping[str, Sequence[float]] = {
    "MMR": (0.5, 1.0, 2.0, 4.0),
    "DPP": (0.25, 0.5, 1.0, 2.0),
    "exposure": (0.05, 0.1, 0.2, 0.4, 0.8),
    "calibrated": (0.25, 0.5, 1.0, 2.0, 4.0),
}


def gains(cases: Sequence[Case], lists: Sequence[np.ndarray]) -> np.ndarray:
    """(cases,) NDCG@10; each case means one item."""
    found = [np.flatnonzero(np.isin(row, case.targets)) for case, row in zip(cases, lists, strict=True)]
    return np.array([1 / np.log2(places[0] + 2) if len(places) else 0.0 for places in found])


def rows(world: World, cases: Sequence[Case], ways: Mapping[str, Sequence[float]]) -> list[Figures]:
    """A row for the ranking as it is, then one for each way and strength; ``price``: the share of NDCG@10 that it
    costs, with the half of its 95 % interval."""
    plain = [case.items[:DEPTH] for case in cases]
    before = gains(cases, plain)
    found = [_row(world, cases, "as ranked", 0.0, plain, before)]
    for name, strengths in ways.items():
        for strength in strengths:
            lists = [case.items[WAYS[name](world, case, strength)] for case in cases]
            found.append(_row(world, cases, name, strength, lists, before))
    return found


def _row(
    world: World, cases: Sequence[Case], name: str, strength: float, lists: Sequence[np.ndarray], before: np.ndarray
) -> Figures:
    now, mean = gains(cases, lists), before.mean()
    paid = (before - now) / mean
    told = beyond.figures(lists, [case.profile for case in cases], world.ground)
    return {
        "way": name,
        "strength": strength,
        "ndcg@10": round(float(now.mean()), 4),
        "price": round(float(paid.mean()), 4),
        "±": round(float(1.96 * paid.std() / np.sqrt(len(paid))), 4),
        "coverage": round(told["coverage"], 4),
        "gini": round(told["gini"], 4),
        "lift": round(told["popularity_lift"], 4),
        "diversity": round(told["diversity"], 4),
    }


def chosen(tables: Sequence[Sequence[Figures]]) -> dict[str, float]:
    """Way -> its greatest strength that costs at most ``PRICE`` in every table; 0 when none does."""
    found = {}
    for way in WAYS:
        paid: dict[float, float] = {}
        for row in (row for table in tables for row in table if row["way"] == way):
            paid[row["strength"]] = max(row["price"], paid.get(row["strength"], -1.0))
        found[way] = max((strength for strength, price in paid.items() if price <= PRICE), default=0.0)
    return found


def of_histories(settings: Settings, encoder: Encoder) -> Set:
    """MovieLens 100K, ranked by the blend of :mod:`benchmarks.history`."""
    log = movielens()
    vectors = encode_items(encoder, log.texts, settings.cache)
    fits = signals(Bench(log, vectors, Kept(settings.cache / "history")), Recipe(), SEEDS)
    cases, short = ev.held_out(log, 2), ev.held_out(log, 2, ev.FEW)
    histories, targets = cases.histories + short.histories, np.concatenate([cases.targets, short.targets])
    scored = {name: fit(log.known(2))(histories) for name, fit in fits.items()}
    half = np.tile(np.arange(len(cases.targets)), 2) % 2
    scores = np.zeros((len(cases.targets), len(log.items)), dtype=np.float32)
    for side in (0, 1):
        known, asked = np.flatnonzero(half != side), np.flatnonzero(half[: len(scores)] == side)
        some = {name: part[known] for name, part in scored.items()}
        blend = Blend.fit(some, [histories[n] for n in known], targets[known])
        scores[asked] = blend.score({n: p[asked] for n, p in scored.items()}, [histories[n] for n in asked])
    test = ev.held_out(log, 1)
    return Set(
        (_world(log, 2, vectors), _cases(cases, scores)),
        (_world(log, 1, vectors), _cases(test, ev.fit_hybrid(log, fits).score(test.histories))),
    )


def _world(log: ev.Log, back: int, vectors: np.ndarray) -> World:
    known = log.known(back)
    return World.of(Ground(popularity(known, len(log.items)), len(known), vectors))


def _cases(cases: ev.Cases, scores: np.ndarray) -> list[Case]:
    found = []
    for history, target, row in zip(cases.histories, cases.targets, scores, strict=True):
        row = row.astype(np.float64)
        row[history] = -np.inf
        order = np.argsort(-row, kind="stable")[:READ]
        found.append(Case(order, row[order], np.array([target]), history))
    return found


@dataclass(frozen=True)
class Bot:
    """The films bot and the users it may be asked by."""

    model: Model
    films: Catalog
    encoder: Encoder
    settings: Settings

    def sets(self) -> dict[str, Set]:
        """``requests`` and ``silence``."""
        films, linker = self.films, Linker(self.films)
        everybody = sources.ratings(self.settings.var / "joined" / "ratings.csv")
        apart = sources.held_users(everybody, films, seed=0)
        held = {user: everybody[user] for user in apart}
        rest = {user: events for user, events in everybody.items() if user not in apart}
        had = [positions(films, dict.fromkeys(event.item_id for event in events)) for events in rest.values()]
        counts = np.bincount(np.concatenate(had), minlength=len(films))
        whole = self.model.learnt.generator(films, self.encoder, self.settings.cache, exposure=0.0)
        ranker, world = self.model.ranker(whole), World.of(Ground(counts, len(rest), whole.vectors))
        seen = {
            "requests": (
                list(learning.of_behaviour(rest, films, linker, seed=9, each=EACH)),
                list(learning.of_behaviour(held, films, linker, seed=9, each=EACH_APART)),
            ),
            "silence": (
                list(learning.of_silence(rest, films, seed=9, each=EACH)),
                list(learning.of_silence(held, films, seed=9)),
            ),
        }
        folds = [self._without(number, rest, whole) for number in range(learning.FOLDS)]
        return {
            name: Set(
                (world, [self._case(one, folds[learning.fold_number(one.owner)]) for one in learnt]),
                (world, [self._case(one, whole, ranker) for one in tested]),
            )
            for name, (learnt, tested) in seen.items()
        }

    def _without(self, number: int, rest: Mapping[str, Sequence], whole: CandidateGenerator) -> CandidateGenerator:
        """Candidates that know nothing of the ratings of the users in a fold."""
        others = {user: events for user, events in rest.items() if learning.fold_number(user) != number}
        told = learn_knowledge(ratings_of(others, self.films)).on(self.films)
        known = replace(whole.known, rated=told.rated, around=told.around, ratings=told.ratings)
        return CandidateGenerator(
            self.films, self.encoder, self.settings.cache, known=known, fusion=whole.fusion, silence=whole.silence
        )

    def _case(self, one: learning.Asked, generator: CandidateGenerator, ranker: Ranker | None = None) -> Case:
        found = generator.generate(one.query, len(self.films))
        found = ranker.rank(one.query, found) if ranker else found
        profile = positions(self.films, dict.fromkeys(event.item_id for event in one.query.history))
        return Case(found.indices[:READ], found.scores[:READ].astype(float), np.array(one.targets), profile)


def measure(settings: Settings) -> Figures:
    """All rows of the validation, and of the test those of the strengths that were chosen. Raises: BadInput when no
    model is in service that has learnt weights."""
    name, encoder = promotion.serving(settings.models), load_encoder(settings)
    model = load_model(settings.models / name, settings) if name else None
    if model is None or model.learnt is None:
        raise BadInput(f"{settings.models}: no model with learnt weights is in service")
    bot = Bot(model, load_catalogs(settings.catalogs)["movies"], encoder, settings)
    sets = {"histories": of_histories(settings, encoder), **bot.sets()}
    validation = {title: rows(*each.validation, STRENGTHS) for title, each in sets.items()}
    strength = chosen(list(validation.values()))
    once = {way: (value,) for way, value in strength.items() if value}
    return {
        "model": name,
        "cases": {title: f"{len(each.validation[1])}, {len(each.test[1])}" for title, each in sets.items()},
        "chosen": strength,
        **{f"{title}: validation": table for title, table in validation.items()},
        **{f"{title}: test": rows(*each.test, once) for title, each in sets.items()},
    }


if __name__ == "__main__":
    run("What variety and less popular lists cost in accuracy.", measure)
