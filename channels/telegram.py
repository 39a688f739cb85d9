"""Telegram: the bot asks for updates (polling) or gets them at ``POST /webhooks/telegram/webhook``.

With a public ``url`` and a ``secret`` it is the webhook, else polling, which needs no address. In groups the bot only
hears what is addressed to it. Set-up: docs/telegram.md.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, empty
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MaybeInaccessibleMessage,
    Update,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import InvalidToken, RetryAfter, TelegramError
from telegram.ext import Updater

from channels import render
from channels.attachments import allow
from channels.followups import EVERY, Due, stored, watch
from channels.incoming import Incoming
from channels.messages import bot_message, file_name
from channels.pace import limits
from channels.queue import TooMany
from channels.sayings import Sayings
from channels.telegram_updates import COMMANDS_SHOWN, File, address, keyboard_of, read_update
from channels.turns import Latest, Say, Turns
from chatrec.errors import BadInput

log = logging.getLogger(__name__)

MAX_BYTES = 65_536  # of an update
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")  # what Telegram takes
UPDATES = ("message", "callback_query")
LONGEST_WAIT = 60.0  # seconds between two attempts to reach Telegram, at most
FLOODS = 5  # times that one message waits as long as Telegram asks for
TYPING = 4.0  # seconds; Telegram shows the action for five

T = TypeVar("T")


class TelegramOutput(OutputChannel):
    """Sends a response of Rasa to the chat that a conversation's name holds."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    @classmethod
    def name(cls) -> str:
        return "telegram"

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        said = bot_message(message)
        chat, thread = address(recipient_id)
        if name := file_name(said):
            data = said["text"].encode()
            send = self._bot.send_document
            await patiently(lambda: send(chat, data, filename=name, message_thread_id=thread))
            return
        for bubble in render.telegram(said) if said else []:
            await patiently(
                lambda bubble=bubble: self._bot.send_message(
                    chat,
                    bubble.html,
                    parse_mode=ParseMode.HTML,
                    reply_markup=_markup(bubble.keyboard) if bubble.keyboard else None,
                    message_thread_id=thread,
                    link_preview_options=LinkPreviewOptions(is_disabled=True),
                )
            )


