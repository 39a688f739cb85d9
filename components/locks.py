"""One turn at a time in a conversation, over several Rasa servers: a lock in Redis that is taken in one step.

Rasa's own RedisLockStore reads its tickets, changes them and writes them back, so two servers lose each other's, and it
looks once a second. This one is redis-py's lock; whose turn it is among those that wait is left to the channels, which
hand Rasa the messages of a conversation one by one.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from rasa.core.lock import TicketLock
from rasa.core.lock_store import LockError, LockStore
from rasa.utils.endpoints import EndpointConfig
from redis import asyncio as redis
from redis.asyncio.lock import Lock
from redis.exceptions import ConnectionError, RedisError

from chatrec.settings import Settings

LOOK = 0.02  # seconds between two attempts
WAIT, LIFE = 0.8, 3.0  # times what a turn may take: a wait of it, after which the user is told; the lock of it
RETURNS = 20  # attempts to give it back


class AtomicRedisLockStore(LockStore):
    """``url`` in endpoints.yml: ``redis://HOST:PORT/DB``, or ``unix:///PATH``."""

    def __init__(self, endpoint_config: EndpointConfig) -> None:
        self._turn_seconds = Settings.read().turn_seconds
        self._redis = redis.Redis.from_url(endpoint_config.url, socket_timeout=WAIT * self._turn_seconds)

    @asynccontextmanager
    async def lock(
        self, conversation_id: str, lock_lifetime: float | None = None, wait_time_in_seconds: float = LOOK
    ) -> AsyncIterator[TicketLock]:
        """Raises: LockError when Redis does not answer, or the turn before does not end.

        What a server that was killed holds is free after ``lock_lifetime`` seconds.
        """
        life = lock_lifetime or LIFE * self._turn_seconds
        lock = self._redis.lock(f"chatrec:lock:{conversation_id}", timeout=life)
        token = secrets.token_hex(16).encode()  # ours even when the answer to our taking it is lost
        try:
            await self._take(lock, token, wait_time_in_seconds)
            yield TicketLock(conversation_id)
        finally:
            await asyncio.shield(_give_back(lock, token))

    async def _take(self, lock: Lock, token: bytes, pause: float) -> None:
        """Not redis-py's own waiting: a turn that is cancelled meanwhile is sometimes kept in it for a minute."""
        deadline = time.monotonic() + WAIT * self._turn_seconds
        try:
            while not await lock.do_acquire(token):
                if time.monotonic() > deadline:
                    raise LockError("another turn of the conversation does not end")
                await asyncio.sleep(pause)
        except RedisError as error:
            raise LockError(f"the lock store does not answer: {type(error).__name__}") from None


async def _give_back(lock: Lock, token: bytes) -> None:
    """Again while the connection breaks, as all that are kept do once when Redis is restarted."""
    with suppress(RedisError):  # it took longer than its life, went with Redis, or was never taken: not ours
        for _ in range(RETURNS):
            try:
                await lock.do_release(token)
                break
            except ConnectionError:
                await asyncio.sleep(LOOK)
