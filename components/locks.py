"""One turn at a time in a conversation, over several Rasa servers: a lock in Redis that is taken in one step.

Rasa's own RedisLockStore reads its tickets, changes them and writes them back, so two servers lose each other's, and it
looks once a second. This one is redis-py's lock; whose turn it is among those that wait is left to the channels, which
hand Rasa the messages of a conversation one by one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from rasa.core.lock import TicketLock
from rasa.core.lock_store import LOCK_LIFETIME, LockError, LockStore
from rasa.utils.endpoints import EndpointConfig
from redis import asyncio as redis
from redis.exceptions import RedisError

LOOK = 0.02  # seconds between two attempts


class AtomicRedisLockStore(LockStore):
    """``url`` in endpoints.yml: ``redis://HOST:PORT/DB``, or ``unix:///PATH``."""

    def __init__(self, endpoint_config: EndpointConfig) -> None:
        self._redis = redis.Redis.from_url(endpoint_config.url)

    @asynccontextmanager
    async def lock(
        self, conversation_id: str, lock_lifetime: float = LOCK_LIFETIME, wait_time_in_seconds: float = LOOK
    ) -> AsyncIterator[TicketLock]:
        """Raises: LockError when Redis does not answer, or nobody gave the lock back within its lifetime."""
        name, ours = f"chatrec:lock:{conversation_id}", None
        try:
            ours = self._redis.lock(name, timeout=lock_lifetime, sleep=LOOK, blocking_timeout=lock_lifetime)
            taken = await ours.acquire()
        except RedisError as error:
            raise LockError(f"the lock store does not answer: {type(error).__name__}") from None
        if not taken:
            raise LockError("another turn of the conversation does not end")
        try:
            yield TicketLock(conversation_id)
        finally:
            with suppress(RedisError):  # it took longer than its lifetime, or went with Redis: it is not ours any more
                await ours.release()
