"""``chatrec doctor``: what is there and what is missing, a line each."""

from __future__ import annotations

import argparse
from typing import Any

from chatrec.commands.output import as_json, console
from chatrec.settings import Settings


def add(commands: Any) -> None:
    command = commands.add_parser(
        "doctor",
        help="check that everything needed is there",
        description="Check that everything needed is there: a line each, with what to do about what is not. "
        "The exit code is 1 when something is wrong.",
        allow_abbrev=False,
    )
    command.add_argument("--warm", action="store_true", help="compute now what else the first start would compute")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--db", metavar="URL", help="the database (default: CHATREC_DB, or SQLite under var/)")
    command.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    from dataclasses import asdict

    from chatrec import doctor

    out = console()
    if args.warm:
        out.print(doctor.warm(settings))
        return 0
    findings = []
    for finding in doctor.examine(settings):
        findings.append(finding)
        if not args.json:
            mark = "ok   " if finding.ok else "WRONG"
            out.print(f"{mark} {finding.name}: {finding.detail}", soft_wrap=True)
    if args.json:
        as_json([asdict(finding) for finding in findings])
    return 0 if all(finding.ok for finding in findings) else 1
