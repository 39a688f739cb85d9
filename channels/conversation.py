"""Conversations in progress: each message handled once, in the order it came."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable

from channels.incoming import Incoming
from channels.messages import APOLOGY
from channels.outbox import Outbox
from chatrec.errors import ChatRecError

log = logging.getLogger(__name__)

OPEN = 500  # conversations kept in memory; the others come back from the tracker
WAITING = 20  # messages that may queue up in one conversation; their events fit into the outbox

Handler = Callable[[Incoming], Awaitable[None]]


class TooMany(ChatRecError):
    """More messages are waiting than one conversation may have."""


class Conversation:
    """One conversation: the queue of what the user says, the outbox of what the bot does about it.

    ``handled`` are the ids of messages answered before this process started. A turn sends ``message`` (the user's own,
    so that other pages see it), ``typing``, the bot's messages, ``typing``, ``done``.
    """

    def __init__(self, handle: Handler, turn_seconds: float, handled: Iterable[str] = ()) -> None:
        self.outbox = Outbox()
        self.settled = self.outbox.last  # position after the last finished turn
        self._handle = handle
        self._turn_seconds = turn_seconds
        self._done = set(handled)
        self._accepted = dict.fromkeys(self._done, self.settled)
        self._waiting: deque[Incoming] = deque()
        self._worker: asyncio.Task | None = None

    @property
    def idle(self) -> bool:
        """Nobody reads along and nothing is being answered."""
        return not self.outbox.readers and (self._worker is None or self._worker.done())

    @property
    def accepted(self) -> frozenset[str]:
        """Ids of all messages that were taken."""
        return frozenset(self._accepted)

    @property
    def done(self) -> frozenset[str]:
        """Ids of the messages that were answered to the end."""
        return frozenset(self._done)

    def accept(self, incoming: Incoming) -> int:
        """Queue a message, once; returns the outbox position after which its answer comes, also on a repeat.

        Raises :class:`TooMany` when the queue is full; the message was not taken then.
        """
        position = self._accepted.get(incoming.message_id)
        if position is not None:
            return position
        if len(self._waiting) >= WAITING:
            raise TooMany("Too many messages are waiting. Please wait for an answer first.")
        self._accepted[incoming.message_id] = self.outbox.last
        self._waiting.append(incoming)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())
        return self.outbox.last

    async def _work(self) -> None:
        while self._waiting:
            await self._turn(self._waiting.popleft())

    async def _turn(self, incoming: Incoming) -> None:
        self.outbox.push("message", incoming.echo())
        before = self.outbox.push("typing", {"on": True})
        try:
            await asyncio.wait_for(self._handle(incoming), self._turn_seconds)
        except Exception:
            log.exception("a message of the web chat was not answered")
        answered = self.outbox.last > before
        if answered:
            self._done.add(incoming.message_id)
        else:
            self.outbox.push("message", APOLOGY)
            del self._accepted[incoming.message_id]  # sent again, it is tried again
        self.outbox.push("typing", {"on": False})
        self.settled = self.outbox.push("done", {"message_id": incoming.message_id, "answered": answered})


class Conversations:
    """The conversations in memory, least recently used first. Only idle ones are dropped."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Conversation] = OrderedDict()

    def get(self, name: str) -> Conversation | None:
        if name in self._open:
            self._open.move_to_end(name)
        return self._open.get(name)

    def add(self, name: str, conversation: Conversation) -> Conversation:
        """Keep a conversation and return it; an earlier one of that name wins."""
        kept = self._open.setdefault(name, conversation)
        if len(self._open) > OPEN:
            for other in [n for n, c in self._open.items() if c.idle and n != name][: len(self._open) - OPEN]:
                del self._open[other]
        return kept

    def close(self) -> None:
        for conversation in self._open.values():
            conversation.outbox.close()
