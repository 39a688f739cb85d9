"""Conversations in progress, and those of the web chat with what their pages see."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from channels import history, watched
from channels.incoming import Incoming
from channels.outbox import Outbox
from channels.pace import Pace
from channels.queue import Queue
from channels.sayings import Sayings

log = logging.getLogger(__name__)

OPEN = 500  # conversations kept in memory; the others come back from the tracker

Handler = Callable[[Incoming], Awaitable[None]]


class Conversation:
    """One conversation of the web chat: what the user says, and the outbox of what the bot does about it.

    ``handled`` are the ids of messages answered before this process started. A turn sends ``message`` (the user's own,
    so that other pages see it), ``typing``, the bot's messages, ``typing``, ``done``.
    """

    def __init__(
        self, handle: Handler, says: Sayings, turn_seconds: float, pace: Pace, handled: Iterable[str] = ()
    ) -> None:
        self.outbox = Outbox()
        self.settled = self.outbox.last  # position after the last finished turn
        self.says = says
        self._handle = handle
        self._turn_seconds = turn_seconds
        self._pace = pace
        self._queue = Queue(self._turn, handled)
        self._after = dict.fromkeys(self._queue.done, self.settled)

    @property
    def idle(self) -> bool:
        """Nobody reads along and nothing is being answered."""
        return not self.outbox.readers and self._queue.idle

    @property
    def accepted(self) -> frozenset[str]:
        """Ids of all messages that were taken."""
        return self._queue.accepted

    @property
    def done(self) -> frozenset[str]:
        """Ids of the messages that were answered to the end."""
        return self._queue.done

    def accept(self, incoming: Incoming) -> int:
        """Queue a message, once; returns the outbox position after which its answer comes, also on a repeat.

        Raises :class:`TooMany` when the queue is full; the message was not taken then.
        """
        if self._queue.take(incoming):
            self._after[incoming.message_id] = self.outbox.last
        return self._after[incoming.message_id]

    async def finish(self, seconds: float) -> None:
        """Wait until everything taken is answered, at most so long."""
        await self._queue.finish(seconds)

    async def _turn(self, incoming: Incoming) -> bool:
        if incoming.text:
            self.outbox.push("message", incoming.echo())
        if incoming.typed:
            self.says.hear(incoming.text)
        verdict = self._pace.verdict(incoming.user) if incoming.text else "go"
        before = self.outbox.push("typing", {"on": True})
        with watched.turn("webchat") as turn:
            if verdict == "go":
                await self._handled(incoming)
            elif verdict == "pause":
                self.outbox.push("message", self.says("utter_slow_down"))
            answered = verdict != "go" or self.outbox.last > before
            turn.outcome = "apology" if not answered else "limited" if verdict != "go" else "answered"
        if not answered and incoming.text:
            self.outbox.push("message", history.apology(self.says, incoming.message_id))
        self.outbox.push("typing", {"on": False})
        self.settled = self.outbox.push("done", {"message_id": incoming.message_id, "answered": answered})
        return answered

    async def _handled(self, incoming: Incoming) -> None:
        try:
            await asyncio.wait_for(self._handle(incoming), self._turn_seconds)
        except Exception:
            log.exception("a message of the web chat was not answered")


class Kept(Protocol):
    """A conversation that can be dropped from memory while it is idle."""

    @property
    def idle(self) -> bool: ...

    async def finish(self, seconds: float) -> None: ...


K = TypeVar("K", bound=Kept)


class Conversations(Generic[K]):
    """The conversations in memory, least recently used first. Only idle ones are dropped."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, K] = OrderedDict()

    async def finish(self, seconds: float) -> None:
        """Wait until every turn that was begun is over, at most so long."""
        if busy := [kept.finish(seconds) for kept in self if not kept.idle]:
            await asyncio.gather(*busy)

    def __iter__(self) -> Iterator[K]:
        return iter(list(self._open.values()))

    def get(self, name: str) -> K | None:
        if name in self._open:
            self._open.move_to_end(name)
        return self._open.get(name)

    def add(self, name: str, conversation: K) -> K:
        """Keep a conversation and return it; an earlier one of that name wins."""
        kept = self._open.setdefault(name, conversation)
        if len(self._open) > OPEN:
            for other in [n for n, c in self._open.items() if c.idle and n != name][: len(self._open) - OPEN]:
                del self._open[other]
        return kept
