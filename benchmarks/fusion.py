"""What each signal of the candidate generator earns, and which weights are best.

    python -m benchmarks.fusion [--cases N]

The signals of each case are computed once; weights are then searched on ReDial's fit cases (coordinate search on
NDCG@50) and reported on INSPIRED's valid cases, beside popularity and dense retrieval and with each signal left out.
Only new items count.
"""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from benchmarks.likelihood import cases_of
from chatrec.candidates import CandidateGenerator, FusionWeights
from chatrec.encoder import load_encoder
from chatrec.evaluation import dialogues
from chatrec.settings import Settings

STEPS = (0.0, 0.1, 0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 5.0)
SIGNALS = ("dialogue", "popularity", "anchors")  # those that recorded dialogues can tell about
UNIT = replace(FusionWeights(), **{f.name: 1.0 for f in fields(FusionWeights)})


def signals(folder: Path, cases, fit: str, settings: Settings, encoder):
    """For each case: (signals, N) unweighted parts over the allowed items, and which of those are targets."""
    held_out = {c.case_id.split(":")[0] for c in cases}
    known = [c for c in dialogues.load_cases(folder / fit) if c.case_id.split(":")[0] not in held_out]
    catalog = dialogues.with_popularity(dialogues.load_films(folder / "catalog.csv"), known)
    generator = CandidateGenerator(catalog, encoder, settings.cache, UNIT)
    for case in cases:
        query = dialogues.query_of(case, catalog, new=True)
        found = generator.generate(query, len(catalog))
        targets = set(case.targets) - set(case.mentioned)
        hit = np.array([catalog.items[i].item_id in targets for i in found.indices])
        yield np.stack([found.parts[name] for name in SIGNALS]).astype(np.float32), hit, len(targets)


def figures(table, weights: dict[str, float]) -> dict[str, float]:
    """Means of recall@1, 10, 50 and NDCG@50 over the cases."""
    rows = []
    for parts, hit, targets in table:
        ranks = np.flatnonzero(hit[np.argsort(-(np.array([weights[s] for s in SIGNALS]) @ parts), kind="stable")])
        ideal = (1 / np.log2(np.arange(targets) + 2)).sum()
        recalls = [(ranks < k).sum() / targets for k in (1, 10, 50)]
        rows.append([*recalls, (1 / np.log2(ranks[ranks < 50] + 2)).sum() / ideal])
    return dict(zip(("recall@1", "recall@10", "recall@50", "ndcg@50"), np.mean(rows, axis=0), strict=True))


def search(table) -> dict[str, float]:
    """Weights by coordinate search, popularity fixed, two rounds."""
    best = {name: getattr(FusionWeights(), name) for name in SIGNALS}
    for name in ("dialogue", "anchors") * 2:
        best[name] = max(STEPS, key=lambda w: figures(table, {**best, name: w})["ndcg@50"])
    return best


def show(title: str, found: dict[str, float]) -> None:
    print(f"  {title:32}" + "  ".join(f"{k} {v:.3f}" for k, v in found.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=600, help="cases of each set at most (default: 600)")
    args = parser.parse_args()
    settings = Settings.read()
    encoder = load_encoder(settings)
    best = None
    for name, cases, fit in (("redial", "fit.jsonl", "fit.jsonl"), ("inspired", "valid.jsonl", "train.jsonl")):
        folder = settings.data / name
        table = list(signals(folder, cases_of(folder / cases, args.cases), fit, settings, encoder))
        best = best or search(table)
        print(f"{name}, {len(table)} cases")
        show("found on ReDial " + str(tuple(best.values())), figures(table, best))
        show("in use", figures(table, {s: getattr(FusionWeights(), s) for s in SIGNALS}))
        for signal in SIGNALS:
            show(f"{signal} alone", figures(table, {s: float(s == signal) for s in SIGNALS}))
            show(f"without {signal}", figures(table, {**best, signal: 0.0}))


if __name__ == "__main__":
    main()
