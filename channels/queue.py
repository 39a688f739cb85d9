"""What waits for an answer in one conversation: each message once, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from channels.incoming import Incoming
from chatrec.errors import ChatRecError

WAITING = 20  # messages that may wait in one conversation

Answer = Callable[[Incoming], Awaitable[bool]]


class TooMany(ChatRecError):
    """More messages are waiting than one conversation may have."""


class Queue:
    """The messages of one conversation, answered one by one in the order in which they were sent.

    ``answer`` gives whether there was an answer; a message without one is taken again when it comes again.
    ``handled`` are the ids of messages answered before this process started. ``settle``: seconds to wait before the
    first answer, for platforms that may deliver two messages in the wrong order.
    """

    def __init__(self, answer: Answer, handled: Iterable[str] = (), settle: float = 0.0) -> None:
        self._answer = answer
        self._settle = settle
        self._done = set(handled)
        self._accepted = set(self._done)
        self._waiting: list[Incoming] = []
        self._worker: asyncio.Task | None = None

    @property
    def idle(self) -> bool:
        """Nothing is being answered."""
        return self._worker is None or self._worker.done()

    @property
    def accepted(self) -> frozenset[str]:
        """Ids of all messages that were taken."""
        return frozenset(self._accepted)

    @property
    def done(self) -> frozenset[str]:
        """Ids of the messages that were answered to the end."""
        return frozenset(self._done)

    def take(self, incoming: Incoming) -> bool:
        """Let a message wait for its answer; False when it was taken before.

        Raises :class:`TooMany` when the queue is full; the message was not taken then.
        """
        if incoming.message_id in self._accepted:
            return False
        if len(self._waiting) >= WAITING:
            raise TooMany("Too many messages are waiting. Please wait for an answer first.")
        self._accepted.add(incoming.message_id)
        self._waiting.append(incoming)
        if self.idle:
            self._worker = asyncio.get_running_loop().create_task(self._work())
        return True

    async def finish(self, seconds: float) -> None:
        """Wait until everything taken is answered, at most so long."""
        if not self.idle:
            await asyncio.wait([self._worker], timeout=seconds)

    async def _work(self) -> None:
        if self._settle:
            await asyncio.sleep(self._settle)
        while self._waiting:
            self._waiting.sort(key=lambda incoming: incoming.sent)
            incoming = self._waiting.pop(0)
            if await self._answer(incoming):
                self._done.add(incoming.message_id)
            else:
                self._accepted.discard(incoming.message_id)
