"""How fast and how good the bot is, measured: ``python -m benchmarks`` (``make bench``) runs everything.

Each benchmark is a module of its own with ``measure(settings) -> dict`` and a command,
``python -m benchmarks.<name> [--json]``. What they share is here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from chatrec.errors import ChatRecError
from chatrec.settings import Settings
from deploy.local import PATIENCE
from deploy.servers import Child, last_lines

Figures = dict[str, Any]


def machine(settings: Settings) -> Figures:
    """What figures depend on. ``load``: runnable processes over the last minute; above the number of cores, somebody
    else was at work and only ratios count."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": settings.threads,
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }


def wait(children: Sequence[Child]) -> None:
    """Until all of them answer. Raises: ChatRecError when one does not start."""
    deadline = time.monotonic() + PATIENCE
    for child in children:
        while not child.server.answers():
            if child.dead or time.monotonic() > deadline:
                raise ChatRecError(f"{child.server.name} did not start:\n{last_lines(child.server.log)}")
            time.sleep(0.2)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum, in the unit of the input."""
    p50, p95, most = np.quantile(seconds, [0.5, 0.95, 1.0])
    return {"p50": round(float(p50), 3), "p95": round(float(p95), 3), "max": round(float(most), 3)}


def conversations() -> list[dict[str, Any]]:
    """The scripts of ``conversations.yml``: ``{name, turns: [{kind: words, or {click, rank}}]}``."""
    return yaml.safe_load(Path(__file__).with_name("conversations.yml").read_text(encoding="utf-8"))


def show(figures: Mapping[str, Any], console: Console, indent: int = 0) -> None:
    """Print figures: lists of rows as tables, the rest as an indented list."""
    for key, value in figures.items():
        start = f"{' ' * indent}{key}"
        if isinstance(value, Mapping):
            console.print(start)
            show(value, console, indent + 2)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            console.print(start)
            console.print(_table(value))
        else:
            console.print(f"{start:24s} {value}", markup=False, highlight=False)


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(*rows[0], box=box.SIMPLE_HEAD, pad_edge=True)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def run(title: str, measure: Callable[[Settings], Figures]) -> None:
    """A benchmark's command line. Figures go to stdout, and nothing else does."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    settings = Settings.read()
    figures = {"machine": machine(settings), **measure(settings)}
    if arguments.json:
        json.dump(figures, sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        show(figures, Console())
