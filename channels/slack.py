"""Slack: over a socket that the bot opens (Socket Mode), or at ``POST /webhooks/slack/events`` with signed requests.

The bot answers direct messages, mentions and the threads it takes part in; answers stay in the thread. ``/recommend``
and the Home tab are answered in the direct messages. Set-up: docs/slack.md.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientTimeout
from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, empty
from slack_bolt.adapter.sanic.async_handler import to_async_bolt_request, to_sanic_response
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from channels import render
from channels.attachments import allow
from channels.followups import EVERY, Due, stored, watch
from channels.incoming import Incoming
from channels.messages import Message, bot_message, file_name
from channels.pace import limits
from channels.queue import TooMany
from channels.sayings import Sayings
from channels.slack_events import (
    address,
    is_addressed,
    is_for_another,
    read_command,
    read_home,
    read_message,
    read_press,
)
from channels.turns import Latest, Say, Turns
from chatrec.errors import BadInput

log = logging.getLogger(__name__)

MAX_BYTES = 262_144  # of an event; a press brings the whole message along
DOWNLOAD = ClientTimeout(total=30.0)  # seconds that a file may take
LIMITED = 5  # times that one call waits as long as Slack asks for


class SlackOutput(OutputChannel):
    """Sends a response of Rasa to the channel and thread that a conversation's name holds."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    @classmethod
    def name(cls) -> str:
        return "slack"

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        said = bot_message(message)
        channel, thread = address(recipient_id)
        if await self._uploaded(said, channel, thread):
            return
        for form in render.slack(said) if said else []:
            await self._client.chat_postMessage(
                channel=channel, thread_ts=thread, unfurl_links=False, unfurl_media=False, **form
            )

    async def _uploaded(self, said: Message, channel: str, thread: str | None) -> bool:
        """Whether the message was a file and Slack took it. An app without the scope says it as text."""
        if not (name := file_name(said)):
            return False
        try:
            await self._client.files_upload_v2(filename=name, content=said["text"], channel=channel, thread_ts=thread)
        except (SlackApiError, SlackRequestError) as error:
            log.warning("slack: a file was not taken; has the app the scope files:write? (%s)", type(error).__name__)
            return False
        return True


