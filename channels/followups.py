"""The bot writes first: follow-ups that are due, from the store, as turns of their conversations.

A turn of this kind has a button and no words. Rasa answers it like a press (``action_follow_up``), so the text is in
domain.yml, and the conversation goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Any

from sanic import Blueprint, Sanic

from channels.incoming import Button, Incoming
from chatrec.records import FollowUp
from chatrec.settings import Settings
from chatrec.store import Store

log = logging.getLogger(__name__)

EVERY = 30.0  # seconds between two looks
AGAIN = 3600.0  # seconds until one is tried again that the action server did not see

Due = Callable[[str, float], Iterable[FollowUp]]  # channel and time -> what is due; each is given once
Take = Callable[[Sanic, Incoming], Awaitable[Any]]


def stored(channel: str, now: float) -> tuple[FollowUp, ...]:
    """What is due in the store of the settings."""
    return _store().due_follow_ups(channel, now, AGAIN)


@lru_cache(maxsize=1)
def _store() -> Store:
    settings = Settings.read()
    return Store.open(settings.db, settings.store_secret())


def watch(hook: Blueprint, channel: str, take: Take, due: Due | None, every: float) -> None:
    """Let a channel ``take`` what is ``due``, as long as its server runs."""
    if due is None:
        return
    tasks: list[asyncio.Task] = []

    @hook.listener("after_server_start")
    async def start(app: Sanic, loop: Any) -> None:
        tasks.append(loop.create_task(_ask(app, channel, take, due, every)))

    @hook.listener("before_server_stop")
    async def stop(app: Sanic, loop: Any) -> None:
        while tasks:
            tasks.pop().cancel()


async def _ask(app: Sanic, channel: str, take: Take, due: Due, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            for planned in await asyncio.to_thread(due, channel, time.time()):
                await take(app, _incoming(planned))
        except Exception as error:  # the store is away for a moment, a queue is full: the next look may find it well
            log.error("%s: follow-ups could not be asked (%s)", channel, type(error).__name__)


def _incoming(planned: FollowUp) -> Incoming:
    name = f"follow-up-{planned.item_id}-{planned.at:.0f}"
    button = Button("follow_up", planned.item_id, "")
    return Incoming(planned.person, planned.conversation, name, "", button, "follow_up", sent=float("inf"))
