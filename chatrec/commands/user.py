"""``chatrec user``: what is stored about somebody; give it away, put it back, or erase it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatrec.commands.output import as_json, console
from chatrec.errors import BadInput
from chatrec.settings import Settings

if TYPE_CHECKING:
    from chatrec.erasure import Erased


def add(commands: Any) -> None:
    command = commands.add_parser(
        "user", help="show, export, import or forget what is stored about somebody", allow_abbrev=False
    )
    actions = command.add_subparsers(metavar="ACTION", required=True)
    an_id = ("id", "ID", "the id on the platform, or the key that the store gave it")
    for name, run, words, argument in (
        ("show", run_show, "preferences, events and consents", an_id),
        ("export", run_export, "everything that is stored, as JSON", an_id),
        ("forget", run_forget, "erase everything, Rasa's conversations and log lines included", an_id),
        ("import", run_import, "put back what export gave", ("file", "FILE", "what `chatrec user export` printed")),
        ("expire", run_expire, "erase what is older than CHATREC_RETENTION_DAYS", None),
    ):
        action = actions.add_parser(name, help=words)
        if argument:
            action.add_argument(argument[0], metavar=argument[1], help=argument[2])
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
    from chatrec import erasure
    from chatrec.spool import Spool
    from chatrec.store import Store

    store = Store.open(settings.db, settings.store_secret(), Spool(settings.spool))
    erased = erasure.forget(args.id, store, settings)
    if args.json:
        as_json({"erased": erased.rows, "conversations": erased.conversations, "log_lines": erased.lines})
    else:
        known = erased.rows or erased.conversations
        console().print(_told(erased) if known else f"nothing was stored about {args.id}")


def run_import(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec.store import Store

    try:
        data = json.loads(Path(args.file).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{args.file}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{args.file}: not JSON; give what `chatrec user export` printed") from None
    restored = Store.open(settings.db, settings.store_secret()).restore(data, args.file)
    if args.json:
        as_json({"restored": restored})
    else:
        console().print(f"{restored} rows restored")


def run_expire(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec import erasure
    from chatrec.store import Store

    erased = erasure.expire(Store.open(settings.db, settings.store_secret()), settings)
    if args.json:
        as_json({"erased": erased.rows, "conversations": erased.conversations, "log_lines": erased.lines})
    else:
        console().print(_told(erased))


def _told(erased: Erased) -> str:
    return f"{erased.rows} rows and {erased.conversations} conversations erased"
