"""``chatrec events import``: history that was recorded elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from chatrec.commands.output import console
from chatrec.settings import Settings


def add(commands: Any) -> None:
    command = commands.add_parser("events", help="import what users did elsewhere", allow_abbrev=False)
    actions = command.add_subparsers(metavar="ACTION", required=True)
    importing = actions.add_parser(
        "import",
        help="read a CSV file of ratings into the store",
        description="Read a CSV file with the columns userId, movieId (or item_id), rating, timestamp: "
        "all of it, or nothing when a row is bad. Reading the same file again changes nothing.",
    )
    importing.add_argument("file", type=Path, metavar="FILE.csv")
    importing.add_argument("--domain", default="movies", metavar="NAME", help="the catalogue (default: movies)")
    importing.add_argument("--db", metavar="URL", help="the database (default: CHATREC_DB, or SQLite under var/)")
    importing.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec.store import Store

    n = Store.open(settings.db, settings.store_secret()).import_events(args.file, args.domain)
    console().print(f"{n} events are new in {args.domain}")
