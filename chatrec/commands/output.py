"""What commands print: lists for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text


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
