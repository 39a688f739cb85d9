"""What a learnt fusion of many signals earns on recorded dialogues, next to its parts and to their plain sum.

    python -m benchmarks.dialogues [--json]

ReDial: a fifth of the fit dialogues is held out, everything is learnt from the other four. INSPIRED: its train
dialogues are learnt from as well, its valid dialogues are reported; nothing of it is kept. Only new items count, over
the full catalogue. Test splits are not touched.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import Figures, run
from chatrec.candidates import CandidateGenerator
from chatrec.catalog import Catalog, fold, load_schema
from chatrec.encoder import Remembering, load_encoder
from chatrec.evaluation import dialogues
from chatrec.evaluation.dialogues import Case, Scorer
from chatrec.fusion import Example, Fusion, learn_fusion
from chatrec.knowledge import Knowledge, Request, learn_knowledge
from chatrec.learning import (
    SIGNALS,
    cross_fitted,
    fold_number,
    fold_of,
    of_dialogues,
    read_ratings,
    requests,
    talks,
    title_keys,
)
from chatrec.linker import Linker
from chatrec.settings import Settings
from chatrec.types import Query

HELD_OUT = 5  # one dialogue in so many
RESAMPLES = 2000
MEASURES = ("recall@1", "recall@10", "recall@50", "ndcg@10")


@dataclass(frozen=True)
class Task:
    """One data set: what is learnt from, what is reported, and the dialogues about other catalogues that help."""

    name: str
    catalog: Catalog
    learn: Sequence[Case]
    report: Sequence[Case]
    others: Sequence[tuple[str, ...]]
    requests: Sequence[Request]
    ratings: tuple


class Reading:
    """The signals of queries, each computed once, whatever weights are then tried."""

    def __init__(self, generator: CandidateGenerator) -> None:
        self._generator = generator
        self._known: dict[Query, tuple[np.ndarray, np.ndarray]] = {}

    def of(self, query: Query) -> tuple[np.ndarray, np.ndarray]:
        """(k,) rows that may be shown, (S, k) signals."""
        if query not in self._known:
            rows = np.flatnonzero(self._generator.allowed(query))
            signals = self._generator.signals(query, rows)
            self._known[query] = rows, np.stack([signals[name].astype(np.float32) for name in SIGNALS])
        return self._known[query]


class Bench:
    """The parts that one task's runs share."""

    def __init__(self, task: Task, settings: Settings, encoder: Remembering) -> None:
        self.task, self._settings, self._encoder = task, settings, encoder
        self.linker = Linker(task.catalog)
        self._wishes: dict[str, tuple] = {}

    def knowledge(self, cases: Sequence[Case]) -> Knowledge:
        ratings, titles = self.task.ratings
        sessions = [*talks(cases, self.task.catalog), *self.task.others]
        asked = [*requests(cases, self.task.catalog, self._encoder), *self.task.requests]
        return learn_knowledge(ratings, sessions, asked, title_keys(self.task.catalog) | titles)

    def generator(self, cases: Sequence[Case]) -> CandidateGenerator:
        known = self.knowledge(cases).on(self.task.catalog)
        return CandidateGenerator(self.task.catalog, self._encoder, self._settings.cache, known=known)

    def query(self, case: Case, catalog: Catalog) -> Query:
        plain = dialogues.query_of(case, catalog, new=True)
        return replace(plain, constraints=self.wishes(plain))

    def wishes(self, query: Query) -> tuple:
        found = []
        for turn in query.turns:
            if turn.speaker == "user":
                if turn.text not in self._wishes:
                    self._wishes[turn.text] = dialogues.wishes([turn], self.linker, self.task.catalog)
                found += self._wishes[turn.text]
        return tuple(found)

    def scorer(self, reading: Reading, fusion: Fusion, view: Callable[[Query], Query]) -> Scorer:
        weights = np.array([fusion.weights.get(name, 0.0) for name in SIGNALS], dtype=np.float32)

        def rank(query: Query) -> np.ndarray:
            rows, signals = reading.of(view(replace(query, constraints=self.wishes(query))))
            return rows[np.argsort(-(weights @ signals), kind="stable")]

        return rank

    def baselines(self) -> dict[str, Scorer]:
        fit = self.task.learn
        catalog = dialogues.with_popularity(self.task.catalog, fit)
        vectors = CandidateGenerator(catalog, self._encoder, self._settings.cache).vectors
        return {
            "popularity": dialogues.popularity(catalog),
            "dense": dialogues.dense(catalog, self._encoder, vectors),
            "mentions": dialogues.mentions(catalog, self._encoder, vectors),
            "comention": dialogues.comention(catalog, fit),
            "sum": dialogues.fusion(catalog, self._encoder, vectors, fit),
        }


