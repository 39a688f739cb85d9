"""Loads the engine before the action server answers, so that nobody's first message waits for it; once a day what is
too old is erased.

rasa-sdk imports a package of exactly this name and calls ``init_hooks``.
"""

from __future__ import annotations

import asyncio
import logging
import sys

import pluggy
from sanic import Sanic

from chatrec import erasure
from chatrec.bootstrap import engine
from chatrec.errors import ChatRecError

log = logging.getLogger(__name__)
hookimpl = pluggy.HookimplMarker("rasa_sdk")


@hookimpl
def attach_sanic_app_extensions(app: Sanic) -> None:
    """Build the engine at start-up; ``/health`` answers once it is there."""

    @app.before_server_start
    async def load(_app: Sanic, _loop: asyncio.AbstractEventLoop) -> None:
        await asyncio.to_thread(_warm)

    @app.after_server_start
    async def tidy(_app: Sanic, loop: asyncio.AbstractEventLoop) -> None:
        _app.ctx.tidying = loop.create_task(_daily())

    @app.before_server_stop
    async def stop(_app: Sanic, _loop: asyncio.AbstractEventLoop) -> None:
        _app.ctx.tidying.cancel()


async def _daily() -> None:
    while True:
        try:
            await asyncio.to_thread(lambda: erasure.expire(engine().store, engine().settings))
        except ChatRecError as error:  # the database is away for a moment: the next day will do
            log.error("what is too old was not erased: %s", error)
        await asyncio.sleep(erasure.DAY)


def _warm() -> None:
    """The first list of a process takes seconds: it is made here, for nobody."""
    built = engine()
    for name in built.catalogs:
        built.ask(name, "something good")


def init_hooks(manager: pluggy.PluginManager) -> None:
    """Called by rasa-sdk."""
    manager.register(sys.modules[__name__])
