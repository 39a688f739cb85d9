"""What the bot did before a message. "I like comedies" asks for films after a hello and answers after a question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rasa.shared.core.events import BotUttered, Event, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

GREETING, QUESTION, ITEMS, TALK = TURNS = ("greeting", "question", "items", "talk")

_ITEM = re.compile(r"^\d\. |\((?:19|20)\d\d\)", re.MULTILINE)  # a line of a list, or a title with its year
_GREETING = re.compile(r"(?:^|[.!?\n]\s*)(?:hi|hello|hey|hiya|welcome|good (?:morning|day|evening))\b", re.IGNORECASE)


def last_turn(tracker: DialogueStateTracker | None) -> str | None:
    """What the bot did after the user's last message; None when there is no conversation to tell from."""
    if tracker is None or not tracker.events:
        return None
    return turn(_said(tracker.events))


def turn(said: Sequence[str]) -> str:
    """One of ``TURNS`` for what the bot said in its turn. A conversation in which it said nothing is just beginning."""
    text = "\n".join(said).strip()
    if not text:
        return GREETING
    if _ITEM.search(text):
        return ITEMS
    if _GREETING.search(text):
        return GREETING
    return QUESTION if "?" in text else TALK


def _said(events: Iterable[Event]) -> list[str]:
    said: list[str] = []
    for event in events:
        if isinstance(event, UserUttered):
            said = []
        elif isinstance(event, BotUttered):
            said.append(event.text or "")
    return said
