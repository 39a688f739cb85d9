"""Recommendation from behaviour: how high a scorer puts what somebody turned to next.

Leave one out by time: a user's last event is the test, the one before it is for validation; events of the same second
keep the order of the file. Every rating counts as an event, whatever its stars. A scorer ranks all items except those
that the user has had. What is learned or tuned for the test is learned from what comes before it.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from chatrec.blend import Blend
from chatrec.collaborative import Ease, History, Neighbours, Transitions, popularity
from chatrec.errors import BadInput
from chatrec.evaluation import beyond
from chatrec.evaluation.beyond import Ground, Groups
from chatrec.factors import Factors
from chatrec.neighbours import SequenceNeighbours
from chatrec.ratings import read_ratings

Scorer = Callable[[Sequence[History]], np.ndarray]
"""Histories to ``(users, items)`` scores, higher is better. Never sees what comes after them."""

DEPTH = 10
PARTS = 2  # of the users, each weighed by what the others teach
FEW = 3  # events that are known of a cold user
KEYS = ("item_id", "movieId", "id")


@dataclass(frozen=True)
class Log:
    """Who had what, in order. ``histories[u]`` are item indices, oldest first, each at most once; ``stars[u]`` the
    ratings beside them. ``texts``: what is said about each item, its id where nothing is."""

    users: tuple[str, ...]
    items: tuple[str, ...]
    histories: tuple[History, ...]
    stars: tuple[np.ndarray, ...]
    texts: tuple[str, ...]

    def known(self, back: int) -> list[History]:
        """The histories without their last ``back`` events."""
        return [history[: max(len(history) - back, 0)] for history in self.histories]


@dataclass(frozen=True)
class Cases:
    """What is known of some ``users``, and what each turned to next, (users,)."""

    histories: list[History]
    targets: np.ndarray
    users: tuple[str, ...] = ()


def load_log(ratings: Path, items: Path | None = None) -> Log:
    """A history file as ``chatrec events import`` reads it. Raises: BadInput with file and line."""
    texts = load_texts(items) if items else {}
    log = make_log(((user, e.item_id, e.at, e.value) for user, e in read_ratings(ratings)), texts)
    if not any(len(history) > 2 for history in log.histories):
        raise BadInput(f"{ratings}:1: nobody has three events: one to learn from, one to tune with, one to test with")
    return log


def make_log(events: Iterable[tuple[str, str, float, float]], texts: Mapping[str, str]) -> Log:
    """From ``(user, item, time, stars)`` in the order of the file. Of an item rated again, the first event counts."""
    items = dict.fromkeys(texts)
    by_user: dict[str, dict[str, tuple[float, float]]] = {}
    for user, item, at, stars in sorted(events, key=lambda event: event[2]):  # stable: ties keep their order
        items.setdefault(item)
        by_user.setdefault(user, {}).setdefault(item, (at, stars))
    index = {item: i for i, item in enumerate(items)}
    return Log(
        tuple(by_user),
        tuple(items),
        tuple(np.array([index[item] for item in had], dtype=np.int64) for had in by_user.values()),
        tuple(np.array([stars for _, stars in had.values()]) for had in by_user.values()),
        tuple(texts.get(item, item) for item in items),
    )


def load_rows(path: Path, keys: Sequence[str] = KEYS) -> dict[str, dict[str, str]]:
    """The rows of a CSV file with a header, ``{id: the other columns}``: the id is in the first of the columns ``keys``
    that is there. Raises: BadInput with file and line."""
    try:
        raw = path.read_bytes().removeprefix(codecs.BOM_UTF8)
        reader = csv.DictReader(raw.decode("utf-8").splitlines(keepends=True), strict=True)
        key = next((key for key in keys if key in (reader.fieldnames or ())), None)
        if key is None:
            raise BadInput(f"{path}:1: no column {' or '.join(keys)}")
        rows: dict[str, dict[str, str]] = {}
        for row in reader:
            name = (row[key] or "").strip()
            if not name or name in rows:
                raise BadInput(f"{path}:{reader.line_num}: " + (f"{name!r} is there twice" if name else f"no {key}"))
            if None in row or None in row.values():
                raise BadInput(f"{path}:{reader.line_num}: not as many fields as the header has")
            rows[name] = {column: cell for column, cell in row.items() if column != key}
    except OSError as error:
        raise BadInput(f"{path}: can't read it: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BadInput(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None
    except csv.Error as error:
        raise BadInput(f"{path}:{reader.line_num + 1}: not CSV: {error}") from None
    if not rows:
        raise BadInput(f"{path}:1: no {'items' if keys == KEYS else 'rows'}")
    return rows


def load_texts(path: Path) -> dict[str, str]:
    """``{id: text}``, the other columns one after the other. Raises: BadInput with file and line."""
    rows = load_rows(path)
    return {name: ". ".join(v.replace("|", ", ") for v in row.values() if v) or name for name, row in rows.items()}


def held_out(log: Log, back: int, few: int | None = None) -> Cases:
    """Each user's event number ``back`` from the end, and what came before it: all of it, or the ``few`` first events.
    Users with fewer than three events are left out."""
    users = {user: history for user, history in zip(log.users, log.histories, strict=True) if len(history) > 2}
    known = [history[: len(history) - back][:few] for history in users.values()]
    return Cases(known, np.array([history[len(history) - back] for history in users.values()]), tuple(users))


def places(scores: np.ndarray, histories: Sequence[History], targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(users,) ranks of the targets, from 1, and (users, DEPTH) the items in front. Equal scores keep the items' order;
    what is no number comes last, and what was seen behind even that, unless it is the target."""
    order = np.empty(scores.shape, dtype=np.int64)
    for user, history in enumerate(histories):
        row = np.argsort(-scores[user], kind="stable")
        gone = np.isin(row, np.setdiff1d(history, targets[user]))
        order[user] = np.concatenate([row[~gone], row[gone]])
    return np.argmax(order == targets[:, None], axis=1) + 1, order[:, :DEPTH]


