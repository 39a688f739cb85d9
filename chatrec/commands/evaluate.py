"""``chatrec evaluate dialogues``: how often the recommender finds what people in recorded dialogues went on to name."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chatrec.commands import evaluate_history
from chatrec.commands.output import as_json, console, show_beyond
from chatrec.settings import Settings

COLUMNS = ("recall@1", "recall@10", "recall@50", "ndcg@10", "mrr", "n")


def add(commands: Any) -> None:
    command = commands.add_parser("evaluate", help="measure against recordings", allow_abbrev=False)
    kinds = command.add_subparsers(metavar="WHAT", required=True)
    dialogues = kinds.add_parser(
        "dialogues",
        help="find the items that people went on to name",
        description="Recall, NDCG and MRR of the items that people went on to name, beside six baselines. "
        "'new' leaves out what had been named before.",
    )
    dialogues.add_argument("--catalog", type=Path, required=True, metavar="FILE.csv", help="the items of the data set")
    dialogues.add_argument("--cases", type=Path, required=True, metavar="FILE.jsonl", help="one case a line")
    dialogues.add_argument(
        "--fit",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.jsonl",
        help="cases of other dialogues to learn from, both speakers; may be repeated",
    )
    dialogues.add_argument("--model", type=Path, metavar="DIR", help="a trained ranker (default: the one in service)")
    dialogues.add_argument("--json", action="store_true", help="print JSON")
    dialogues.set_defaults(run=run)
    evaluate_history.add(kinds)


def run(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec import promotion
    from chatrec.encoder import Remembering, encode_items, load_encoder
    from chatrec.errors import ModelMissing
    from chatrec.evaluation import dialogues, tuned
    from chatrec.model import load_model
    from chatrec.schema import load_schema

    cases = dialogues.load_cases(args.cases)
    fit = [case for file in args.fit for case in dialogues.load_cases(file, ("bot", "user"))]
    words = load_schema(settings.catalogs / "movies" / "schema.toml")
    catalog = dialogues.worded(dialogues.with_popularity(dialogues.load_films(args.catalog), fit), words)
    name = promotion.serving(settings.models)
    if not (args.model or name):
        raise ModelMissing(f"{settings.models}: no model is in service; give --model")
    model = load_model(args.model or settings.models / name, settings)
    encoder = Remembering(load_encoder(settings))
    vectors = encode_items(encoder, [catalog.describe(item) for item in catalog.items], settings.cache)
    baselines = {
        "popularity": dialogues.popularity(catalog),
        "copier": dialogues.copier(catalog),
        "dense": dialogues.dense(catalog, encoder, vectors),
        "comention": dialogues.comention(catalog, fit),
        "mentions": dialogues.mentions(catalog, encoder, vectors),
        "fusion": dialogues.fusion(catalog, encoder, vectors, fit),
    }
    ground = dialogues.background(catalog, fit, vectors)
    report = dialogues.report(cases, catalog, tuned.scorer(model, fit, catalog, encoder, settings), baselines, ground)
    as_json(report) if args.json else show(report)


def show(report: Mapping[str, Any]) -> None:
    """The report as tables: a line for each scorer and each way to count; then what the lists are like beside that."""
    from rich.table import Table

    scorers = {"chatrec": report["model"], **report["baselines"]}
    table = Table("scorer", "items", *COLUMNS, box=None)
    for name, figures in scorers.items():
        for items, values in figures.items():
            table.add_row(name, items, *(f"{values[m]:.3f}" if m != "n" else str(values[m]) for m in COLUMNS))
    console().print(table)
    show_beyond({name: figures["new"] for name, figures in scorers.items()})
