"""Loads the engine before the action server answers, so that nobody's first message waits for it.

rasa-sdk imports a package of exactly this name and calls ``init_hooks``.
"""

from __future__ import annotations

import asyncio
import sys

import pluggy
from sanic import Sanic

from chatrec.bootstrap import engine

hookimpl = pluggy.HookimplMarker("rasa_sdk")


@hookimpl
def attach_sanic_app_extensions(app: Sanic) -> None:
    """Build the engine at start-up; ``/health`` answers once it is there."""

    @app.before_server_start
    async def load(_app: Sanic, _loop: asyncio.AbstractEventLoop) -> None:
        await asyncio.to_thread(_warm)


def _warm() -> None:
    """The first list of a process takes seconds: it is made here, for nobody."""
    built = engine()
    for name in built.catalogs:
        built.ask(name, "something good")


def init_hooks(manager: pluggy.PluginManager) -> None:
    """Called by rasa-sdk."""
    manager.register(sys.modules[__name__])
