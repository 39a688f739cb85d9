"""What the action server does beside actions: it loads the engine before it answers, keeps it fresh, tells how it is,
and erases once a day what is too old.

rasa-sdk imports a package of exactly this name and calls ``init_hooks``. ``/live``, ``/ready`` and ``/metrics`` are as
in :mod:`channels.service`; ready is 503 while the store is down, though turns then go on without memory.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress

import pluggy
from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, json, raw

from chatrec import erasure, logs, metrics, promotion, tracing
from chatrec.bootstrap import live
from chatrec.errors import ChatRecError, StoreDown
from chatrec.settings import Settings

log = logging.getLogger(__name__)
hookimpl = pluggy.HookimplMarker("rasa_sdk")

EVERY = 1.0  # seconds between two looks for another model and for what waits in the spool


@hookimpl
def attach_sanic_app_extensions(app: Sanic) -> None:
    """Build the engine at start-up; every address answers once it is there."""

    @app.before_server_start
    async def load(app: Sanic, _loop: asyncio.AbstractEventLoop) -> None:
        settings = Settings.read()
        logs.install("actions", settings.log_text)
        tracing.start("actions", settings.otlp)
        await asyncio.to_thread(_warm)

    @app.after_server_start
    async def begin(app: Sanic, loop: asyncio.AbstractEventLoop) -> None:
        app.ctx.tasks = [loop.create_task(_keep_fresh()), loop.create_task(_tidy())]

    @app.before_server_stop
    async def end(app: Sanic, _loop: asyncio.AbstractEventLoop) -> None:
        for task in app.ctx.tasks:
            task.cancel()

    app.add_route(_live, "/live")
    app.add_route(_ready, "/ready")
    app.add_route(_figures, "/metrics")


async def _live(_: Request) -> HTTPResponse:
    return json({"status": "ok"})


async def _ready(_: Request) -> HTTPResponse:
    down = await asyncio.to_thread(_store_down)
    trouble = await asyncio.to_thread(live().trouble)
    serves = promotion.serving(live().engine.settings.models) or "the bare language model"
    model = f"not {serves}, since {trouble}" if trouble else serves
    status = "not ready" if down else "degraded" if trouble else "ok"
    return json({"status": status, "model": model, "store": down or "ok"}, 503 if down else 200)


async def _figures(_: Request) -> HTTPResponse:
    return raw(metrics.text(), content_type=metrics.CONTENT_TYPE)


def _store_down() -> str:
    try:
        live().engine.store.health()
    except StoreDown as error:
        return str(error)
    return ""


async def _keep_fresh() -> None:
    while True:
        await asyncio.sleep(EVERY)
        try:
            await asyncio.to_thread(_look)
        except Exception:  # whatever it is, the next look may find it well
            log.exception("the engine could not be kept fresh")


async def _tidy() -> None:
    while True:
        try:
            await asyncio.to_thread(lambda: erasure.expire(live().engine.store, live().engine.settings))
        except ChatRecError as error:  # the database is away for a moment: the next day will do
            log.error("what is too old was not erased: %s", error)
        await asyncio.sleep(erasure.DAY)


def _look() -> None:
    live().refresh()
    with suppress(StoreDown):
        live().engine.store.catch_up()


def _warm() -> None:
    """What loads at first use is used here, by nobody."""
    built = live().engine
    for name in built.catalogs:
        with suppress(StoreDown):
            built.ask(name, "something good")


def init_hooks(manager: pluggy.PluginManager) -> None:
    """Called by rasa-sdk."""
    manager.register(sys.modules[__name__])
