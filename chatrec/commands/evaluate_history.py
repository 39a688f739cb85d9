"""``chatrec evaluate history``: how often the recommender finds what people in recorded histories turned to next."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chatrec.commands.output import as_json, console, show_beyond
from chatrec.settings import Settings

COLUMNS = ("hr@10", "ndcg@10", "hr@20", "mrr")


def add(kinds: Any) -> None:
    command = kinds.add_parser(
        "history",
        help="find what people turned to next",
        description="Each user's last event is found among all items from those before it; nothing is learned or "
        "tuned on it. Beside it: four baselines, and users of whom only three events are known ('cold').",
    )
    command.add_argument(
        "--ratings", type=Path, required=True, metavar="FILE.csv", help="userId, movieId, rating, timestamp"
    )
    command.add_argument(
        "--items", type=Path, required=True, metavar="FILE.csv", help="movieId and any columns that say what an item is"
    )
    command.add_argument(
        "--people", type=Path, metavar="FILE.csv", help="userId and any columns that users are told apart by, as gender"
    )
    command.add_argument(
        "--model", type=Path, metavar="DIR", help="a trained ranker to offer to the blend (default: the one in service)"
    )
    command.add_argument("--seeds", type=int, default=1, metavar="N", help="networks to average (default: 1)")
    command.add_argument("--epochs", type=int, default=16, metavar="N", help="times each reads all (default: 16)")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec import promotion
    from chatrec.errors import BadInput
    from chatrec.evaluation import history

    if args.seeds < 1 or args.epochs < 1:
        raise BadInput("--seeds and --epochs are whole numbers from 1")
    log = history.load_log(args.ratings, args.items)
    people = history.load_rows(args.people, ("userId", "user_id")) if args.people else None
    # slow to import, and not needed to say what is wrong with a file
    from chatrec.encoder import encode_items, load_encoder
    from chatrec.evaluation import served
    from chatrec.model import load_model
    from chatrec.sequence import Recipe, SequenceModel

    encoder, serving = load_encoder(settings), promotion.serving(settings.models)
    text = encode_items(encoder, log.texts, settings.cache)
    folder = args.model or (settings.models / serving if serving else None)
    offered = {}
    if folder:
        catalog = served.catalog_of(log, history.load_rows(args.items))
        offered = served.model_signals(load_model(folder, settings), catalog, encoder, settings.cache)
    recipe, seeds = Recipe(epochs=args.epochs), range(args.seeds)
    fits = {
        **history.linear_signals(len(log.items)),
        "sequence": lambda known: SequenceModel.fit(known, len(log.items), text, recipe, seeds).score,
    }
    hybrid = history.fit_hybrid(log, fits, offered=offered)
    report = {**history.report(log, hybrid, history.rmse(log), text, people), "ranker": folder.name if folder else None}
    as_json(report) if args.json else show(report)


def show(report: Mapping[str, Any]) -> None:
    """The report as a table, a line for each scorer, once with all that is known and once with three events."""
    from rich.table import Table

    table = Table("scorer", "known", *COLUMNS, "rmse", box=None)
    for known, scorers in (("all", {"model": report["model"], **report["baselines"]}), ("3", report["cold"])):
        for name, figures in scorers.items():
            values = [f"{figures[column]:.3f}" for column in COLUMNS]
            error = f"{figures['rmse']:.3f}" if "rmse" in figures else ""
            table.add_row("chatrec" if name == "model" else name, known, *values, error)
    console().print(table)
    show_beyond({"chatrec": report["model"], **report["baselines"]})
    weights = ", ".join(f"{name} {weight:.2f}" for name, (*_, weight) in report["weights"].items())
    console().print(f"blend, by its weights for long histories: {weights}")
    if report["ranker"]:
        joined = [name for name in ("tower", "fusion") if name in report["weights"]]
        console().print(
            f"of {report['ranker']} joined, as the event before the last chose: {', '.join(joined) or 'nothing'}"
        )
