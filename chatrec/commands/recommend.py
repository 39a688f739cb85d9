"""``chatrec recommend``: one wish in words, one ranked list."""

from __future__ import annotations

import argparse
import difflib
import math
import re
from typing import TYPE_CHECKING, Any

from chatrec.commands.output import as_json, console, show_list
from chatrec.errors import BadInput
from chatrec.settings import Settings
from chatrec.types import Constraint, Op, RankedList, Recommendation

if TYPE_CHECKING:
    from chatrec.catalog import Catalog

WISH = re.compile(r"(?P<slot>\w+)\s*(?P<sign>!=|<=|>=|=)\s*(?P<value>.+)", re.DOTALL)
OPS: dict[str, Op] = {"=": "is", "!=": "not", ">=": "min", "<=": "max"}


def add(commands: Any) -> None:
    command = commands.add_parser(
        "recommend",
        help="one ranked list for a wish in words",
        description="One ranked list for a wish in words, with a reason for each item.",
        epilog="example: chatrec recommend --domain movies --say 'a tense thriller' --slot 'year>=2000' -n 3",
        allow_abbrev=False,
    )
    command.add_argument("--domain", default="movies", metavar="NAME", help="the catalogue (default: movies)")
    command.add_argument("--say", default="", metavar="TEXT", help="the wish, in words")
    command.add_argument("--user", metavar="ID", help="whose history counts and whose list is remembered")
    command.add_argument(
        "--slot",
        action="append",
        default=[],
        metavar="SLOT=VALUE",
        help="a wish that must hold: genre=sci-fi, genre!=horror, 'year>=2000', 'length<=120'; may be repeated",
    )
    command.add_argument("-n", type=positive, default=5, metavar="N", help="how many (default: 5)")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--db", metavar="URL", help="the database (default: CHATREC_DB, or SQLite under var/)")
    command.set_defaults(run=run)


def positive(text: str) -> int:
    """A count from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 upwards")
    return int(text)


def run(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec.bootstrap import build

    engine = build(settings)
    catalog = engine.catalog(args.domain)
    wishes = tuple(wish(text, catalog) for text in args.slot)
    ranked = engine.ask(args.domain, args.say, user=args.user, slots=wishes, n=args.n)
    if args.json:
        as_json(to_json(ranked))
    else:
        show(ranked, catalog)


def wish(text: str, catalog: Catalog) -> Constraint:
    """``slot=value`` (or ``!=``, ``>=``, ``<=``) as a constraint, with the value spelled as in the catalogue.

    Raises:
        BadInput: not of that form, or a slot or value that the catalogue does not have.
    """
    parts = WISH.fullmatch(text.strip())
    if parts is None:
        raise BadInput(f"--slot {text!r}: write it as SLOT=VALUE, for example genre=drama")
    slot = catalog.schema.slots.get(parts["slot"])
    if slot is None:
        raise BadInput(f"--slot {text!r}: {catalog.schema.name} has the slots {', '.join(catalog.schema.slots)}")
    op, value = OPS[parts["sign"]], parts["value"].strip()
    if slot.type == "number":
        return Constraint(slot.name, op, (_number(value, text),), text=text)
    if op in ("min", "max"):
        raise BadInput(f"--slot {text!r}: {slot.name} is not a number; use = or !=")
    return Constraint(slot.name, op, _spelled(value, slot.name, catalog, text), text=text)


def _number(value: str, text: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadInput(f"--slot {text!r}: {value!r} is not a number")
    return number


def _spelled(value: str, slot: str, catalog: Catalog, text: str) -> tuple[str, ...]:
    from chatrec.catalog import fold

    spellings: dict[str, list[str]] = {}
    for own in catalog.values(slot):
        for spelling in (own, *catalog.schema.slots[slot].synonyms.get(own, ())):
            spellings.setdefault(fold(spelling), []).append(own)
    if found := spellings.get(fold(value)):
        return tuple(found)
    near = [spellings[name][0] for name in difflib.get_close_matches(fold(value), spellings, n=3)]
    hint = f"; did you mean {' or '.join(dict.fromkeys(near))}?" if near else ""
    raise BadInput(f"--slot {text!r}: no {catalog.schema.noun} has the {slot} {value!r}{hint}")


def to_json(ranked: RankedList) -> dict[str, Any]:
    """The list in the form that other programs read."""
    return {
        "items": [_line(item) for item in ranked.items],
        "relaxed": [constraint.to_json() for constraint in ranked.relaxed],
        "impression_id": ranked.impression_id,
        "model": ranked.model,
        "seconds": round(ranked.seconds, 4),
    }


def _line(line: Recommendation) -> dict[str, Any]:
    return {
        "rank": line.rank,
        "item_id": line.item.item_id,
        "title": line.item.title,
        "score": float(line.score),
        "interest": float(line.interest),
        "reason": line.reason,
        "evidence": [{"kind": e.kind, "value": e.value, "item_ids": list(e.item_ids)} for e in line.evidence],
    }


def show(ranked: RankedList, catalog: Catalog) -> None:
    """The list for people."""
    out = console()
    if ranked.relaxed:
        out.print(f"Nothing meets all of that, so without: {', '.join(c.text or c.slot for c in ranked.relaxed)}")
    if not ranked.items:
        out.print(f"No {catalog.schema.noun} meets that.")
    show_list(out, [{"rank": r.rank, "title": catalog.heading(r.item), "reason": r.reason} for r in ranked.items])
