"""Forgetting somebody everywhere, and what is too old: the store, Rasa's conversations, the logs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chatrec.settings import Settings
from chatrec.store import Store
from chatrec.trackers import Trackers

DAY = 24 * 3600.0


@dataclass(frozen=True)
class Erased:
    """How many rows of the store, conversations of Rasa's and lines of the logs went."""

    rows: int
    conversations: int
    lines: int


def forget(who: str, store: Store, settings: Settings) -> Erased:
    """Erase a user, by platform id or by key, wherever something of theirs may be."""
    key = store.find_user(who) or who
    trackers = Trackers(settings.trackers)
    try:
        names = trackers.forget(lambda person: person == who or store.key(person) == key)
    finally:
        trackers.close()
    return Erased(store.forget(who), len(names), scrub(settings.var, (who, key, *names)))


def expire(store: Store, settings: Settings, now: float | None = None) -> Erased:
    """Erase what is older than the settings allow."""
    before = (time.time() if now is None else now) - settings.retention_days * DAY
    trackers = Trackers(settings.trackers)
    try:
        names = trackers.expire(before)
    finally:
        trackers.close()
    return Erased(store.expire(before), len(names), scrub(settings.var, names))


def scrub(folder: Path, words: Iterable[str]) -> int:
    """Take the lines with any of the words out of the log files under a folder. Servers append to them: the files stay
    the same and only get shorter. Returns how many lines."""
    sought, lines = [word.encode() for word in words if word], 0
    for path in folder.rglob("*.log*") if sought and folder.is_dir() else ():
        before = path.read_bytes().splitlines(keepends=True)
        after = [line for line in before if not any(word in line for word in sought)]
        if len(after) < len(before):
            lines += len(before) - len(after)
            with path.open("r+b") as file:
                file.write(b"".join(after))
                file.truncate()
    return lines
