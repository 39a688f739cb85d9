"""``chatrec user``: what is stored about somebody; give it away, or erase it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from chatrec.commands.output import as_json, console
from chatrec.errors import BadInput
from chatrec.settings import Settings


def add(commands: Any) -> None:
    command = commands.add_parser(
        "user", help="show, export or forget what is stored about somebody", allow_abbrev=False
    )
    actions = command.add_subparsers(metavar="ACTION", required=True)
    for name, run, words in (
        ("show", run_show, "preferences, events and consents"),
        ("export", run_export, "everything that is stored, as JSON"),
        ("forget", run_forget, "erase everything that is stored"),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument("id", metavar="ID", help="the id on the platform, or the key that the store gave it")
        action.add_argument("--json", action="store_true", help="print JSON")
        action.add_argument("--db", metavar="URL", help="the database (default: CHATREC_DB, or SQLite under var/)")
        action.set_defaults(run=run)


def _everything(args: argparse.Namespace, settings: Settings) -> Mapping[str, Any]:
    from chatrec.store import Store

    store = Store.open(settings.db, settings.store_secret())
    if store.find_user(args.id) is None:
        raise BadInput(f"nothing is stored about {args.id!r}")
    return store.export(args.id)


def run_show(args: argparse.Namespace, settings: Settings) -> None:
    everything = _everything(args, settings)
    shown = {name: everything[name] for name in ("preferences", "events", "consents")}
    if args.json:
        as_json(shown)
        return
    out = console()
    for name, rows in shown.items():
        out.print(f"{name}: {len(rows)}")
        for row in rows:
            out.print("  " + in_words(row), soft_wrap=True)


def in_words(row: Mapping[str, Any]) -> str:
    """One stored row in one line, without what is empty or only a key; times as dates in UTC."""
    parts = []
    for name, value in row.items():
        if value in (None, "", [], ()) or name in ("id", "key", "user_key", "impression_id"):
            continue
        if name == "at":
            value = datetime.fromtimestamp(value, timezone.utc).strftime("%Y-%m-%d %H:%M")
        parts.append(f"{name} {value}")
    return ", ".join(parts)


def run_export(args: argparse.Namespace, settings: Settings) -> None:
    as_json(_everything(args, settings))


def run_forget(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec.spool import Spool
    from chatrec.store import Store

    erased = Store.open(settings.db, settings.store_secret(), Spool(settings.spool)).forget(args.id)
    if args.json:
        as_json({"erased": erased})
    else:
        console().print(f"{erased} rows erased" if erased else f"nothing was stored about {args.id}")
