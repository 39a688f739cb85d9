"""A crowd that talks at once: ``python -m benchmarks.load [--users N] [--seconds N] [--json]``.

Starts the action server and Rasa as ``make run`` does, and locust beside them, on the same machine. Nobody may be left
without an answer, nor get an apology; 95 of 100 turns take less than three seconds; and memory stays as it is.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks import Figures, machine, show
from benchmarks.turns import bot, processor_seconds
from chatrec.errors import ChatRecError
from chatrec.settings import Settings
from deploy.servers import Child, free_port

TARGET = {"failures": 0, "p95": 3.0, "growth": 0.1}  # seconds; of memory, from the first third to the end
USERS, SECONDS = 100, 600
ARRIVE = 5  # users a second
LOOKS = 30  # at memory


def measure(settings: Settings, users: int, seconds: int) -> Figures:
    """All figures, by name; seconds and megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder)
        own = replace(settings, var=var, db=f"sqlite:///{var / 'chatrec.db'}")
        own = replace(own, port=free_port(), action_port=free_port())
        with bot(own) as children:
            before = processor_seconds(children)
            stats, failures, memory = _crowd(own, children, users, seconds)
            used = {name: round(after - before[name], 1) for name, after in processor_seconds(children).items()}
    turns, p95 = stats["num_requests"], quantile(stats["response_times"], 0.95) / 1000
    growth = {name: sizes[-1] / sizes[len(sizes) // 3] - 1 for name, sizes in memory.items()}
    return {
        "target": TARGET,
        "met": stats["num_failures"] == 0 and p95 < TARGET["p95"] and max(growth.values()) < TARGET["growth"],
        "users": users,
        "seconds": seconds,
        "turns": turns,
        "failures": stats["num_failures"],
        "what_failed": failures,
        "p50": quantile(stats["response_times"], 0.5) / 1000,
        "p95": p95,
        "max": round(stats["max_response_time"] / 1000, 2),
        "processor_seconds_a_turn": {name: round(spent / turns, 3) for name, spent in used.items()},
        "memory": [
            {"server": name, "start": sizes[0], "a third": sizes[len(sizes) // 3], "end": sizes[-1]}
            for name, sizes in memory.items()
        ],
        "machine_load_at_the_end": machine(settings)["load"],
    }


def quantile(counts: Mapping[str, int], share: float) -> float:
    """Of response times in milliseconds and how often each was."""
    wanted, seen = share * sum(counts.values()), 0
    for milliseconds in sorted(counts, key=float):
        seen += counts[milliseconds]
        if seen >= wanted:
            return float(milliseconds)
    raise ChatRecError("nobody said anything")


def _crowd(
    settings: Settings, children: Sequence[Child], users: int, seconds: int
) -> tuple[Figures, dict[str, int], dict[str, list[int]]]:
    """What locust counted, what failed how often, and each server's memory meanwhile."""
    table = settings.var / "crowd"
    url = f"http://127.0.0.1:{settings.port}"
    command = [sys.executable, "-m", "locust", "-f", "benchmarks/crowd.py", "--headless", "--json", "--host", url]
    command += ["-u", str(users), "-r", str(ARRIVE), "-t", f"{seconds}s", "--loglevel", "ERROR", "--stop-timeout", "10"]
    command += ["--csv", str(table), "--only-summary"]
    memory: dict[str, list[int]] = {child.server.name: [] for child in children}
    with subprocess.Popen(command, cwd=settings.root, stdout=subprocess.PIPE, text=True) as locust:
        while True:
            for child in children:
                size = psutil.Process(child.process.pid).memory_info().rss
                memory[child.server.name].append(round(size / 1e6))
            try:
                out, _ = locust.communicate(timeout=max(1, seconds / LOOKS))
                break
            except subprocess.TimeoutExpired:
                continue
    (stats,) = json.loads(out[out.index("[") :])
    with table.with_name("crowd_failures.csv").open(newline="") as rows:
        failures = {row["Error"]: int(row["Occurrences"]) for row in csv.DictReader(rows)}
    return stats, failures, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    settings = Settings.read()
    figures = {"machine": machine(settings), **measure(settings, arguments.users, arguments.seconds)}
    if arguments.json:
        print(json.dumps(figures, ensure_ascii=False, indent=1))
    else:
        show(figures, Console())


if __name__ == "__main__":
    main()