class Telegram(InputChannel):
    """``token`` from @BotFather; ``url``, the public https address of this server, and ``secret`` for the webhook;
    ``api``, another Bot API server. ``turn_seconds`` to ``turns_a_minute``: see :class:`channels.turns.Turns`.
    ``due``, every ``look_seconds``: what to ask without being asked, see :mod:`channels.followups`.

    Raises :class:`BadInput` when a webhook has no usable secret.
    """

    def __init__(
        self,
        token: str,
        url: str = "",
        secret: str = "",
        api: str = "https://api.telegram.org",
        turn_seconds: float = 4.5,
        settle_seconds: float = 0.1,
        turns_a_minute: int = 30,
        due: Due | None = None,
        look_seconds: float = EVERY,
    ) -> None:
        if url and not SECRET.fullmatch(secret):
            raise BadInput("The Telegram webhook needs a secret of 1 to 256 letters, digits, _ or -.")
        self._url, self._secret = url.rstrip("/"), secret
        self._limits = (turn_seconds, settle_seconds, turns_a_minute)
        self._follow_ups = (due, look_seconds)
        self._bot = Bot(token, base_url=f"{api.rstrip('/')}/bot", base_file_url=f"{api.rstrip('/')}/file/bot")
        self._output = TelegramOutput(self._bot)
        self._ready = False  # the bot knows its own name
        self._tasks: set[asyncio.Task] = set()
        self._acknowledged = Latest()  # ids of presses
        self._keyboards = Latest()  # (chat, message) -> the keyboard after the last press

    @classmethod
    def name(cls) -> str:
        return "telegram"

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> Telegram:
        return cls(**{**limits(), **(credentials or {})}, due=stored)

    def get_output_channel(self) -> OutputChannel:
        return self._output

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses, and Telegram's hold the token
        self._turns = Turns(self.name(), on_new_message, self._answer, self._fetch, *self._limits)
        hook = Blueprint("telegram")
        watch(hook, self.name(), self._turns.take, *self._follow_ups)
        if self._url:

            @hook.post("/webhook")
            async def receive(request: Request) -> HTTPResponse:
                return await self._receive(request)

        @hook.listener("after_server_start")
        async def start(app: Sanic, loop: Any) -> None:
            self._spawn(self._connect(app))

        @hook.listener("before_server_stop")
        async def stop(app: Sanic, loop: Any) -> None:
            await self._turns.finish()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._bot.shutdown()

        return hook

    # --- what comes in ------------------------------------------------------------------------------------------------

    async def _connect(self, app: Sanic) -> None:
        """Reach Telegram, however long it takes: the other channels work meanwhile."""
        wait = 1.0
        while True:
            try:
                await self._bot.initialize()
                self._ready = True
                with suppress(TelegramError):
                    await self._bot.set_my_commands(COMMANDS_SHOWN)
                return await (self._set_webhook() if self._url else self._poll(app))
            except InvalidToken:
                return log.error("telegram: the token was refused; ask @BotFather for the right one")
            except TelegramError as error:
                log.warning("telegram: not reached (%s); next attempt in %.0f s", type(error).__name__, wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _set_webhook(self) -> None:
        address = f"{self._url}/webhooks/telegram/webhook"
        await self._bot.set_webhook(address, secret_token=self._secret, allowed_updates=UPDATES)

    async def _poll(self, app: Sanic) -> None:
        async with Updater(self._bot, asyncio.Queue()) as updater:
            updates = await updater.start_polling(
                bootstrap_retries=-1, allowed_updates=UPDATES, error_callback=_unheard
            )
            try:
                while True:
                    await self._take_or_say(app, await updates.get())
            finally:
                await updater.stop()

    async def _take_or_say(self, app: Sanic, update: Update) -> None:
        """An update of polling, which can't be refused: too many are answered, and nothing stops the loop."""
        try:
            await self._take(app, update)
        except TooMany:
            says = Sayings(app, [(update.message and update.message.text) or ""])
            chat, said = update.effective_chat.id, says("utter_too_many")["text"]
            self._spawn(self._quietly(patiently(lambda: self._bot.send_message(chat, said))))
        except Exception as error:
            log.error("telegram: an update was not understood (%s)", type(error).__name__)

    async def _receive(self, request: Request) -> HTTPResponse:
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        if not hmac.compare_digest(given.encode(), self._secret.encode()):
            return _refused(403, "without the secret token")
        if len(request.body) > MAX_BYTES:
            return _refused(413, "that is too large")
        if not self._ready:
            return empty(503)  # Telegram delivers again
        try:
            update = Update.de_json(json.loads(request.body), self._bot)
            await self._take(request.app, update)
        except TooMany:
            return empty(429)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return _refused(400, "that is malformed")
        return empty(200)

    async def _take(self, app: Sanic, update: Update) -> None:
        incoming = read_update(update, self._bot.bot)
        query = update.callback_query
        if query and query.id not in self._acknowledged:
            self._acknowledged[query.id] = True
            text = incoming.text if incoming and incoming.button else None
            self._spawn(self._quietly(self._bot.answer_callback_query(query.id, text)))
        if incoming and await self._turns.take(app, incoming):
            self._spawn(self._typing(*address(incoming.conversation)))

    async def _fetch(self, file: File) -> bytes:
        allow(file.file_size)
        there = await patiently(lambda: self._bot.get_file(file))
        allow(there.file_size)
        return bytes(await there.download_as_bytearray())

    # --- what goes out ------------------------------------------------------------------------------------------------

    async def _answer(self, incoming: Incoming, say: Say) -> None:
        chat, thread = address(incoming.conversation)
        if incoming.pressed:
            await self._quietly(self._tick(*incoming.pressed))
        typing = self._spawn(self._type(chat, thread))
        try:
            messages = await say()
        finally:
            typing.cancel()
        for message in messages:
            await self._output.send_response(incoming.conversation, message)

    async def _tick(self, message: MaybeInaccessibleMessage, data: str) -> None:
        """Show on the keyboard what was pressed. Presses may overtake the edit before, so the last keyboard counts."""
        key = (message.chat.id, message.message_id)
        before = self._keyboards.get(key) or keyboard_of(message)
        after = render.ticked(before, data)
        if after and after != before:
            self._keyboards[key] = after
            await patiently(lambda: self._bot.edit_message_reply_markup(*key, reply_markup=_markup(after)))

    async def _type(self, chat: int, thread: int | None) -> None:
        """Still at it: that it was heard is shown as soon as a message is taken."""
        while True:
            await asyncio.sleep(TYPING)
            await self._typing(chat, thread)

    async def _typing(self, chat: int, thread: int | None) -> None:
        await self._quietly(self._bot.send_chat_action(chat, ChatAction.TYPING, message_thread_id=thread))

    async def _quietly(self, call: Awaitable[Any]) -> None:
        """What may fail without a loss: a press that is too old, a message that was deleted."""
        try:
            await call
        except TelegramError as error:
            log.info("telegram: a call failed (%s)", type(error).__name__)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call, and once more after as long as Telegram asks to wait."""
    for _ in range(FLOODS):
        try:
            return await call()
        except RetryAfter as flood:
            seconds = flood.retry_after
        await asyncio.sleep(seconds if isinstance(seconds, (int, float)) else seconds.total_seconds())
    return await call()


def _refused(status: int, why: str) -> HTTPResponse:
    log.warning("telegram: refused a delivery %s", why)
    return empty(status)


def _unheard(error: TelegramError) -> None:
    log.warning("telegram: no updates at the moment (%s)", type(error).__name__)


def _markup(keyboard: render.Keyboard) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label, callback_data=d) for label, d in row] for row in keyboard]
    )