VIEWS: dict[str, Callable[[Query], Query]] = {
    "all": lambda q: q,
    "dialogue only": lambda q: replace(q, anchors=(), constraints=()),
    "mentioned items only": lambda q: replace(q, turns=(), constraints=()),
    "wishes only": lambda q: replace(q, turns=(), anchors=()),
}


def table(cases: Sequence[Case], catalog: Catalog, scorer: Scorer) -> np.ndarray:
    """(cases, measures)"""
    answers = dialogues.answers(cases, catalog, scorer, new=True)
    return np.array([[answer.figures[m] for m in MEASURES] for answer in answers])


def row(name: str, found: np.ndarray) -> dict[str, str]:
    return {"scorer": name, **{m: f"{v:.3f}" for m, v in zip(MEASURES, found.mean(axis=0), strict=True)}}


def interval(ours: np.ndarray, other: np.ndarray, cases: Sequence[Case]) -> dict[str, str]:
    """95 % of the difference, dialogues resampled whole: turns of one dialogue are not independent."""
    _, group = np.unique([dialogues.dialogue_of(c) for c in cases], return_inverse=True)
    sums = np.stack([np.bincount(group, weights=d) for d in (ours - other).T], axis=1)  # (dialogues, measures)
    sizes = np.bincount(group)
    picks = np.random.default_rng(1).integers(len(sizes), size=(RESAMPLES, len(sizes)))
    means = sums[picks].sum(axis=1) / sizes[picks].sum(axis=1)[:, None]
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    return {m: f"[{a:+.3f}, {b:+.3f}]" for m, a, b in zip(MEASURES, low, high, strict=True)}


def learnt(bench: Bench, cases: Sequence[Case]) -> list[Example]:
    def without(number: int) -> CandidateGenerator:
        return bench.generator([case for case in cases if fold_number(dialogues.dialogue_of(case)) != number])

    return list(cross_fitted(list(of_dialogues(cases, bench.task.catalog, bench.linker)), without))


def without(examples: Iterable[Example], column: int) -> list[Example]:
    return [replace(e, signals=np.delete(e.signals, column, axis=1)) for e in examples]


def shuffled(cases: Sequence[Case], catalog: Catalog) -> list[Case]:
    """The cases with all items drawn at random from the catalogue: nothing is left to learn."""
    rng = np.random.default_rng(2)
    ids = [item.item_id for item in catalog.items]

    def drawn(items: Sequence[str]) -> tuple[str, ...]:
        return tuple(ids[i] for i in rng.integers(len(ids), size=len(items)))

    return [replace(case, targets=drawn(case.targets), mentioned=drawn(case.mentioned)) for case in cases]


def leaks(cases: Sequence[Case], bench: Bench) -> dict[str, int]:
    """Whether the input holds more than was said before: a new target among its items, or its title in words that
    nobody said. And in how many cases somebody had said such a title, of three words or more, without the data set
    counting it as named."""
    catalog = bench.task.catalog
    found = {"cases": 0, "with a new target among the items": 0, "with a title nobody said": 0, "title said before": 0}
    for case in cases:
        query = bench.query(case, catalog)
        new = set(case.targets) - set(case.mentioned)
        titles = [_words(catalog.item(t).title) for t in new if t in {i.item_id for i in catalog.items}]
        said = _words(" ".join(turn.text for turn in case.turns))
        wished = (f"{c.text} {c.values}" for c in query.constraints)
        read = _words(" ".join([*(turn.text for turn in query.turns), *wished]))
        found["cases"] += 1
        found["with a new target among the items"] += bool(new & {*query.anchors, *(e.item_id for e in query.history)})
        found["with a title nobody said"] += any(title in read and title not in said for title in titles)
        found["title said before"] += any(title in said for title in titles if title.count(" ") > 2)
    return found


def _words(text: str) -> str:
    words = " ".join(re.findall(r"[^\W_]+", fold(text)))
    return f" {words} "


