"""A bot without understanding behind the real channel: a real Sanic server, a real tracker store, scripted answers."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rasa.core.channels.channel import InputChannel, UserMessage, register
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import BotUttered, UserUttered
from sanic import Sanic

from channels.webchat import WebChat
from chatrec.settings import ROOT

Answer = Callable[[UserMessage], Awaitable[list[dict[str, Any]]]]


@lru_cache(maxsize=1)
def domain() -> Domain:
    return Domain.load(str(ROOT / "domain.yml"))


class Words:
    """Equal to every variation that domain.yml has of a response's text, its ``values`` filled in."""

    def __init__(self, response: str, **values: str) -> None:
        texts = [variation["text"] for variation in domain().responses[response]]
        for name, value in values.items():
            texts = [text.replace(f"{{{name}}}", value) for text in texts]
        self.texts = texts

    def __eq__(self, text: object) -> bool:
        return text in self.texts

    def __repr__(self) -> str:
        return f"one of {self.texts}"


async def parrot(message: UserMessage) -> list[dict[str, Any]]:
    return [{"text": f"You said: {message.text}"}]


@dataclass
class FakeBot:
    """Takes Rasa's place: hears messages, answers by script, saves the tracker at the end of the turn as Rasa does."""

    answer: Answer = parrot
    heard: list[UserMessage] = field(default_factory=list)
    ready: bool = True
    tracker_store: InMemoryTrackerStore = field(default_factory=lambda: InMemoryTrackerStore(Domain.empty()))

    @property
    def domain(self) -> Domain:
        return domain()

    def is_ready(self) -> bool:
        return self.ready

    async def parse_message(self, text: str) -> dict[str, Any]:
        return {"text": text, "intent": {"name": "any"}, "entities": []}

    async def handle_message(self, message: UserMessage) -> None:
        self.heard.append(message)
        tracker = await self.tracker_store.get_or_create_tracker(message.sender_id)
        parsed = message.parse_data or {"intent": {"name": "any"}, "entities": []}
        tracker.update(UserUttered(message.text, parsed["intent"], parsed["entities"], message_id=message.message_id))
        for response in await self.answer(message):
            said = BotUttered(response.get("text"), {k: v for k, v in response.items() if k != "text"})
            tracker.update(said)
            await message.output_channel.send_response(message.sender_id, said.message())
        await self.tracker_store.save(tracker)


@contextmanager
def serving(bot: FakeBot, port: int = 0, **options: float) -> Iterator[str]:
    """The web chat on a loopback port; gives the address of the chat."""
    with listening(bot, WebChat(**options), port) as address:
        yield f"{address}/chat"


@contextmanager
def listening(bot: FakeBot, channel: InputChannel, port: int = 0) -> Iterator[str]:
    """A channel on a loopback port, registered as Rasa does it; gives the address of the server."""
    Sanic.test_mode = True  # lets one process start several apps
    app = Sanic(f"fake_{secrets.token_hex(8)}", configure_logging=False)
    app.ctx.agent = bot
    register([channel], app, route="/webhooks/")
    sock = socket.create_server(("127.0.0.1", port))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(_start(app, sock), loop).result(10)
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _start(app: Sanic, sock: socket.socket) -> Any:
    server = await app.create_server(sock=sock, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.before_start()
    await server.after_start()
    return server


async def _stop(server: Any) -> None:
    """Stop as Sanic does on Ctrl-C: what is open may end by itself, the rest is cut off."""
    await server.before_stop()
    await server.close()
    for _ in range(50):
        for connection in list(server.connections):
            connection.close_if_idle()
        if not server.connections:
            return
        await asyncio.sleep(0.02)
    for connection in list(server.connections):
        connection.abort()
