"""``chatrec look``: what a picture shows."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from chatrec.commands.hear import read
from chatrec.commands.output import as_json, console
from chatrec.errors import BadInput
from chatrec.settings import Settings


def add(commands: Any) -> None:
    command = commands.add_parser(
        "look",
        help="what a picture shows",
        description="Read the text on a picture (a poster, a cover, a pack) and name the items it may show.",
        allow_abbrev=False,
    )
    command.add_argument("file", type=Path, metavar="FILE.jpg", help="JPEG, PNG, WebP or GIF")
    command.add_argument("--domain", metavar="NAME", help="the catalogue (default: all of them)")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec.bootstrap import catalogs_of
    from chatrec.media import MAX_BYTES, Media

    data = read(args.file, MAX_BYTES)
    media = Media(settings, catalogs_of(settings))
    try:
        seen = media.look(data, args.domain)
    except BadInput as error:
        raise BadInput(f"{args.file}: {error}") from None
    if args.json:
        matches = [
            {"item_id": m.item_id, "title": m.title, "score": m.score, "catalog": m.catalog} for m in seen.matches
        ]
        as_json({"text_found": list(seen.text_found), "matches": matches})
        return
    out = console()
    out.print(f"read: {' / '.join(seen.text_found) or 'no text'}", soft_wrap=True)
    for match in seen.matches:
        out.print(f"{match.score:.2f}  {match.heading}  ({match.catalog} {match.item_id})", soft_wrap=True)
    if not seen.matches:
        out.print("I can't tell what that is.")
    elif seen.looked:
        out.print("By its looks: no name could be read on it.")
