"""What operators ask Rasa's server, beside the channels: no platform, but Rasa's way to add addresses.

=================  ===================================================================================================
``GET /live``      200: the process answers
``GET /ready``     200 when the dialogue model is loaded and the tracker store can be read, else 503; says what is amiss
``GET /metrics``   counts and times, as Prometheus reads them
=================  ===================================================================================================

Logs become lines of JSON and traces begin when the server starts. The action server answers at the same addresses
(``rasa_sdk_plugins``). Keep them from the public: a proxy should pass /chat and /webhooks only.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any

from rasa.core.channels.channel import InputChannel, UserMessage
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import FailSafeTrackerStore, TrackerStore
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, json, raw

from chatrec import logs, metrics, tracing
from chatrec.settings import Settings

PATIENCE = 2.0  # seconds that the tracker store has


class Service(InputChannel):
    """Nobody talks here."""

    @classmethod
    def name(cls) -> str:
        return "service"

    def url_prefix(self) -> str:
        """Absolute, so that the addresses are at the root."""
        return "/"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        service = Blueprint("service")

        @service.listener("before_server_start")
        async def start(app: Sanic, loop: Any) -> None:
            settings = Settings.read()
            logs.install("rasa", settings.log_text)
            tracing.start("rasa", settings.otlp)
            watch_understanding()

        @service.get("live")
        async def live(request: Request) -> HTTPResponse:
            return json({"status": "ok"})

        @service.get("ready")
        async def ready(request: Request) -> HTTPResponse:
            agent = request.app.ctx.agent
            amiss = {} if agent and agent.is_ready() else {"model": "the dialogue model is not loaded"}
            if not amiss and not await _readable(agent.tracker_store):
                amiss = {"tracker store": "can't be read"}
            return json({"status": "not ready" if amiss else "ok", **amiss}, 503 if amiss else 200)

        @service.get("metrics")
        async def figures(request: Request) -> HTTPResponse:
            return raw(metrics.text(), content_type=metrics.CONTENT_TYPE)

        return service


async def _readable(store: TrackerStore) -> bool:
    """Asks the store itself, since what Rasa wraps around it hides failures."""
    asked = store._tracker_store if isinstance(store, FailSafeTrackerStore) else store
    try:
        await asyncio.wait_for(asked.retrieve("nobody"), PATIENCE)
    except Exception:
        metrics.ERRORS.labels("tracker store").inc()
        return False
    return True


def watch_understanding() -> None:
    """Time and trace how Rasa understands a message. A second call changes nothing."""
    stock = MessageProcessor.parse_message
    if hasattr(stock, "__wrapped__"):
        return

    @functools.wraps(stock)
    async def parse_message(self: MessageProcessor, *args: Any, **kwargs: Any) -> dict[str, Any]:
        began = time.monotonic()
        with tracing.span("understand") as span:
            parsed = await stock(self, *args, **kwargs)
            intent = (parsed.get("intent") or {}).get("name") or ""
            span.set_attribute("intent", intent)
        metrics.NLU.observe(time.monotonic() - began)
        if intent == "nlu_fallback":
            metrics.FALLBACKS.labels("not_understood").inc()
        return parsed

    MessageProcessor.parse_message = parse_message
