"""``chatrec review``: look at flagged lists one by one; accept them, hide an item, leave a note."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from rich.console import Console

from chatrec.commands.output import as_json, console
from chatrec.commands.recommend import positive
from chatrec.settings import Settings

if TYPE_CHECKING:
    from chatrec.catalog import Catalog
    from chatrec.review import Flagged
    from chatrec.store import Store

DAY = 86_400
HELP = "accept · hide 2 (recommend the second to nobody) · note TEXT · skip · quit"


def add(commands: Any) -> None:
    command = commands.add_parser(
        "review",
        help="look at lists that may have gone wrong",
        description="Lists that met none of the wishes, that were turned down item by item, or that a user objected "
        f"to, one by one. Answer each with: {HELP}. What was accepted or noted does not come back.",
        allow_abbrev=False,
    )
    command.add_argument("--days", type=positive, default=30, metavar="N", help="how far to look back (default: 30)")
    command.add_argument("--json", action="store_true", help="print the queue as JSON and ask nothing")
    command.add_argument("--db", metavar="URL", help="the database (default: CHATREC_DB, or SQLite under var/)")
    command.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec.catalog import load_catalogs
    from chatrec.review import complaints, flagged
    from chatrec.store import Store

    store, catalogs = Store.open(settings.db, settings.store_secret()), load_catalogs(settings.catalogs)
    words = complaints(settings.root / "data" / "review.toml")
    queue = list(flagged(store.shown(time.time() - args.days * DAY), catalogs, words))
    if args.json:
        as_json([to_json(one, catalogs[one.shown.catalog]) for one in queue])
        return
    out = console()
    out.print(f"{len(queue)} lists to review. {HELP}" if queue else "Nothing to review.")
    for number, one in enumerate(queue, 1):
        show(out, to_json(one, catalogs[one.shown.catalog]), f"{number}/{len(queue)}")
        if not decide(out, one, store):
            return


def to_json(one: Flagged, catalog: Catalog) -> dict[str, Any]:
    """A flagged list for other programs."""
    from chatrec.candidates import positions
    from chatrec.facts import in_words

    shown = one.shown
    items = [catalog.items[i] for i in positions(catalog, shown.item_ids)]
    return {
        "impression_id": shown.impression_id,
        "catalog": shown.catalog,
        "at": shown.at,
        "reasons": list(one.reasons),
        "wishes": in_words([c for c in shown.query.constraints if c.slot in catalog.schema.slots], catalog),
        "items": [
            {"item_id": i.item_id, "title": catalog.heading(i), "turned_down": i.item_id in shown.turned_down}
            for i in items
        ],
        "said": list(shown.said),
    }


def show(out: Console, one: Mapping[str, Any], number: str) -> None:
    """The list as its user saw it, and what they said to it."""
    at = datetime.fromtimestamp(one["at"], timezone.utc).strftime("%Y-%m-%d %H:%M")
    out.print(f"\n{number}  {one['catalog']}, {at}: {', '.join(one['reasons'])}")
    out.print(f"  asked for: {one['wishes'] or 'anything'}")
    for place, item in enumerate(one["items"], 1):
        out.print(f"  {place}  {item['title']}{'  (turned down)' if item['turned_down'] else ''}")
    for text in one["said"]:
        out.print(f"  they said: {text}")


def decide(out: Console, one: Flagged, store: Store) -> bool:
    """Ask until the list is dealt with. False: the reviewer has had enough."""
    while True:
        try:
            verb, _, rest = input("review> ").strip().partition(" ")
        except EOFError:
            return False
        rest = rest.strip()
        if verb in ("accept", "skip", "quit"):
            if verb == "accept":
                store.review(one.shown, "accept")
            return verb != "quit"
        if verb == "hide" and rest.isdecimal() and 1 <= int(rest) <= len(one.shown.item_ids):
            item_id = one.shown.item_ids[int(rest) - 1]
            store.hide(one.shown.catalog, item_id)
            store.review(one.shown, "hide", item_id)
            out.print("Hidden. Hide another, or accept the rest.")
        elif verb == "note" and rest:
            store.review(one.shown, "note", rest)
            return True
        else:
            out.print(HELP)