def compare(bench: Bench, fusion: Fusion, examples: list[Example]) -> Figures:
    """All figures of one task."""
    task, catalog = bench.task, bench.task.catalog
    cases = [c for c in task.report if set(c.targets) - set(c.mentioned)]
    reading = Reading(bench.generator(task.learn))
    found = {name: table(cases, catalog, scorer) for name, scorer in bench.baselines().items()}
    for name, view in VIEWS.items():
        found[f"ours, {name}"] = table(cases, catalog, bench.scorer(reading, fusion, view))
    ours = found["ours, all"]
    rows = [row(name, figures) for name, figures in found.items()]
    rows.append({"scorer": "difference to the sum, 95 %", **interval(ours, found["sum"], cases)})
    ratios = ours.mean(axis=0) / found["sum"].mean(axis=0)
    rows.append({"scorer": "ratio to the sum", **{m: f"{r:.2f}" for m, r in zip(MEASURES, ratios, strict=True)}})
    dropped = [row("all signals", ours)]
    moving = [name for name in SIGNALS if fusion.weights[name]]  # recordings say nothing about the others
    for name in moving:
        column = SIGNALS.index(name)
        names = [n for n in SIGNALS if n != name]
        fewer = learn_fusion(without(examples, column), names)
        dropped.append(row(f"without {name}", table(cases, catalog, bench.scorer(reading, fewer, VIEWS["all"]))))
    return {"cases": len(cases), "scorers": rows, "signals, weights learnt again": dropped, "scan": leaks(cases, bench)}


def chance(bench: Bench, learned: Fusion) -> list[dict[str, str]]:
    """Two controls beside k of N: ours on random targets, which shows that nothing leaks; and the same way of learning
    from dialogues whose items are random, which leaves small arbitrary weights on signals that still tell something."""
    task, catalog = bench.task, bench.task.catalog
    lost = replace(task, learn=shuffled(task.learn, catalog), others=(), requests=())
    blind = Bench(lost, bench._settings, bench._encoder)
    blind._wishes = bench._wishes
    fusion = learn_fusion(learnt(blind, lost.learn), SIGNALS)
    cases = [c for c in task.report if set(c.targets) - set(c.mentioned)]
    ours = table(cases, catalog, blind.scorer(Reading(blind.generator(lost.learn)), fusion, VIEWS["all"]))
    drawn = shuffled(cases, catalog)
    drawn = [replace(lost, mentioned=case.mentioned) for lost, case in zip(drawn, cases, strict=True)]
    random = table(drawn, catalog, bench.scorer(Reading(bench.generator(task.learn)), learned, VIEWS["all"]))
    expected = {m: f"{k / len(catalog):.3f}" for m, k in (("recall@1", 1), ("recall@10", 10), ("recall@50", 50))}
    controls = [row("random targets", random), row("learnt from random items", ours)]
    return [*controls, {"scorer": "chance", **expected, "ndcg@10": ""}]


def tasks(settings: Settings, encoder: Remembering) -> tuple[Task, Task]:
    """ReDial and INSPIRED. Raises: BadInput when the data is not there."""
    words = load_schema(settings.catalogs / "movies" / "schema.toml")
    ratings = read_ratings(settings.data / "ml-latest-small")
    redial, inspired = settings.data / "redial", settings.data / "inspired"
    films = dialogues.worded(dialogues.load_films(redial / "catalog.csv"), words)
    cases = dialogues.load_cases(redial / "fit.jsonl", ("user", "bot"))
    known = [c for c in cases if fold_of(c.case_id, HELD_OUT)]
    held = [c for c in cases if not fold_of(c.case_id, HELD_OUT) and c.speaker == "bot"]
    others = dialogues.worded(dialogues.load_films(inspired / "catalog.csv"), words)
    train = dialogues.load_cases(inspired / "train.jsonl", ("user", "bot"))
    return (
        Task("redial", films, known, held, (), (), ratings),
        Task(
            "inspired",
            others,
            train,
            dialogues.load_cases(inspired / "valid.jsonl"),
            talks(known, films),
            requests(known, films, encoder),
            (ratings[0], title_keys(films) | ratings[1]),
        ),
    )


def measure(settings: Settings) -> Figures:
    encoder = Remembering(load_encoder(settings))
    figures: Figures = {}
    before: list[Example] = []
    for task in tasks(settings, encoder):
        bench = Bench(task, settings, encoder)
        print(f"{task.name}: learning from {len(task.learn)} turns", file=sys.stderr)
        before = before + learnt(bench, task.learn)
        fusion = learn_fusion(before, SIGNALS)
        print(f"{task.name}: measuring", file=sys.stderr)
        weights = {name: round(weight, 3) for name, weight in fusion.weights.items()}
        figures[task.name] = {
            **compare(bench, fusion, before),
            "nothing to learn": chance(bench, fusion),
            "weights": weights,
        }
    return figures


if __name__ == "__main__":
    run("A learnt fusion of signals on recorded dialogues, next to the plain sum.", measure)
