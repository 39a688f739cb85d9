"""The web chat: one page, a POST for what the user says, a stream of events for what the bot says.

====================================================  ================================================================
``GET  /chat``                                        the page; its files under ``/chat/page/``
``POST /chat/messages``                               ``{conversation, message_id, text}`` or ``{conversation,
                                                      message_id, button: {kind, item_id, impression_id}}``; 202
``POST /chat/media?conversation=..``                  a recording or picture as it is; ``{say}``: its text,
                                                      or ``{ask}``: what the bot asks, ``{text, buttons}``;
                                                      refused, ``{error, ask}``: why, and how the bot says so
``GET  /chat/stream?conversation=..&after=N``         server-sent events: ``message``, ``typing``, ``done``, ``reset``
``GET  /chat/history?conversation=..``                ``{messages, after}``: the conversation so far, and where the
                                                      stream goes on
``GET  /chat/health``                                 200 as soon as the bot answers, 503 before
====================================================  ================================================================

A message is posted until it is acknowledged, and answered once however often it comes. The position in the stream that
the answer to a POST gives is the one after which the reply comes. Whoever knows a conversation's id may read it and
speak in it, so pages make ids of 128 random bits. A ``user`` of the same form may come along: who has it is remembered
from one conversation to the next; without it, the conversation is the user. Of the
conversation a file only needs the language that is spoken in it: what was made of a file is said by the page like
anything typed, and nothing of it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, file, json

from channels import history
from channels.attachments import Attachments, allow
from channels.conversation import Conversation, Conversations
from channels.followups import EVERY, Due, stored, watch
from channels.incoming import Incoming, read_conversation, read_message, read_text
from channels.messages import bot_message, forgets
from channels.pace import AT_ONCE, Pace, limits
from channels.queue import TooMany
from channels.sayings import Sayings
from chatrec.errors import BadInput, ModelMissing
from chatrec.media import MAX_BYTES as MAX_FILE

PAGE = Path(__file__).with_name("page")
MAX_BYTES = 16_384  # of a posted message
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

OpenConversation = Callable[[Sanic, str], Awaitable[Conversation]]


class WebChatOutput(OutputChannel):
    """Puts what the bot says into the outbox of the conversation it is for."""

    def __init__(self, conversations: Conversations[Conversation]) -> None:
        self._conversations = conversations

    @classmethod
    def name(cls) -> str:
        return "webchat"

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """One response of Rasa is one message of the page, its text, buttons and data together."""
        conversation = self._conversations.get(recipient_id)
        said = bot_message(message)
        if conversation and said:
            if forgets(said):
                conversation.outbox.clear()
            conversation.outbox.push("message", said)


class WebChat(InputChannel):
    """Serves the page and its conversations from Rasa's own server.

    ``turn_seconds``: how long a reply may take before the user gets an apology. ``heartbeat_seconds``: how often a
    silent stream shows that it is alive; below the server's response timeout. ``due``, every ``look_seconds``: what to
    ask without being asked, see :mod:`channels.followups`; pages that are away find it when they come back.
    ``turns_a_minute``: what one user may say.
    """

    def __init__(
        self,
        turn_seconds: float = 4.5,
        heartbeat_seconds: float = 15.0,
        due: Due | None = None,
        look_seconds: float = EVERY,
        turns_a_minute: int = 30,
    ) -> None:
        self._turn_seconds = turn_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._follow_ups = (due, look_seconds)
        self._pace = Pace(turns_a_minute)
        self._stopping = False
        self._conversations: Conversations[Conversation] = Conversations()
        self._output = WebChatOutput(self._conversations)

    @classmethod
    def name(cls) -> str:
        return "webchat"

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> WebChat:
        return cls(**{**limits(), **(credentials or {})}, due=stored)

    def url_prefix(self) -> str:
        """Absolute, so that the page is at /chat and not under /webhooks/."""
        return "/chat"

    def get_output_channel(self) -> OutputChannel:
        return self._output

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        room = asyncio.Semaphore(AT_ONCE)

        async def handle(incoming: Incoming) -> None:
            async with room:
                await on_new_message(incoming.to_rasa(self._output, self.name()))

        async def open_conversation(app: Sanic, name: str) -> Conversation:
            """The conversation, brought back from the tracker when it isn't in memory."""
            known = self._conversations.get(name)
            if known:
                return known
            past = await history.events(app, name)
            says, handled = Sayings(app, history.heard(past)), history.handled(past)
            conversation = Conversation(handle, says, self._turn_seconds, self._pace, handled)
            return self._conversations.add(name, conversation)

        async def take(app: Sanic, incoming: Incoming) -> None:
            (await open_conversation(app, incoming.conversation)).accept(incoming)

        chat = Blueprint("webchat")
        watch(chat, self.name(), take, *self._follow_ups)
        _serve_page(chat)
        _serve_messages(chat, open_conversation, lambda: self._stopping)
        _serve_media(chat, Attachments(), open_conversation)
        _serve_stream(chat, open_conversation, self._heartbeat_seconds)

        @chat.listener("before_server_stop")
        async def close(app: Sanic, loop: Any) -> None:
            self._stopping = True
            await self._conversations.finish(self._turn_seconds)
            for conversation in self._conversations:
                conversation.outbox.close()

        return chat


