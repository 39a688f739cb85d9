"""``chatrec hear``: what a recording says."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from chatrec.commands.output import as_json, console
from chatrec.errors import BadInput
from chatrec.settings import Settings


def add(commands: Any) -> None:
    command = commands.add_parser(
        "hear",
        help="what a recording says",
        description="Write down what is said in a recording of at most a minute: WAV, OGG, MP3, M4A, WebM or FLAC. "
        "`seconds` is how long the recording is.",
        allow_abbrev=False,
    )
    command.add_argument("file", type=Path, metavar="FILE.wav")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> None:
    from dataclasses import asdict

    from chatrec.catalog import load_catalogs
    from chatrec.media import MAX_BYTES, Media

    data = read(args.file, MAX_BYTES)
    media = Media(settings, load_catalogs(settings.catalogs))
    try:
        heard = media.hear(data)
    except BadInput as error:
        raise BadInput(f"{args.file}: {error}") from None
    if args.json:
        as_json(asdict(heard))
        return
    doubt = "" if heard.sure else f"  (unsure: {heard.confidence:.0%})"
    console().print(f"{heard.text}{doubt}" if heard.text else "nobody speaks in that recording", soft_wrap=True)


def read(path: Path, most: int) -> bytes:
    """A file, with one byte more than ``most`` when it is larger. Raises: BadInput."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
