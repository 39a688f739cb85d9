"""The ``chatrec`` command.

Exit codes: 0 done; 2 bad input (one line saying what and where, nothing changed); 1 anything else, in one line too.
``CHATREC_DEBUG=1`` shows the traceback of either.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace

from chatrec.commands import (
    catalog,
    chat,
    doctor,
    evaluate,
    events,
    hear,
    look,
    recommend,
    review,
    simulate,
    train,
    user,
)
from chatrec.errors import BadInput, ChatRecError
from chatrec.settings import Settings


def parser() -> argparse.ArgumentParser:
    """All commands. A command sets ``run``: ``(arguments, Settings) -> exit code or None``."""
    root = argparse.ArgumentParser(prog="chatrec", description="A recommender you talk to.", allow_abbrev=False)
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (chat, recommend, hear, look, catalog, events, evaluate, simulate, review, train, user, doctor):
        command.add(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = parser().parse_args(argv)
    try:
        settings = Settings.read()
        if getattr(args, "db", None):
            settings = replace(settings, db=args.db)
        return args.run(args, settings) or 0
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    if os.environ.get("CHATREC_DEBUG"):  # read here because reading the settings may be what failed
        traceback.print_exception(error)
    message = " ".join(str(error).split())
    if not isinstance(error, ChatRecError):
        message = f"{type(error).__name__}: {message} (CHATREC_DEBUG=1 shows where)"
    print(message, file=sys.stderr)
    return 2 if isinstance(error, BadInput) else 1


if __name__ == "__main__":
    sys.exit(main())
