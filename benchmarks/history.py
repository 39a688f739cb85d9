"""What somebody turns to next, on MovieLens 100K, next to six peers: ``python -m benchmarks.history [--quick]``.

The last event of each user is found among all films from those before it, see :mod:`chatrec.evaluation.history`. The
peers are those of :mod:`benchmarks.peers`, and EASE with recency weights. All see the same split. What is trained in
epochs is first trained without each user's last two events, to choose the number of epochs on the one before the last,
and then again without the last one only. Films and ratings come with RecBole's wheel.

It takes hours. Each piece that is computed stays in the cache, so a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks import Figures, machine, peers, show
from benchmarks.kept import Kept, fingerprint, source
from chatrec.collaborative import Ease, History, popularity
from chatrec.encoder import encode_items, load_encoder
from chatrec.evaluation import beyond
from chatrec.evaluation import history as ev
from chatrec.evaluation.beyond import Ground
from chatrec.factors import Factors
from chatrec.neighbours import SequenceNeighbours
from chatrec.sequence import Recipe, SequenceModel
from chatrec.settings import Settings

SEEDS = (0, 1, 2)
MEASURES = ("hr@10", "ndcg@10", "hr@20", "mrr", "coverage", "gini", "popularity_lift", "novelty", "diversity")
RESAMPLES = 2000
MOST = {"LightGCN": 100, "SASRec": 50}  # epochs among which the best number is looked for, in ten steps
OURS = "blend (ours)"


@dataclass(frozen=True)
class Bench:
    """The split, and what is known of it already. ``text``: (items, d) vectors of what is said about the items."""

    log: ev.Log
    text: np.ndarray
    kept: Kept

    def scorer(self, name: str, fit: ev.Fit, known: Sequence[History], *key: object) -> ev.Scorer:
        """What ``fit`` learns from these histories. ``key``: what else it depends on, its code for one."""
        key = (*key, len(self.log.items), fingerprint(*known))
        return self.kept.scorer(name, key, lambda: fit(known))


def movielens() -> ev.Log:
    """MovieLens 100K as it comes with RecBole."""
    films, ratings = (rows(kind) for kind in ("item", "inter"))
    texts = {film: f"{title} ({year}). {', '.join(genres.split())}" for film, title, year, genres in films}
    return ev.make_log(((user, film, float(at), float(stars)) for user, film, stars, at in ratings), texts)


def people() -> dict[str, dict[str, str]]:
    """Age and gender of its users."""
    return {user: {"age": age, "gender": gender} for user, age, gender, *_ in rows("user")}


def rows(kind: str) -> list[list[str]]:
    spec = importlib.util.find_spec("recbole")
    path = Path(spec.submodule_search_locations[0]) / "dataset_example" / "ml-100k" / f"ml-100k.{kind}"
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def rivals(bench: Bench, seeds: Sequence[int], quick: bool) -> tuple[dict[str, list[ev.Scorer]], Figures]:
    """What there is to beat, one scorer or one a seed; and NDCG@10 on the event before the last, by epoch."""
    known, items, code = bench.log.known(1), len(bench.log.items), source(peers.peer)
    linear = {"Pop": peers.recbole_pop, "ItemKNN": peers.recbole_knn, "EASE": peers.recbole_ease}
    found = {
        f"{name} (RecBole)": [bench.scorer(name, partial(train, items=items), known, code)]
        for name, train in linear.items()
    }
    found["EASE-recency"] = [bench.scorer("EASE-recency", lambda k: Ease.fit(k, items).score, known, source(Ease))]
    curves = {}
    for name, train in (("LightGCN", peers.lightgcn), ("SASRec", peers.sasrec)):
        curve = _curve(bench, name, train, 2 if quick else MOST[name])
        epochs = int(max(curve, key=lambda row: row[1])[0])
        curves[name] = {int(epoch): round(float(value), 4) for epoch, value in curve}
        fits = [partial(train, items=items, epochs=epochs, seed=seed) for seed in seeds]
        scorers = [bench.scorer(name, fit, known, code, epochs, seed) for fit, seed in zip(fits, seeds, strict=True)]
        found[f"{name} (RecBole, {epochs} epochs)"] = scorers
    return found, curves


def _curve(bench: Bench, name: str, train: Callable[..., ev.Scorer], most: int) -> np.ndarray:
    """(10, 2) numbers of epochs, and NDCG@10 after them on the event before the last, which training doesn't see."""
    known, cases, items, found = bench.log.known(2), ev.held_out(bench.log, 2), len(bench.log.items), []

    def after(epoch: int, score: ev.Scorer) -> None:
        if epoch % max(most // 10, 1) == 0:
            ranks, _ = ev.places(score(cases.histories), cases.histories, cases.targets)
            found.append((epoch, ev.gains(ranks).mean()))
            print(f"{name}: epoch {epoch} of {most}, {found[-1][1]:.4f}", file=sys.stderr, flush=True)

    def compute() -> np.ndarray:
        train(known, items, most, 0, after)
        return np.array(found)

    return bench.kept.array(f"{name}-epochs", (source(peers.peer), most, fingerprint(*known)), compute)


def signals(bench: Bench, recipe: Recipe, seeds: Sequence[int]) -> dict[str, ev.Fit]:
    """The blend's signals. That of several seeds is the mean of theirs, as :class:`SequenceModel` has it."""
    items, code = len(bench.log.items), (source(SequenceModel), recipe, fingerprint(bench.text))

    def network(seed: int) -> ev.Fit:
        return lambda known: SequenceModel.fit(known, items, bench.text, recipe, [seed]).score

    def sequence(known: Sequence[History]) -> ev.Scorer:
        each = [bench.scorer("sequence", network(seed), known, *code, seed) for seed in seeds]
        return lambda histories: np.mean([score(histories) for score in each], axis=0)

    def plain(name: str, fit: ev.Fit) -> ev.Fit:
        return lambda known: bench.scorer(name, fit, known, source(Ease, SequenceNeighbours))

    return {**{name: plain(name, fit) for name, fit in ev.linear_signals(items).items()}, "sequence": sequence}


def ours(bench: Bench, recipe: Recipe, seeds: Sequence[int]) -> dict[str, list[ev.Scorer]]:
    """The blend and its sequence model, of one seed each and of all together; and what is left of the blend when a
    signal is taken away."""
    single = [ev.fit_hybrid(bench.log, signals(bench, recipe, [seed])) for seed in seeds]
    fits = signals(bench, recipe, seeds)
    whole = ev.fit_hybrid(bench.log, fits) if len(seeds) > 1 else single[0]
    found = {
        "sequence (ours), one seed": [hybrid.signals["sequence"] for hybrid in single],
        "blend (ours), one seed": [hybrid.score for hybrid in single],
        "sequence (ours)": [whole.signals["sequence"]],
        OURS: [whole.score],
    }
    for name in fits:
        rest = {other: fit for other, fit in fits.items() if other != name}
        found[f"blend without {name}"] = [ev.fit_hybrid(bench.log, rest).score]
    return found


def gains(cases: ev.Cases, scorers: Sequence[ev.Scorer]) -> np.ndarray:
    """(users, 2) HR@10 and NDCG@10 of each user, means over seeds."""
    ranks = [ev.places(scorer(cases.histories), cases.histories, cases.targets)[0] for scorer in scorers]
    return np.mean([np.stack([r <= ev.DEPTH, ev.gains(r)], axis=1) for r in ranks], axis=0)


def ratios(mine: np.ndarray, other: np.ndarray) -> Figures:
    """Ours by another's, with 95 % of a paired bootstrap over users."""
    picks = np.random.default_rng(1).integers(len(mine), size=(RESAMPLES, len(mine)))
    drawn = mine[picks].mean(axis=1) / other[picks].mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    means = mine.mean(axis=0) / other.mean(axis=0)
    return {m: f"{r:.2f} [{a:.2f}, {b:.2f}]" for m, r, a, b in zip(MEASURES, means, low, high, strict=False)}


def apart(cases: ev.Cases, found: Mapping[str, np.ndarray], counts: np.ndarray) -> list[Figures]:
    """NDCG@10 by group, of each scorer's (users,) gains: by history and taste, age and gender."""
    told = people()
    groups = {**beyond.groups(cases.histories, counts), **beyond.traits([told[user] for user in cases.users])}
    return [
        {"scorer": name, "by": trait, **{k: round(v, 3) for k, v in row.items() if k in ("gap", "error")}}
        | {"ndcg@10": ", ".join(f"{k} {v:.3f}" for k, v in row.items() if k not in ("gap", "error"))}
        for name, row_of in ((name, beyond.gaps(gain, groups)) for name, gain in found.items())
        for trait, row in row_of.items()
    ]


def measure(settings: Settings, quick: bool = False) -> Figures:
    """All figures, by name; means over seeds."""
    log = movielens()
    text = encode_items(load_encoder(settings), log.texts, settings.cache)
    bench = Bench(log, text, Kept(settings.cache / "history"))
    seeds, recipe = SEEDS[: 1 if quick else None], Recipe(epochs=2) if quick else Recipe()
    sampling = {"sweeps": 10, "burn": 5} if quick else {}
    against, curves = rivals(bench, seeds, quick)
    every = against | ours(bench, recipe, seeds)
    ground = Ground(popularity(log.known(1), len(log.items)), len(log.users), text)
    groups = {"all_known": ev.held_out(log, 1), "three_known": ev.held_out(log, 1, ev.FEW)}
    tables = {
        group: [
            _row(name, [ev.evaluate(cases, s, ground, batch=len(cases.targets)) for s in scorers])
            for name, scorers in every.items()
        ]
        for group, cases in groups.items()
    }
    known = {name: gains(groups["all_known"], scorers) for name, scorers in every.items()}
    errors = [_rmse(bench, seed, sampling) for seed in seeds]
    return {
        "users": len(log.users),
        "films": len(log.items),
        "seeds": len(seeds),
        **tables,
        "ratios": [
            {"ours": mine, "to": name, **ratios(known[mine], known[name])}
            for mine in (OURS, f"{OURS}, one seed")
            for name in against
        ],
        "groups": apart(groups["all_known"], {name: row[:, 1] for name, row in known.items()}, ground.counts),
        "epochs": curves,
        "rmse_of_random_fifth": round(float(np.mean(errors)), 4),
    }


def _rmse(bench: Bench, seed: int, sampling: Mapping[str, int]) -> float:
    log = bench.log
    key = (source(Factors), source(ev.rmse), seed, dict(sampling), fingerprint(*log.histories, *log.stars))
    return float(bench.kept.array("rmse", key, lambda: np.array(ev.rmse(log, seed, **sampling))))


def _row(name: str, runs: Sequence[Mapping[str, float]]) -> Figures:
    """Means over seeds, and the deviation of HR@10 between them where there are several."""
    means = {measure: round(float(np.mean([run[measure] for run in runs])), 4) for measure in MEASURES}
    return {"scorer": name, **means, "sd": round(float(np.std([run["hr@10"] for run in runs])), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed and few epochs: does it run?")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    settings = Settings.read()
    figures = {"machine": machine(settings), **measure(settings, arguments.quick)}
    if arguments.json:
        json.dump(figures, sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        show(figures, Console())


if __name__ == "__main__":
    main()