def gains(ranks: np.ndarray) -> np.ndarray:
    """(users,) NDCG@10."""
    return (ranks <= DEPTH) / np.log2(ranks + 1)


def figures(ranks: np.ndarray) -> dict[str, float]:
    """Means over users."""
    return {
        "hr@10": float(np.mean(ranks <= DEPTH)),
        "ndcg@10": float(gains(ranks).mean()),
        "hr@20": float(np.mean(ranks <= 20)),
        "mrr": float(np.mean(1 / ranks)),
    }


def evaluate(
    cases: Cases, scorer: Scorer, ground: Ground, told_apart: Groups | None = None, batch: int = 512
) -> dict[str, Any]:
    """The figures of a scorer over cases, those of :mod:`chatrec.evaluation.beyond` among them; ``groups``: NDCG@10
    where the users are ``told_apart``."""
    parts = []
    for start in range(0, len(cases.targets), batch):
        some = cases.histories[start : start + batch]
        parts.append(places(scorer(some), some, cases.targets[start : start + batch]))
    ranks, fronts = (np.concatenate(part) for part in zip(*parts, strict=True))
    found = {**figures(ranks), **beyond.figures(fronts, cases.histories, ground)}
    return {**found, "groups": beyond.gaps(gains(ranks), told_apart)} if told_apart else found


def baselines(known: Sequence[History], items: int) -> dict[str, Scorer]:
    """What is hard to beat, learned from what is known."""
    counts = popularity(known, items)
    recent = Ease.fit(known, items)
    return {
        "popularity": lambda histories: np.tile(counts, (len(histories), 1)),
        "item-knn": Neighbours.fit(known, items).score,
        "ease": Ease(recent.weights, decay=1.0).score,
        "ease-recency": recent.score,
    }


Fit = Callable[[Sequence[History]], Scorer]
"""Learns a signal from histories."""


@dataclass(frozen=True)
class Hybrid:
    """Named signals and how they are blended."""

    signals: Mapping[str, Scorer]
    blend: Blend = field(repr=False)

    def score(self, histories: Sequence[History]) -> np.ndarray:
        return self.blend.score({name: signal(histories) for name, signal in self.signals.items()}, histories)


def linear_signals(items: int) -> dict[str, Fit]:
    """The signals that need no training loop."""

    def prior(known: Sequence[History]) -> Scorer:
        counts = np.log1p(popularity(known, items))
        return lambda histories: np.tile(counts, (len(histories), 1))

    return {
        "popularity": prior,
        "ease": lambda known: Ease.fit(known, items, decay=0.9).score,
        "ease-latest": lambda known: Ease.fit(known, items, decay=0.6).score,
        "transitions": lambda known: Transitions.fit(known, items).score,
        "neighbours": lambda known: SequenceNeighbours.fit(known, items).score,
    }


