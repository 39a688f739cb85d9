"""One address for several Rasa servers: ``python -m deploy.proxy PORT URL URL ...``.

Only /chat and /webhooks are passed on. A conversation stays with the server that it began with, since its streams are
in that one's memory, until that server can't be reached; then it moves to another, and stays there.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence

from aiohttp import ClientConnectionError, ClientSession, ClientTimeout, TCPConnector, web

HOST = "127.0.0.1"
MAX_BYTES = 26_000_000  # of a request: a recording or picture
REMEMBERED = 50_000  # conversations whose server is known; the longest silent begin anew
PATIENCE = ClientTimeout(total=None, sock_connect=1.0)
HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"})  # not passed on


class Homes:
    """Which server each conversation is with."""

    def __init__(self, servers: Sequence[str]) -> None:
        self._servers = servers
        self._known: OrderedDict[str, str] = OrderedDict()

    def order(self, conversation: str) -> list[str]:
        """All servers, the one to try first in front."""

        def weight(server: str) -> bytes:
            return hashlib.blake2b(f"{server} {conversation}".encode()).digest()

        home = self._known.get(conversation)
        return sorted(self._servers, key=lambda server: (server != home, weight(server)))

    def settle(self, conversation: str, server: str) -> None:
        self._known[conversation] = server
        self._known.move_to_end(conversation)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def application(servers: Sequence[str]) -> web.Application:
    homes = Homes(servers)

    async def session(app: web.Application) -> AsyncIterator[None]:
        connector = TCPConnector(limit=0)
        async with ClientSession(connector=connector, timeout=PATIENCE, auto_decompress=False) as app[SESSION]:
            yield

    async def forward(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        conversation = request.query.get("conversation") or _named(body) or request.remote or ""
        for server in homes.order(conversation):
            answer = web.StreamResponse()
            try:
                await _pass_on(request, body, server, answer)
            except ClientConnectionError:
                if answer.prepared:
                    raise  # it began to answer: the page comes again
                continue
            homes.settle(conversation, server)
            return answer
        return web.json_response({"error": "The bot is being restarted."}, status=503)

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    app = web.Application(client_max_size=MAX_BYTES)
    app.cleanup_ctx.append(session)
    app.router.add_get("/live", live)
    app.router.add_route("*", r"/{path:(chat|webhooks)(/.*)?}", forward)
    return app


SESSION = web.AppKey("session", ClientSession)


async def _pass_on(request: web.Request, body: bytes, server: str, answer: web.StreamResponse) -> None:
    """Raises: ClientConnectionError when the server is not there, or one of both ends goes."""
    headers = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP]
    asked = request.app[SESSION].request(
        request.method, server + request.raw_path, data=body, headers=headers, allow_redirects=False
    )
    async with asked as reply:
        answer.set_status(reply.status)
        answer.headers.extend((name, value) for name, value in reply.headers.items() if name.lower() not in HOP)
        await answer.prepare(request)
        async for chunk in reply.content.iter_any():
            await answer.write(chunk)
        await answer.write_eof()


def _named(body: bytes) -> str:
    """The conversation that a message is of, if it is one."""
    try:
        message = json.loads(body) if body[:1] == b"{" else {}
    except (ValueError, RecursionError):
        return ""
    return str(message.get("conversation") or "")


if __name__ == "__main__":
    web.run_app(application(sys.argv[2:]), host=HOST, port=int(sys.argv[1]), print=None, shutdown_timeout=1.0)
