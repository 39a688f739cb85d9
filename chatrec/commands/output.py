"""What commands print: lists for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

BEYOND = {  # chatrec/evaluation/beyond.py says what they are
    "coverage": "coverage",
    "gini": "Gini",
    "mean_popularity": "popularity",
    "popularity_lift": "lift",
    "novelty": "novelty",
    "diversity": "diversity",
}


def console() -> Console:
    """Where people read. Values are shown as they are: nothing in them is taken for markup."""
    return Console(markup=False, highlight=False)


def as_json(value: Any) -> None:
    """One JSON document on standard output."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


def show_list(out: Console, items: Sequence[Mapping[str, Any]]) -> None:
    """The cards of a list: ``rank title year tags facts rating reason``, as in docs/architecture.md."""
    for item in items:
        head = Text(f"{item['rank']:>2}  ")
        head.append(item["title"], style="bold")
        if item.get("year"):
            head.append(f" ({item['year']})")
        facts = [*item.get("tags", ()), *item.get("facts", ())]
        if item.get("rating") is not None:
            facts.append(f"{item['rating']:g} of 100")
        out.print(head)
        if facts:
            out.print(Padding(Text(" · ".join(facts), style="dim"), (0, 0, 0, 4)))
        out.print(Padding(Text(item["reason"]), (0, 0, 0, 4)))


def show_beyond(scorers: Mapping[str, Mapping[str, Any]]) -> None:
    """What the lists of each scorer are like beside accuracy, and for whom they are better."""
    table = Table("lists of ten by", *BEYOND.values(), box=None)
    for name, figures in scorers.items():
        table.add_row(name, *("-" if figures[m] is None else f"{figures[m]:.3f}" for m in BEYOND))
    console().print(table)
    table = Table("scorer", "told apart by", "NDCG@10", "gap, 95 %", box=None)
    for name, figures in scorers.items():
        for trait, told in figures["groups"].items():
            means = ", ".join(f"{group} {mean:.3f}" for group, mean in told.items() if group not in ("gap", "error"))
            table.add_row(name, trait, means, f"{told['gap']:.3f} ± {told['error']:.3f}")
    console().print(table)
