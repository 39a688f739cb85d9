"""A web API on a loopback port, for channels to talk to: takes calls, keeps them, answers by a function."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Fields = dict[str, Any]
Respond = Callable[[str, Fields], tuple[int, Any]]  # method and fields -> status and JSON, or bytes of a file
WORDS = ("text", "body", "document")  # fields that are what they are, whatever they look like


@dataclass
class Api:
    """``calls``: method and fields of each, in order."""

    respond: Respond
    calls: list[tuple[str, Fields]] = field(default_factory=list)
    address: str = ""
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    received: list[Any] = field(default_factory=list)  # over sockets
    tokens: list[str] = field(default_factory=list)  # that came with downloads

    def of(self, method: str) -> list[Fields]:
        return [fields for called, fields in list(self.calls) if called == method]

    def wait(self, method: str, count: int = 1, seconds: float = 10) -> list[Fields]:
        """The calls of a method, once there are so many."""
        until(lambda: len(self.of(method)) >= count, f"{count} calls of {method}, only {self.calls}", seconds)
        return self.of(method)

    def push(self, data: Any) -> None:
        """Send something to everybody who opened a socket."""
        for sock in self.sockets:
            asyncio.run_coroutine_threadsafe(sock.send_json(data), self.loop).result(5)

    async def _called(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/socket":
            return await self._socket(request)
        method = request.path.rpartition("/")[2]
        fields = await _fields(request)
        fields = {
            name: value if name in WORDS else _decoded(value) for name, value in {**request.query, **fields}.items()
        }
        self.calls.append((method, fields))
        status, body = self.respond(method, fields)
        if isinstance(body, bytes):
            self.tokens.append(request.headers.get("Authorization", ""))
            return web.Response(body=body, status=status)
        headers = {"Retry-After": "1"} if status == 429 else {}
        return web.json_response(body, status=status, headers=headers)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        sock = web.WebSocketResponse()
        await sock.prepare(request)
        self.sockets.append(sock)
        await sock.send_json({"type": "hello"})
        async for message in sock:
            self.received.append(json.loads(message.data))
        return sock


@contextmanager
def answering(respond: Respond) -> Iterator[Api]:
    """The API in a thread of its own."""
    api = Api(respond)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api._called)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    sock = socket.create_server(("127.0.0.1", 0))
    api.address = f"http://127.0.0.1:{sock.getsockname()[1]}"
    thread = threading.Thread(target=api.loop.run_forever, daemon=True)
    thread.start()

    async def start() -> None:
        await runner.setup()
        await web.SockSite(runner, sock).start()

    asyncio.run_coroutine_threadsafe(start(), api.loop).result(10)
    try:
        yield api
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), api.loop).result(10)
        api.loop.call_soon_threadsafe(api.loop.stop)
        thread.join(10)


async def _fields(request: web.Request) -> Fields:
    if request.content_type == "application/octet-stream" and request.can_read_body:
        return {"body": await request.text()}
    fields = await request.json() if request.content_type == "application/json" else dict(await request.post())
    return {name: f.file.read().decode() if isinstance(f, web.FileField) else f for name, f in fields.items()}


def until(condition: Callable[[], Any], what: str, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.02)


def _decoded(value: Any) -> Any:
    """Form fields that hold JSON."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    return value
