"""Every benchmark, one after the other: ``python -m benchmarks [NAME...]``.

Each runs in a process of its own, so that none inherits another's threads and memory. Its figures go to
``benchmarks/results/<name>.json`` and, as tables, to stdout.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from benchmarks import Figures, machine, show
from chatrec.settings import Settings

BENCHMARKS = {
    "dialogues": "what people in recorded dialogues turn to next, next to a plain sum of signals",
    "tower": "what the fine-tuned ranker adds to the candidate order",
    "nlu": "how well messages are understood",
    "strangers": "the same for sentences of somebody who saw no example",
    "robust": "how intents stand slips, chatter and light rewording",
    "ranking": "ranking with the tower, next to other ways",
    "reasons": "whether reasons are true, sentence by sentence",
    "privacy": "what privacy of each user costs, and what it hides",
    "device": "processor and GPU",
    "turns": "how long a turn takes",
    "serve": "the ranker in two processes, by Ray Serve, next to the one in the action server",
    "load": "100 people who talk at once, for ten minutes",
    "speech": "what is understood of recordings",
    "pictures": "what is recognised of pictures",
    "history": "what somebody turns to next, next to six peers",
    "cold": "people of whom three events are known, or a sentence",
    "diversity": "what variety and less popular lists cost",
    "million": "lists from a catalogue of a million, through pgvector and without",
    "charts": "pictures of these figures, into docs/",
}
RESULTS = Path(__file__).with_name("results")


def figures(name: str, settings: Settings) -> Figures:
    """What the benchmark measures, and on which machine. Its warnings and progress go to stderr as they come.

    Raises: CalledProcessError when it fails.
    """
    before = machine(settings)
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json"]
    done = subprocess.run(command, cwd=settings.root, stdout=subprocess.PIPE, text=True, check=True)
    return {"machine": before, **json.loads(done.stdout)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of them: {', '.join(BENCHMARKS)}; default all")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"no benchmark named {unknown[0]}; there is {', '.join(BENCHMARKS)}")
    console, settings = Console(), Settings.read()
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        console.print(f"\n{name}: {BENCHMARKS[name]}")
        start = time.perf_counter()
        try:
            found = figures(name, settings)
        except subprocess.CalledProcessError as error:
            print(f"benchmark {name} failed with exit code {error.returncode}", file=sys.stderr)
            return 1
        path = RESULTS / f"{name}.json"
        path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        show(found, console, indent=2)
        seconds = time.perf_counter() - start
        console.print(f"  took {seconds:.0f} s, written to {path.relative_to(settings.root)}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
