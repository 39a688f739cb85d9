"""Does the language model's likelihood improve on the order of the candidates? And with which weight?

    python -m benchmarks.likelihood [--cases N] [--json FILE]

The candidates of each case are read by the model once; every weight is then tried on the same figures. The weight is
chosen on ReDial's fit cases and reported on INSPIRED's valid cases, with a bootstrap interval over cases for the
difference to the candidate order. Only new items count: those not named before are the targets.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from chatrec.candidates import CandidateGenerator
from chatrec.encoder import load_encoder
from chatrec.evaluation import dialogues
from chatrec.lm import load_lm
from chatrec.rank import LikelihoodRanker
from chatrec.settings import Settings

WEIGHTS = (0.0, 0.025, 0.05, 0.1, 0.2, 0.4, 1e6)  # the last: the likelihood alone
TOP, RESAMPLES = 20, 2000


def gains(cases, catalog, generator, ranker) -> np.ndarray:
    """(cases, weights) NDCG@10 of the first ``TOP`` candidates, reordered with each weight."""
    table = []
    for case in tqdm(cases, unit="case"):
        query = dialogues.query_of(case, catalog, new=True)
        head = generator.generate(query, TOP)
        pmi = ranker.information(query, head.indices)
        pmi = (pmi - pmi.mean()) / max(float(pmi.std()), 1e-6)
        targets = set(case.targets) - set(case.mentioned)
        hit = np.array([catalog.items[i].item_id in targets for i in head.indices])
        ideal = (1 / np.log2(np.arange(min(len(targets), 10)) + 2)).sum()
        row = []
        for weight in WEIGHTS:
            found = np.flatnonzero(hit[np.argsort(-(head.scores + weight * pmi), kind="stable")])
            row.append((1 / np.log2(found[found < 10] + 2)).sum() / ideal)
        table.append(row)
    return np.array(table)


def cases_of(path: Path, limit: int, seed: int = 0) -> list[dialogues.Case]:
    """Up to ``limit`` of the recommender's turns that name something new, drawn with a fixed seed."""
    useful = [c for c in dialogues.load_cases(path) if set(c.targets) - set(c.mentioned)]
    chosen = np.random.default_rng(seed).permutation(len(useful))[:limit]
    return [useful[i] for i in sorted(chosen)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=250, help="cases of each set at most (default: 250)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    args = parser.parse_args()
    settings = Settings.read()
    encoder, lm = load_encoder(settings), load_lm(settings)
    report = {}
    for name, cases, fit in (("redial", "fit.jsonl", "fit.jsonl"), ("inspired", "valid.jsonl", "train.jsonl")):
        folder = settings.data / name
        chosen = cases_of(folder / cases, args.cases)
        held_out = {c.case_id.split(":")[0] for c in chosen}
        known = [c for c in dialogues.load_cases(folder / fit) if c.case_id.split(":")[0] not in held_out]
        catalog = dialogues.with_popularity(dialogues.load_films(folder / "catalog.csv"), known)
        generator = CandidateGenerator(catalog, encoder, settings.cache)
        ranker = LikelihoodRanker(lm, catalog, top=TOP)
        table = gains(chosen, catalog, generator, ranker)
        rng = np.random.default_rng(1)
        picks = rng.integers(len(table), size=(RESAMPLES, len(table)))
        differences = (table - table[:, :1])[picks].mean(axis=1)
        low, high = np.quantile(differences, (0.025, 0.975), axis=0)
        report[name] = {
            "cases": len(table),
            "weights": {
                f"{w:g}": {"ndcg@10": m, "difference": [lo, hi]}
                for w, m, lo, hi in zip(WEIGHTS, table.mean(axis=0), low, high, strict=True)
            },
        }
        print(name, len(table), "cases")
        for w, m, lo, hi in zip(WEIGHTS, table.mean(axis=0), low, high, strict=True):
            print(f"  weight {w:<8g} NDCG@10 {m:.4f}   difference 95 % [{lo:+.4f}, {hi:+.4f}]")
    if args.json:
        args.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
