"""What a conversation has sent to its pages, kept for those that come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

LIMIT = 200  # events kept, about 30 turns; whoever was away for longer reads the history

START = "retry: 1000\n\n"
HEARTBEAT = ": still here\n\n"
RESET = "event: reset\ndata: {}\n\n"


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    id: int
    name: str
    data: dict[str, Any]

    def wire(self) -> str:
        return f"id: {self.id}\nevent: {self.name}\ndata: {json.dumps({'id': self.id, **self.data})}\n\n"


class Outbox:
    """The latest events of one conversation. Any number of pages follow it, each from its own position.

    Ids start at the clock's milliseconds, so they keep increasing over a restart of the server, and a position from
    before the restart is recognised as one that can't be continued.
    """

    def __init__(self) -> None:
        self.last = time.time_ns() // 1_000_000
        self.readers = 0
        self._floor = self.last  # positions below have lost events
        self._events: deque[Event] = deque()
        self._changed = asyncio.Event()
        self._closed = False

    def push(self, name: str, data: dict[str, Any]) -> int:
        """Add an event and wake the readers. Returns its id."""
        self.last += 1
        self._events.append(Event(self.last, name, data))
        if len(self._events) > LIMIT:
            self._floor = self._events.popleft().id
        self._wake()
        return self.last

    def clear(self) -> None:
        """Drop all events; readers that have not seen them read the history."""
        self._events.clear()
        self._floor = self.last

    def close(self) -> None:
        """End every stream: the server is about to stop."""
        self._closed = True
        self._wake()

    async def follow(self, after: int, heartbeat: float) -> AsyncIterator[str]:
        """Everything after position ``after``, then what comes, as text/event-stream.

        A comment is sent every ``heartbeat`` seconds of silence. When events after ``after`` are gone, ``reset`` tells
        the page to read the history; the stream goes on with what is new.
        """
        self.readers += 1
        try:
            yield START
            while not self._closed:
                changed = self._changed
                if not self._floor <= after <= self.last:
                    after = self.last
                    yield RESET
                for event in [e for e in self._events if e.id > after]:
                    after = event.id
                    yield event.wire()
                if not await _within(changed, heartbeat):
                    yield HEARTBEAT
        finally:
            self.readers -= 1

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
