"""The proxy before several Rasa servers: conversations stay where they are, and move when they have to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from deploy.proxy import application


@asynccontextmanager
async def upstream(name: str, port: int = 0):
    """A server that says who it is, and streams."""

    async def named(request: web.Request) -> web.Response:
        return web.json_response({"name": name, "body": await request.text(), "path": request.path_qs})

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"first\n\n")
        await asyncio.sleep(30)
        return response

    app = web.Application()
    app.router.add_get("/chat/stream", stream)
    app.router.add_route("*", "/{path:.*}", named)
    async with TestServer(app, port=port) as server:
        yield server


@asynccontextmanager
async def proxied(*servers: TestServer):
    async with TestClient(TestServer(application([f"http://127.0.0.1:{server.port}" for server in servers]))) as client:
        yield client


async def who(client: TestClient, conversation: str) -> str:
    reply = await client.post("/chat/messages", json={"conversation": conversation, "text": "hello"})
    return (await reply.json())["name"]


async def test_both_servers_have_conversations_and_each_stays_where_it_is():
    async with upstream("a") as a, upstream("b") as b, proxied(a, b) as client:
        first = {f"talk-{n}": await who(client, f"talk-{n}") for n in range(20)}
        assert set(first.values()) == {"a", "b"}
        assert {talk: await who(client, talk) for talk in first} == first
        reply = await client.get("/chat/history", params={"conversation": "talk-3"})
        assert (await reply.json())["name"] == first["talk-3"]


async def test_a_conversation_whose_server_is_gone_moves_and_does_not_come_back():
    async with upstream("b") as b, upstream("a") as a, proxied(a, b) as client:
        [talk, *_] = [f"talk-{n}" for n in range(50) if await who(client, f"talk-{n}") == "a"]
        port = a.port
        await a.close()
        assert await who(client, talk) == "b"
        async with upstream("a", port):
            assert await who(client, talk) == "b", "its streams are there now"


async def test_without_any_server_the_answer_is_503():
    async with upstream("a") as a, proxied(a) as client:
        await a.close()
        reply = await client.post("/chat/messages", json={"conversation": "talk", "text": "hello"})
        assert reply.status == 503


async def test_a_stream_comes_as_it_is_sent():
    async with upstream("a") as a, proxied(a) as client:
        reply = await client.get("/chat/stream", params={"conversation": "talk", "after": "1"})
        assert await asyncio.wait_for(reply.content.readline(), 5) == b"first\n"
        assert reply.headers["Content-Type"] == "text/event-stream"


@pytest.mark.parametrize(
    "path", ["/", "/model", "/conversations/me/tracker", "/metrics", "/chat/../metrics", "/chatter"]
)
async def test_nothing_but_the_chat_and_the_webhooks_is_passed_on(path):
    async with upstream("a") as a, proxied(a) as client, ClientSession() as session:
        reply = await session.get(f"{client.make_url('/')}{path[1:]}")
        assert reply.status == 404


async def test_a_body_of_any_kind_goes_through_unchanged():
    async with upstream("a") as a, proxied(a) as client:
        for body in ("{not json", '{"conversation": 7}', "[1]", ""):
            reply = await client.post("/webhooks/slack/events?x=1", data=body)
            assert await reply.json() == {"name": "a", "body": body, "path": "/webhooks/slack/events?x=1"}
