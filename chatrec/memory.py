"""What is remembered of a user: in the store once they said yes, before that in their conversation alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Protocol

from chatrec.records import Preference
from chatrec.store import Store, same_wish, stances
from chatrec.types import Constraint, Event, Query, RankedList, Turn

CONSENT = "memory"  # purpose of the consent, and ``State.pending`` while the bot waits for it
KEPT = {"kept": True}  # in the conversation of somebody whose memory is the store
EVENTS = 200  # of one conversation, the latest


class Memory(Protocol):
    """What :class:`chatrec.store.Store` says of the same names."""

    def add_turn(self, user: str, conversation: str, turn: Turn, at: float, key: str) -> bool: ...
    def add_event(self, user: str, catalog: str, event: Event, key: str, said: str = "") -> bool: ...
    def add_impression(self, user: str, ranked: RankedList, query: Query, propensities: Sequence[float]) -> None: ...
    def events(self, user: str, catalog: str) -> tuple[Event, ...]: ...
    def stances(self, user: str, catalog: str) -> dict[str, Event]: ...
    def said(self, user: str, catalog: str) -> dict[str, str]: ...
    def forget_item(self, user: str, catalog: str, item_id: str) -> bool: ...
    def remember(self, user: str, catalog: str, constraint: Constraint, said: str = "") -> int: ...
    def preferences(self, user: str) -> tuple[Preference, ...]: ...
    def correct_preference(self, user: str, preference_id: int, constraint: Constraint, said: str = "") -> bool: ...
    def forget_preference(self, user: str, preference_id: int) -> bool: ...
    def export(self, who: str) -> dict[str, list[dict[str, Any]]]: ...


class Passing:
    """The memory of one conversation with one person, as JSON goes in and comes out; it lasts as long as these do.

    ``asked``: whether the bot has asked, in this conversation, to keep it. ``whole``: False when nobody could say
    whether there is more in the store.
    """

    def __init__(self, saved: Mapping[str, Any] | None = None, whole: bool = True) -> None:
        saved, self.whole = saved or {}, whole
        self.asked = bool(saved.get("asked"))
        self._events: list[dict[str, Any]] = list(saved.get("events", ()))
        self._wishes: list[dict[str, Any]] = list(saved.get("preferences", ()))

    @classmethod
    def of(cls, store: Store, user: str) -> Passing:
        """What the store has of somebody, for their conversation alone."""
        rows, asked = store.export(user), {"asked": True}
        events = [
            {"catalog": r["catalog"], "event": _picked(r, Event), "key": r["key"], "said": r["said"]}
            for r in rows["events"][-EVENTS:]
        ]
        wishes = [
            {"constraint": _picked(r, Constraint)} | {key: r[key] for key in ("id", "catalog", "at", "said")}
            for r in rows["preferences"]
        ]
        return cls(asked | {"events": events, "preferences": wishes})

    def to_json(self) -> dict[str, Any]:
        return {"asked": self.asked, "events": self._events, "preferences": self._wishes}

    def keep(self, store: Store, user: str) -> None:
        """Move all of it into the store."""
        for row in self._events:
            store.add_event(user, row["catalog"], Event(**row["event"]), row["key"], row["said"])
        for kept, row in zip(self.preferences(user), self._wishes, strict=True):
            store.remember(user, kept.catalog, kept.constraint, row["said"])
        self._events, self._wishes = [], []

    def add_turn(self, user: str, conversation: str, turn: Turn, at: float, key: str) -> bool:
        """Nothing: the dialogue has its own turns."""
        return False

    def add_impression(self, user: str, ranked: RankedList, query: Query, propensities: Sequence[float]) -> None:
        """Nothing: what was shown is in the state of the dialogue."""

    def add_event(self, user: str, catalog: str, event: Event, key: str, said: str = "") -> bool:
        if any(row["key"] == key for row in self._events):
            return False
        row = {"catalog": catalog, "event": asdict(event), "key": key, "said": said}
        self._events = [*self._events, row][-EVENTS:]
        return True

    def events(self, user: str, catalog: str) -> tuple[Event, ...]:
        return tuple(Event(**row["event"]) for row in self._events if row["catalog"] == catalog)

    def stances(self, user: str, catalog: str) -> dict[str, Event]:
        return stances(self.events(user, catalog))

    def said(self, user: str, catalog: str) -> dict[str, str]:
        return {row["event"]["item_id"]: row["said"] for row in self._events if row["catalog"] == catalog}

    def forget_item(self, user: str, catalog: str, item_id: str) -> bool:
        known = len(self._events)
        self._events = [r for r in self._events if (r["catalog"], r["event"]["item_id"]) != (catalog, item_id)]
        return len(self._events) < known

    def remember(self, user: str, catalog: str, constraint: Constraint, said: str = "") -> int:
        kept = [p for p in self.preferences(user) if p.catalog == catalog and same_wish(p.constraint, constraint)]
        self._drop(*(p.preference_id for p in kept))
        number = 1 + max((row["id"] for row in self._wishes), default=0)
        wish = constraint.to_json()
        row = {"id": number, "catalog": catalog, "constraint": wish, "at": time.time(), "said": said}
        self._wishes = [*self._wishes, row]
        return number

    def preferences(self, user: str) -> tuple[Preference, ...]:
        return tuple(
            Preference(row["id"], row["catalog"], Constraint.from_json(row["constraint"]), row["at"], row["said"])
            for row in self._wishes
        )

    def correct_preference(self, user: str, preference_id: int, constraint: Constraint, said: str = "") -> bool:
        changed = {"constraint": constraint.to_json(), "said": said}
        known = any(row["id"] == preference_id for row in self._wishes)
        self._wishes = [row | changed if row["id"] == preference_id else row for row in self._wishes]
        return known

    def forget_preference(self, user: str, preference_id: int) -> bool:
        known = len(self._wishes)
        self._drop(preference_id)
        return len(self._wishes) < known

    def export(self, who: str) -> dict[str, list[dict[str, Any]]]:
        return {"events": self._events, "preferences": self._wishes}

    def _drop(self, *numbers: int) -> None:
        self._wishes = [row for row in self._wishes if row["id"] not in numbers]


def _picked(row: Mapping[str, Any], of: type) -> dict[str, Any]:
    """The fields of a value that a row of the store has."""
    return {field.name: row[field.name] for field in fields(of) if field.name in row}
