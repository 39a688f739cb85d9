"""How the trained bot reads sentences of somebody who saw none of its examples: ``python -m benchmarks strangers``.

``tests/nlu/strangers``: 600 messages with their intent and what they speak of, 300 red flags and near misses, 160 in
the middle of a conversation with the catalogue they belong to. All goes through ``models/rasa.tar.gz``.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
from rasa.core.agent import Agent, load_agent

from benchmarks import Figures, run
from chatrec.catalog import load_catalogs
from chatrec.dialogue import State
from chatrec.encoder import load_encoder
from chatrec.routing import Router
from chatrec.settings import Settings
from chatrec.types import Mention

FOLDER = Path("tests/nlu/strangers")
MODEL = Path("models/rasa.tar.gz")
OUT_OF_CONTEXT = (  # pairs that nobody tells apart without the turn before; both readings lead to the same action
    {"affirm", "accept"},
    {"deny", "reject"},
    {"answer", "critique_feature"},
    {"ask_opinion", "inquire"},
    {"critique_add", "critique_feature"},
)

Parsed = Mapping[str, Any]


def measure(settings: Settings) -> Figures:
    """All figures."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    agent = asyncio.run(load_agent(str(MODEL)))
    return {
        "intents": intents(agent, _rows("intents")),
        "red flags": red_flags(agent, _rows("red_flags")),
        "routing": routing(agent, _rows("routing"), settings),
    }


def intents(agent: Agent, rows: Sequence[dict]) -> Figures:
    """Accuracy of the intent, and F1 of the stretches of text that name a value, whatever the slot is called."""
    read = [_parse(agent, row["text"]) for row in rows]
    pairs = [(row["intent"], parsed["intent"]["name"]) for row, parsed in zip(rows, read, strict=True)]
    right = sum(one == other for one, other in pairs)
    alike = sum(one == other or {one, other} in OUT_OF_CONTEXT for one, other in pairs)
    found = Counter()
    for row, parsed in zip(rows, read, strict=True):
        _count(row, [m for m in _mentions(parsed) if m.catalog == row["catalog"]], found)
    f1 = 2 * found["hit"] / max(2 * found["hit"] + found["missed"] + found["extra"], 1)
    wrong = Counter(f"{one} -> {other}" for one, other in pairs if one != other)
    return {
        "n": len(rows),
        "accuracy": round(right / len(rows), 3),
        "accuracy, pairs that are alike out of context counted as one": round(alike / len(rows), 3),
        "entity F1": round(f1, 3),
        "commonest mistakes": dict(wrong.most_common(8)),
    }


def _count(row: dict, mentions: Sequence[Mention], found: Counter) -> None:
    """A stretch is found when a mention overlaps it."""
    spans = [(row["text"].find(e["text"]), len(e["text"])) for e in row["entities"]]
    telling = [m for m in mentions if m.entity not in ("policy", "relation")]
    hits = [any(m.start < at + size and at < m.end for m in telling) for at, size in spans]
    found["hit"] += sum(hits)
    found["missed"] += len(hits) - sum(hits)
    found["extra"] += sum(not any(m.start < at + size and at < m.end for at, size in spans) for m in telling)


def red_flags(agent: Agent, rows: Sequence[dict]) -> Figures:
    """Share of emergencies that are answered as such, and of harmless sentences that are too."""
    alarms = [(row, _parse(agent, row["text"])["intent"]["name"] == "emergency") for row in rows]
    flags = [alarm for row, alarm in alarms if row["red_flag"]]
    harmless = [alarm for row, alarm in alarms if not row["red_flag"]]
    return {
        "caught": f"{sum(flags)} of {len(flags)}",
        "false alarms": f"{sum(harmless)} of {len(harmless)}",
        "missed": [row["text"] for row, alarm in alarms if row["red_flag"] and not alarm],
    }


def routing(agent: Agent, rows: Sequence[dict], settings: Settings) -> Figures:
    """Messages that go to the catalogue they belong to: those that should stay, and those that should move."""
    router = Router(load_catalogs(settings.catalogs), load_encoder(settings), settings.cache)
    right = Counter()
    for row in rows:
        parsed = _parse(agent, row["text"])
        state = State(row["current"], shown=("a", "list"))
        went = router.route(row["text"], parsed["intent"]["name"], _mentions(parsed), state)
        right["stay" if row["current"] == row["catalog"] else "move"] += went == row["catalog"]
    stays = sum(row["current"] == row["catalog"] for row in rows)
    return {"stay": f"{right['stay']} of {stays}", "move": f"{right['move']} of {len(rows) - stays}"}


def _rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def _parse(agent: Agent, text: str) -> Parsed:
    return asyncio.run(agent.parse_message(text))


def _mentions(parsed: Parsed) -> tuple[Mention, ...]:
    return tuple(Mention.from_json(e["mention"]) for e in parsed["entities"] if "mention" in e)


if __name__ == "__main__":
    run("How the trained bot reads sentences of strangers.", measure)
