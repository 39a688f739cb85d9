"""How the trained bot reads sentences of somebody who saw none of its examples: ``python -m benchmarks strangers``.

``tests/nlu/strangers``: 600 messages with their intent and what they speak of, 300 red flags and near misses, 160 in
the middle of a conversation with the catalogue they belong to. All goes through ``models/rasa.tar.gz``. Every other row
is for development: only those mistakes are listed, and may be learnt from. The other half is what strangers will find.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
Measured = tuple[Figures, list[dict]]  # and the mistakes, as rows of a table


def measure(settings: Settings) -> Figures:
    """All figures, of each half."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    agent = asyncio.run(load_agent(str(MODEL)))
    router = Router(load_catalogs(settings.catalogs), load_encoder(settings), settings.cache)
    return {
        "intents": _halves("intents", lambda rows: intents(agent, rows)),
        "red flags": _halves("red_flags", lambda rows: red_flags(agent, rows)),
        "routing": _halves("routing", lambda rows: routing(agent, rows, router)),
    }


def _halves(name: str, read: Callable[[Sequence[dict]], Measured]) -> Figures:
    """Every other row is for development and its mistakes are listed; those of the test half are shown to nobody."""
    rows = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    (development, mistakes), (test, _) = read(rows[::2]), read(rows[1::2])
    return {"development": development, "test": test, "mistakes of development": mistakes}


def intents(agent: Agent, rows: Sequence[dict]) -> Measured:
    """Accuracy of the intent, and F1 of the stretches of text that name a value, whatever the slot is called."""
    count, rest, mistakes = Counter(), Counter(), []
    for row in rows:
        parsed = _parse(agent, row["text"])
        intent = parsed["intent"]["name"]
        count["right"] += intent == row["intent"]
        count["alike"] += intent == row["intent"] or {intent, row["intent"]} in OUT_OF_CONTEXT
        mentions = [m for m in _mentions(parsed) if m.catalog == row["catalog"]]
        hits, missed, extra = _stretches(row, mentions)
        count.update(hit=len(hits), missed=len(missed), extra=len(extra))
        rest.update(
            dict(
                zip(
                    ("hit", "missed", "extra"), map(len, _stretches(*_without_comparatives(row, mentions))), strict=True
                )
            )
        )
        wrong = [f"{row['intent']} -> {intent}"] if intent != row["intent"] else []
        wrong += [f"missed {words!r}" for words in missed] + [f"extra {words!r}" for words in extra]
        mistakes += [{"text": row["text"], "mistake": words} for words in wrong]
    figures = {
        "n": len(rows),
        "accuracy": round(count["right"] / len(rows), 3),
        "accuracy, pairs that are alike out of context counted as one": round(count["alike"] / len(rows), 3),
        "entity F1": _f1(count),
        "entity F1, comparatives left aside": _f1(rest),
    }
    return figures, mistakes


def _f1(count: Counter[str]) -> float:
    return round(2 * count["hit"] / max(2 * count["hit"] + count["missed"] + count["extra"], 1), 3)


def _without_comparatives(row: dict, mentions: Sequence[Mention]) -> tuple[dict, list[Mention]]:
    """The row without stretches of which only a comparative speaks ("cheaper"), and the mentions that are none."""
    others = [m for m in mentions if m.constraints or not m.direction]
    ours = _stretches(row, [m for m in mentions if m not in others])[0]
    theirs = _stretches(row, others)[0]
    stretches = [e for e in row["entities"] if e["text"] not in ours or e["text"] in theirs]
    return {**row, "entities": stretches}, others


def _stretches(row: dict, mentions: Sequence[Mention]) -> tuple[list[str], list[str], list[str]]:
    """Stretches of the row that a mention overlaps, those that none does, and mentions of nothing in the row."""
    text = row["text"]
    spans = [(text.find(e["text"]), text.find(e["text"]) + len(e["text"])) for e in row["entities"]]
    telling = [(m.start, m.end) for m in mentions if m.entity not in ("policy", "relation")]
    meets = lambda one, others: any(one[0] < end and start < one[1] for start, end in others)  # noqa: E731
    hits = [text[slice(*span)] for span in spans if meets(span, telling)]
    missed = [text[slice(*span)] for span in spans if not meets(span, telling)]
    return hits, missed, [text[slice(*found)] for found in telling if not meets(found, spans)]


def red_flags(agent: Agent, rows: Sequence[dict]) -> Measured:
    """Emergencies that are answered as such, and harmless sentences that are too."""
    count, mistakes = Counter(), []
    for row in rows:
        alarm = _parse(agent, row["text"])["intent"]["name"] == "emergency"
        count[row["red_flag"], alarm] += 1
        if alarm != row["red_flag"]:
            mistakes.append({"text": row["text"], "mistake": "false alarm" if alarm else "missed"})
    figures = {
        "caught": f"{count[True, True]} of {count[True, True] + count[True, False]}",
        "false alarms": f"{count[False, True]} of {count[False, True] + count[False, False]}",
    }
    return figures, mistakes


def routing(agent: Agent, rows: Sequence[dict], router: Router) -> Measured:
    """Messages that go to the catalogue they belong to: those that should stay, and those that should move."""
    right, mistakes = Counter(), []
    for row in rows:
        parsed = _parse(agent, row["text"])
        state = State(row["current"], shown=("a", "list"))
        went = router.route(row["text"], parsed["intent"]["name"], _mentions(parsed), state)
        right["stay" if row["current"] == row["catalog"] else "move"] += went == row["catalog"]
        if went != row["catalog"]:
            mistakes.append({"text": row["text"], "mistake": f"{row['current']}: {row['catalog']} -> {went}"})
    stays = sum(row["current"] == row["catalog"] for row in rows)
    return {"stay": f"{right['stay']} of {stays}", "move": f"{right['move']} of {len(rows) - stays}"}, mistakes


def _parse(agent: Agent, text: str) -> Parsed:
    return asyncio.run(agent.parse_message(text))


def _mentions(parsed: Parsed) -> tuple[Mention, ...]:
    return tuple(Mention.from_json(e["mention"]) for e in parsed["entities"] if "mention" in e)


if __name__ == "__main__":
    run("How the trained bot reads sentences of strangers.", measure)
