"""``chatrec train``: fine-tune the ranker on dialogues and behaviour."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatrec.commands.output import console
from chatrec.commands.recommend import positive
from chatrec.errors import BadInput
from chatrec.settings import Settings

if TYPE_CHECKING:
    from chatrec.training.session import Wanted

METHODS = ("lora", "adalora", "full")


def add(commands: Any) -> None:
    command = commands.add_parser(
        "train",
        help="fine-tune the ranker on dialogues and behaviour",
        description="Fine-tune the ranker. It can be stopped and started again with the same arguments, and goes on "
        "where it was. A model trained from the store goes into service unless it is worse than the one there.",
        allow_abbrev=False,
    )
    source = command.add_mutually_exclusive_group()
    source.add_argument("--events", type=Path, metavar="FILE.csv", help="behaviour: userId, movieId, rating, timestamp")
    source.add_argument("--from-store", action="store_true", help="behaviour and answers to lists from the store")
    source.add_argument("--rollback", action="store_true", help="put the model that served before back into service")
    command.add_argument(
        "--dialogues",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.jsonl",
        help="recorded dialogues; may be repeated",
    )
    command.add_argument(
        "--also",
        nargs=2,
        action="append",
        default=[],
        metavar=("ITEMS.csv", "CASES.jsonl"),
        help="dialogues about the items of another file; may be repeated",
    )
    command.add_argument("--catalog", type=Path, metavar="FILE.csv", help="the items (default: those of --domain)")
    command.add_argument("--domain", default="movies", help="an installed catalogue (default: movies)")
    command.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where the model goes (default: models/recommender/DOMAIN; from the store, beside what is there)",
    )
    command.add_argument(
        "--note", action="append", default=[], metavar="TEXT", help="for the card: what the data is, its licence"
    )
    command.add_argument("--licence", default="other", help="for the card: the licence of the model")
    command.add_argument("--method", choices=METHODS, default="lora", help="which weights are trained (default: lora)")
    command.add_argument("--layers", type=positive, default=8, help="layers of the language model (default: 8)")
    command.add_argument("--epochs", type=positive, default=6, help="at most (default: 6)")
    command.add_argument("--private", action="store_true", help="learn so that no user can be told from the model")
    command.add_argument("--epsilon", type=float, default=8.0, help="the budget of --private (default: 8)")
    command.add_argument(
        "--federated", type=positive, default=0, metavar="ROUNDS", help="of --private: users stay in shards, simulated"
    )
    command.add_argument("--start", type=Path, metavar="DIR", help="of --private: the model to train on")
    command.add_argument(
        "--public",
        type=Path,
        metavar="FILE.csv",
        help="of --private: ratings of others that are no secret, columns as in --events; the model is fitted to them "
        "before, which spends nothing of the budget and protects nobody in them",
    )
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--db", metavar="URL", help="the store (default: CHATREC_DB)")
    command.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec import promotion
    from chatrec.training.session import Wanted, learn

    if args.rollback:
        console().print(f"in service: {promotion.roll_back(settings.models)}")
        return
    if not (args.events or args.from_store or args.dialogues or args.also):
        raise BadInput("nothing to learn from: give --events, --from-store or --dialogues")
    if args.private and (args.dialogues or args.also):
        raise BadInput("--private learns from what is known to be one user's: give --events or --from-store alone")
    if not args.private and (args.federated or args.start or args.public):
        raise BadInput("--federated, --start and --public are of --private")
    name = promotion.unused(settings.models, args.domain) if args.from_store else args.domain
    out = (args.out or settings.models / name).resolve()
    wanted = Wanted(
        domain=args.domain,
        catalog=args.catalog,
        events=args.events,
        from_store=args.from_store,
        dialogues=tuple(args.dialogues),
        also=tuple((Path(items), Path(cases)) for items, cases in args.also),
        notes=tuple(args.note),
        licence=args.licence,
        method=args.method,
        layers=args.layers,
        epochs=args.epochs,
        seed=args.seed,
    )
    lines = _privately(args, wanted, out, settings) if args.private else learn(wanted, out, settings)
    for line in lines:
        console().print(line, soft_wrap=True)


def _privately(args: argparse.Namespace, wanted: Wanted, out: Path, settings: Settings) -> Iterator[str]:
    from chatrec.training import privately

    terms = privately.Terms(args.epsilon, args.federated, args.start and args.start.resolve(), args.public)
    return privately.learn(wanted, terms, out, settings)