class Slack(InputChannel):
    """``token``, the bot's (``xoxb-``); ``app_token`` (``xapp-``) for Socket Mode, ``signing_secret`` for HTTP;
    ``api``, another address of the Web API. ``turn_seconds`` to ``turns_a_minute``: see :class:`channels.turns.Turns`.
    ``due``, every ``look_seconds``: what to ask without being asked, see :mod:`channels.followups`.

    Raises :class:`BadInput` without ``app_token`` and ``signing_secret``.
    """

    def __init__(
        self,
        token: str,
        app_token: str = "",
        signing_secret: str = "",
        api: str = AsyncWebClient.BASE_URL,
        turn_seconds: float = 4.5,
        settle_seconds: float = 0.2,
        turns_a_minute: int = 30,
        due: Due | None = None,
        look_seconds: float = EVERY,
    ) -> None:
        if not app_token and not signing_secret:
            raise BadInput("Slack needs an app_token for Socket Mode, or a signing_secret for HTTP.")
        retries = [AsyncConnectionErrorRetryHandler(), AsyncRateLimitErrorRetryHandler(max_retry_count=LIMITED)]
        self._client = AsyncWebClient(token, base_url=api, retry_handlers=retries)
        self._app_token = app_token
        self._verifier = SignatureVerifier(signing_secret) if signing_secret else None
        self._limits = (turn_seconds, settle_seconds, turns_a_minute)
        self._follow_ups = (due, look_seconds)
        self._output = SlackOutput(self._client)
        self._forms = Latest()  # (channel, message) -> its blocks after the last press

    @classmethod
    def name(cls) -> str:
        return "slack"

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> Slack:
        return cls(**{**limits(), **(credentials or {})}, due=stored)

    def get_output_channel(self) -> OutputChannel:
        return self._output

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        self._turns = Turns(self.name(), on_new_message, self._answer, self._fetch, *self._limits)
        # The signature is checked in _receive: bolt reads a request before it checks, and logs the forged ones.
        self._bolt = AsyncApp(client=self._client, name="chatrec", request_verification_enabled=False)
        for event in ("app_mention", "message"):
            self._bolt.event(event)(self._on_message)
        self._bolt.event("app_home_opened")(self._on_home)
        self._bolt.command("/recommend")(self._on_command)
        self._bolt.action(re.compile(".*"))(self._on_press)
        hook = Blueprint("slack")
        watch(hook, self.name(), self._turns.take, *self._follow_ups)
        if self._verifier:

            @hook.post("/events")
            async def receive(request: Request) -> HTTPResponse:
                return await self._receive(request)

        @hook.listener("after_server_start")
        async def start(app: Sanic, loop: Any) -> None:
            self._app = app
            if self._app_token:
                self._socket = AsyncSocketModeHandler(self._bolt, self._app_token)
                self._connecting = loop.create_task(self._socket.connect_async())  # tries until it succeeds

        @hook.listener("before_server_stop")
        async def stop(app: Sanic, loop: Any) -> None:
            await self._turns.finish()
            if self._app_token:
                self._connecting.cancel()
                await self._socket.close_async()

        return hook

    # --- what comes in ------------------------------------------------------------------------------------------------

    async def _receive(self, request: Request) -> HTTPResponse:
        if len(request.body) > MAX_BYTES:
            return _refused(413, "that is too large")
        if not self._is_signed(request):
            return _refused(401, "whose signature is wrong or old")
        try:
            event = to_async_bolt_request(request)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            return _refused(400, "that is malformed")
        return to_sanic_response(await self._bolt.async_dispatch(event))

    def _is_signed(self, request: Request) -> bool:
        """Signed by Slack within the last five minutes."""
        try:
            return self._verifier.is_valid_request(request.body, dict(request.headers))
        except (ValueError, TypeError):  # a timestamp that is no number, bytes that are no text
            return False

    async def _on_message(self, event: dict[str, Any], context: AsyncBoltContext) -> None:
        team, me = str(context.team_id), str(context.bot_user_id)
        incoming = read_message(event, team, me)
        if incoming and (is_addressed(event, me) or await self._is_ours(event, incoming)):
            await self._take(incoming)

    async def _is_ours(self, event: dict[str, Any], incoming: Incoming) -> bool:
        """A reply in a thread in which the bot takes part, unless it is for somebody else."""
        in_thread = bool(event.get("thread_ts")) and not is_for_another(event)
        return in_thread and await self._turns.knows(self._app, incoming.conversation)

    async def _on_home(self, event: dict[str, Any], body: dict[str, Any], context: AsyncBoltContext) -> None:
        if event.get("tab") == "home":
            await self._take(read_home(event, str(context.team_id), body["event_id"]))

    async def _on_command(self, ack: AsyncAck, body: dict[str, str], context: AsyncBoltContext) -> None:
        says = Sayings(self._app, [body.get("text") or ""])
        await ack(text="" if body["channel_id"].startswith("D") else says("utter_answered_directly")["text"])
        await self._take(read_command(body, str(context.team_id), await self._direct(body["user_id"])))

    async def _on_press(self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        await ack()
        direct = "" if body.get("channel") else await self._direct(body["user"]["id"])
        incoming = read_press(body, str(context.team_id), direct)
        if incoming:
            await self._take(incoming)

    async def _direct(self, user: str) -> str:
        """The channel of somebody's direct messages with the bot."""
        opened = await self._client.conversations_open(users=user)
        return opened["channel"]["id"]

    async def _take(self, incoming: Incoming) -> None:
        try:
            await self._turns.take(self._app, incoming)
        except TooMany:
            says = Sayings(self._app, [incoming.text])
            await self._output.send_response(incoming.conversation, says("utter_too_many"))

    async def _fetch(self, file: Mapping[str, Any]) -> bytes:
        """A file of a message; the SDK has no download. The token goes to Slack only, whatever an event says."""
        if file.get("file_access") == "check_file_info":
            file = (await self._client.files_info(file=file["id"]))["file"]
        allow(file.get("size"))
        url = file["url_private_download"]
        here, there = urlsplit(self._client.base_url), urlsplit(url)
        if there.scheme != here.scheme or not f".{there.netloc}".endswith(f".{here.netloc}"):
            raise BadInput("that file does not lie at Slack: send it itself")
        headers = {"Authorization": f"Bearer {self._client.token}"}
        asking = {"allow_redirects": False, "proxy": self._client.proxy, "ssl": self._client.ssl}
        async with ClientSession(headers=headers, timeout=DOWNLOAD) as http, http.get(url, **asking) as reply:
            if reply.status != 200:
                log.warning("slack: a file was answered with %d; has the app the scope files:read?", reply.status)
                raise ConnectionError
            data = bytearray()
            async for part in reply.content.iter_any():
                data += part
                allow(len(data))
        return bytes(data)

    # --- what goes out ------------------------------------------------------------------------------------------------

    async def _answer(self, incoming: Incoming, say: Say) -> None:
        body = incoming.pressed or {}
        if "message" in body:
            await self._tick(body)
        messages = await say()
        channel, user = address(incoming.conversation)
        if channel == "home":
            await self._client.views_publish(user_id=user, view=render.slack_home(messages))
            return
        for message in messages:
            await self._output.send_response(incoming.conversation, message)
        if "view" in body:  # the press was on the Home tab, which shows what is known now
            _, team, who = incoming.user.split(":")
            await self._take(read_home({"user": who}, team, f"{incoming.message_id}-home"))

    async def _tick(self, body: dict[str, Any]) -> None:
        """Show under a card who pressed what. Presses may overtake the update before, so the last form counts."""
        action, message, channel = body["actions"][0], body["message"], body["channel"]["id"]
        key = (channel, message["ts"])
        before = self._forms.get(key, message["blocks"])
        after = render.slack_ticked(before, action["block_id"], action["action_id"], body["user"]["id"])
        self._forms[key] = after
        try:
            await self._client.chat_update(channel=channel, ts=message["ts"], text=message["text"], blocks=after)
        except SlackApiError as error:
            log.info("slack: a message could not be updated (%s)", error.response["error"])


def _refused(status: int, why: str) -> HTTPResponse:
    log.warning("slack: refused a request %s", why)
    return empty(status)
