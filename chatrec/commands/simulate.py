"""``chatrec simulate``: simulated users talk to the bot, and to two dull ones beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from chatrec.commands.output import as_json, console
from chatrec.commands.recommend import positive
from chatrec.errors import BadInput, UnknownCatalog
from chatrec.settings import Settings

if TYPE_CHECKING:
    from chatrec.client import ChatClient


def add(commands: Any) -> None:
    command = commands.add_parser(
        "simulate",
        help="let simulated users talk to the bot",
        description="Simulated users look for one item each, whose title they never say. They talk to the real bot, "
        "started for them alone, and to two dull ones; docs/simulation.md says who they are.",
        allow_abbrev=False,
    )
    command.add_argument("--domain", default="movies", metavar="NAME", help="the catalogue (default: movies)")
    command.add_argument("-n", type=positive, default=200, metavar="N", help="dialogues a simulator (default: 200)")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, other users (default: 0)")
    command.add_argument("--patience", type=positive, default=8, metavar="N", help="messages until one gives up (8)")
    command.add_argument("--typos", type=share, default=0.02, metavar="P", help="share of misspelt words (0.02)")
    command.add_argument("--html", type=Path, metavar="FILE", help="write the dialogues to a page to read")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--url", metavar="URL", help="a running bot instead of one of its own; it remembers the users")
    command.set_defaults(run=run)


def share(text: str) -> float:
    """A share from the command line."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 1")
    return value


def run(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec.catalog import load_catalog
    from chatrec.simulation.bots import KeywordBot, KeywordIndex, PopularityBot
    from chatrec.simulation.own_bot import own_bot
    from chatrec.simulation.page import page
    from chatrec.simulation.report import report
    from chatrec.simulation.run import USERS, Plan, simulate

    if not (settings.catalogs / args.domain / "schema.toml").exists():
        raise UnknownCatalog(f"no catalogue named {args.domain!r}: `chatrec catalog list` shows which there are")
    if args.html and not args.html.parent.is_dir():
        raise BadInput(f"--html {args.html}: no such folder")
    catalog = load_catalog(settings.catalogs / args.domain)
    plan = Plan(args.n, args.seed, args.patience, args.typos)
    index = KeywordIndex(catalog)
    with nullcontext(args.url) if args.url else own_bot(settings) as url, clients(url) as client:
        bots = {"bot": client, "popularity": lambda: PopularityBot(catalog), "keywords": lambda: KeywordBot(index)}
        words = settings.root / "data" / "simulation" / "users.toml"
        with ticking(args.n * len(bots) * len(USERS)) as tick:
            held = simulate(plan, catalog, words, bots, tick)
    told = report(held)
    if args.html:
        args.html.write_text(page(held, told, catalog), encoding="utf-8")
    if args.json:
        as_json({"domain": args.domain, **vars(plan), "users": told})
    else:
        show(told)


@contextmanager
def clients(url: str) -> Iterator[Callable[[], ChatClient]]:
    """What opens a new conversation; the one before it is closed."""
    from chatrec.client import ChatClient

    opened: list[ChatClient] = []

    def another() -> ChatClient:
        while opened:
            opened.pop().close()
        opened.append(ChatClient(url))
        return opened[-1]

    try:
        yield another
    finally:
        for client in opened:
            client.close()


@contextmanager
def ticking(total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Dialogues", total=total)
        yield lambda: progress.advance(task)


def show(told: Mapping[str, Mapping[str, Any]]) -> None:
    """The figures as a table, shares with 95 % intervals."""
    table = Table("user", "bot", "found", "in 4 turns", "turns", "broken", "repeated", "bot : this")
    for user, bots in told.items():
        for name, f in bots.items():
            times = f.get("first_to_this", {}).get("ratio")
            faults = (str(f["broken"]), str(f["repeated"]))
            table.add_row(
                user,
                name,
                _percent(f["found"]),
                _percent(f["found_soon"]),
                _number(f["turns"]["mean"]),
                *faults,
                f"{times} ×" if times else "",
            )
    console().print(table)


def _percent(share: Mapping[str, float | None]) -> str:
    return "-" if share["rate"] is None else f"{share['rate']:.0%} ({share['low']:.0%}–{share['high']:.0%})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