def fit_hybrid(log: Log, fits: Mapping[str, Fit], back: int = 1, offered: Mapping[str, Fit] | None = None) -> Hybrid:
    """Weights from signals that never saw the event before the held-out one; then the signals again, from all that
    comes before the held-out event. ``back``: which event from the end is held out; 1 for the test. Of the signals
    ``offered``, those are in the blend with which it foresees that earlier event best."""
    cases, short = held_out(log, back + 1), held_out(log, back + 1, FEW)
    histories, targets = cases.histories + short.histories, np.concatenate([cases.targets, short.targets])
    every = {**fits, **(offered or {})}
    signals = {name: fit(log.known(back + 1))(histories) for name, fit in every.items()}
    chosen = tuple(fits)
    if offered:
        users = np.tile(np.arange(len(cases.targets)), 2)
        sets = [(*fits, *some) for size in range(len(offered) + 1) for some in combinations(offered, size)]
        chosen = max(sets, key=lambda names: _foreseen(_some(signals, names), histories, targets, users))
    blend = Blend.fit(_some(signals, chosen), histories, targets)
    return Hybrid({name: every[name](log.known(back)) for name in chosen}, blend)


def _foreseen(
    signals: Mapping[str, np.ndarray], histories: Sequence[History], targets: np.ndarray, users: np.ndarray
) -> float:
    """Mean log-likelihood of the targets under weights learned from other users, (n,) ``users``."""
    found = np.zeros(len(targets))
    for part in range(PARTS):
        inside, outside = np.flatnonzero(users % PARTS == part), np.flatnonzero(users % PARTS != part)
        known, asked = (
            ({name: signal[rows] for name, signal in signals.items()}, [histories[row] for row in rows], targets[rows])
            for rows in (outside, inside)
        )
        found[inside] = Blend.fit(*known).likelihoods(*asked)
    return float(found.mean())


def _some(signals: Mapping[str, np.ndarray], names: Iterable[str]) -> dict[str, np.ndarray]:
    return {name: signals[name] for name in names}


def rmse(log: Log, seed: int = 0, share: float = 0.2, **settings: int) -> float:
    """Root mean squared error of predicted stars, for a random ``share`` of all ratings."""
    users = np.repeat(np.arange(len(log.users)), [len(history) for history in log.histories])
    items, stars = np.concatenate(log.histories), np.concatenate(log.stars)
    mixed = np.random.default_rng(seed).permutation(len(stars))
    cut = max(int(len(stars) * share), 1)
    test, train = mixed[:cut], mixed[cut:]
    shape = (len(log.users), len(log.items))
    model = Factors.fit(sparse.csr_matrix((stars[train], (users[train], items[train])), shape=shape), **settings)
    return float(np.sqrt(np.mean(np.square(model.predict(users[test], items[test]) - stars[test]))))


def report(
    log: Log, hybrid: Hybrid, error: float, vectors: np.ndarray, people: Mapping[str, Mapping[str, str]] | None = None
) -> dict[str, Any]:
    """What ``chatrec evaluate history --json`` prints. The model must have been learned without the last events.
    ``weights``: of the signals in the blend, for short, middling and long histories. ``vectors``: (items, d) of length
    1; ``people``: what is told of users, by which they are told apart as well."""
    known, items = log.known(1), len(log.items)
    counts, cases, cold = popularity(known, items), held_out(log, 1), held_out(log, 1, FEW)
    ground = Ground(counts, len(known), vectors)
    told_apart = {
        **beyond.groups(cases.histories, counts),
        **beyond.traits([(people or {}).get(user, {}) for user in cases.users]),
    }
    rivals, blend = baselines(known, items), hybrid.blend
    return {
        "model": {**evaluate(cases, hybrid.score, ground, told_apart), "rmse": error},
        "baselines": {name: evaluate(cases, scorer, ground, told_apart) for name, scorer in rivals.items()},
        "cold": {name: evaluate(cold, scorer, ground) for name, scorer in {"model": hybrid.score, **rivals}.items()},
        "weights": dict(zip(blend.names, blend.weights.T.round(3).tolist(), strict=True)),
        "users": len(cases.targets),
        "items": items,
    }