def _serve_page(chat: Blueprint) -> None:
    chat.static("/page", PAGE)

    @chat.get("/")
    async def index(request: Request) -> HTTPResponse:
        return await file(PAGE / "index.html", mime_type="text/html; charset=utf-8")

    @chat.get("/health")
    async def health(request: Request) -> HTTPResponse:
        ready = request.app.ctx.agent.is_ready()
        return json({"status": "ok" if ready else "starting"}, 200 if ready else 503)

    @chat.middleware("response")
    async def protect(request: Request, response: HTTPResponse) -> None:
        response.headers.setdefault("Cache-Control", "no-cache")
        response.headers.update(HEADERS)

    @chat.exception(BadInput)
    async def refuse(request: Request, error: BadInput) -> HTTPResponse:
        return json({"error": str(error)}, 400)

    @chat.exception(TooMany)
    async def put_off(request: Request, error: TooMany) -> HTTPResponse:
        return json({"error": str(error)}, 429)


def _serve_messages(chat: Blueprint, open_conversation: OpenConversation, stopping: Callable[[], bool]) -> None:
    @chat.post("/messages")
    async def receive(request: Request) -> HTTPResponse:
        if stopping():
            return json({"error": "The bot is being restarted."}, 503)  # the page says it again to the next one
        if len(request.body) > MAX_BYTES:
            return json({"error": f"A message may have at most {MAX_BYTES} bytes."}, 413)
        incoming = read_message(request.body)
        conversation = await open_conversation(request.app, incoming.conversation)
        after = conversation.accept(incoming)
        return json({"after": after, "done": incoming.message_id in conversation.done}, 202)

    @chat.get("/history")
    async def past(request: Request) -> HTTPResponse:
        name = read_conversation(request.args.get("conversation"))
        conversation = await open_conversation(request.app, name)
        # The position first: a turn that ends while the tracker is read comes by the stream, and not twice.
        after, done = conversation.settled, conversation.done
        events = await history.events(request.app, name)
        said = history.messages(events, conversation.accepted - done, Sayings(request.app))
        return json({"messages": said, "after": after})


def _serve_media(chat: Blueprint, attachments: Attachments, open_conversation: OpenConversation) -> None:
    @chat.post("/media", stream=True)
    async def attach(request: Request) -> HTTPResponse:
        name, body = request.args.get("conversation"), bytearray()
        says = (await open_conversation(request.app, read_conversation(name))).says if name else Sayings(request.app)
        try:
            while (chunk := await request.stream.read()) is not None:
                body += chunk
                allow(len(body))
            found = await attachments.read(bytes(body), says)
        except (BadInput, TooMany) as error:
            status = 413 if len(body) > MAX_FILE else 429 if isinstance(error, TooMany) else 400
            return json({"error": str(error), "ask": says("utter_file_refused", reason=str(error))}, status)
        except ModelMissing as error:
            return json({"error": str(error), "ask": says("utter_file_lost")}, 503)
        return json({"say": read_text(found)} if isinstance(found, str) else {"ask": found})


def _serve_stream(chat: Blueprint, open_conversation: OpenConversation, heartbeat_seconds: float) -> None:
    @chat.get("/stream")
    async def stream(request: Request) -> None:
        conversation = await open_conversation(request.app, read_conversation(request.args.get("conversation")))
        after = _position(request, conversation.outbox.last)
        response = await request.respond(
            content_type="text/event-stream; charset=utf-8",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        async with aclosing(conversation.outbox.follow(after, heartbeat_seconds)) as chunks:
            async for chunk in chunks:
                await response.send(chunk)
        await response.eof()


def _position(request: Request, default: int) -> int:
    """Where the page stopped reading; what it was last sent counts more than where it began."""
    position = request.headers.get("last-event-id") or request.args.get("after") or default
    try:
        return int(position)
    except ValueError:
        raise BadInput("after must be a number.") from None
