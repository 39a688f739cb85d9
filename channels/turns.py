"""The conversations of a platform: each delivery once, answers in order, never silence."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from rasa.core.channels.channel import OutputChannel, UserMessage
from sanic import Sanic

from channels import history, watched
from channels.attachments import Attachments
from channels.conversation import Conversations
from channels.incoming import Incoming, read_text
from channels.messages import Message, bot_message
from channels.pace import AT_ONCE, Pace
from channels.queue import Queue, TooMany
from channels.sayings import Sayings
from chatrec.errors import BadInput

log = logging.getLogger(__name__)

LATEST = 500  # messages whose latest form is kept
FILE_SECONDS = 45.0  # that a recording or picture may take

Say = Callable[[], Awaitable[list[Message]]]  # runs the turn in Rasa; gives what there is to say, or an apology
Answer = Callable[[Incoming, Say], Awaitable[None]]
Fetch = Callable[[Any], Awaitable[bytes]]


class Collected(OutputChannel):
    """Keeps what the bot says in a turn. ``name`` is the platform's, so that its own responses are found."""

    def __init__(self, name: str) -> None:
        self.messages: list[Message] = []
        self._name = name

    def name(self) -> str:
        return self._name

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        if said := bot_message(message):
            self.messages.append(said)


class Latest(OrderedDict):
    """The newest entries by key; the oldest are dropped."""

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > LATEST:
            self.popitem(last=False)


class Turns:
    """Hands what people of one platform say to Rasa, and what Rasa says to ``answer``, which sends it.

    ``fetch`` downloads a file by the handle in :class:`Incoming`, and raises :class:`BadInput` for one that is refused.
    ``turn_seconds``: how long a reply may take before the user gets an apology. ``settle_seconds``: how long a message
    that comes alone waits for one that was sent before it. ``turns_a_minute``: what one user may say.
    """

    def __init__(
        self,
        channel: str,
        on_new_message: Callable[[UserMessage], Awaitable[Any]],
        answer: Answer,
        fetch: Fetch,
        turn_seconds: float,
        settle_seconds: float,
        turns_a_minute: int,
    ) -> None:
        self.channel = channel
        self._on_new_message = on_new_message
        self._answer = answer
        self._fetch = fetch
        self._attachments = Attachments()
        self._turn_seconds = turn_seconds
        self._settle_seconds = settle_seconds
        self._pace = Pace(turns_a_minute)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._open: Conversations[Queue] = Conversations()

    async def take(self, app: Sanic, incoming: Incoming) -> bool:
        """Let a message wait for its answer; False when it was taken before, also before a restart.

        Raises :class:`channels.queue.TooMany`.
        """
        queue = self._open.get(incoming.conversation)
        if queue is None:
            past = await history.events(app, incoming.conversation)
            turn = partial(self._turn, Sayings(app, history.heard(past)))
            queue = Queue(turn, history.handled(past), self._settle_seconds)
            queue = self._open.add(incoming.conversation, queue)
        return queue.take(incoming)

    async def knows(self, app: Sanic, conversation: str) -> bool:
        """Whether the bot takes part in a conversation."""
        return self._open.get(conversation) is not None or bool(await history.events(app, conversation))

    async def finish(self) -> None:
        """Wait until every turn that was begun is over, at most as long as one may take."""
        await self._open.finish(self._turn_seconds)

    async def _turn(self, says: Sayings, incoming: Incoming) -> bool:
        try:
            await self._answer(incoming, lambda: self._said(says, incoming))
        except Exception as error:  # the platform refused; its words may hold the user's
            log.error("%s: an answer could not be sent (%s)", self.channel, type(error).__name__)
        return True

    async def _said(self, says: Sayings, incoming: Incoming) -> list[Message]:
        if incoming.typed:
            says.hear(incoming.text)
        with watched.turn(self.channel) as turn:
            spoke = bool(incoming.text or incoming.file is not None)  # the bot itself may begin a turn
            verdict = self._pace.verdict(incoming.user) if spoke else "go"
            if verdict != "go":
                turn.outcome = "limited"
                return [says("utter_slow_down")] if verdict == "pause" else []
            said = await self._heard(says, incoming)
            turn.outcome = "apology" if history.apology(says, incoming.message_id) in said else "answered"
            return said

    async def _heard(self, says: Sayings, incoming: Incoming) -> list[Message]:
        said = [says(incoming.notice)] if incoming.notice else []
        if incoming.file is not None:
            about, words = await self._understood(says, incoming)
            said, incoming = [*said, about], replace(incoming, text=words)
        if not incoming.text and not incoming.button:
            return said
        collected = Collected(self.channel)
        try:
            await asyncio.wait_for(self._handled(incoming, collected), self._turn_seconds)
        except Exception:
            log.exception("a message of %s was not answered", self.channel)
        return said + (collected.messages or ([history.apology(says, incoming.message_id)] if incoming.text else []))

    async def _handled(self, incoming: Incoming, collected: Collected) -> None:
        async with self._room:
            await self._on_new_message(incoming.to_rasa(collected, self.channel))

    async def _understood(self, says: Sayings, incoming: Incoming) -> tuple[Message, str]:
        """What the bot says about a file, and what the user says with it; the caption counts when the file doesn't."""
        try:
            data = await self._fetch(incoming.file)
            found = await asyncio.wait_for(self._attachments.read(data, says, incoming.text), FILE_SECONDS)
            if isinstance(found, str):
                return says("utter_heard", said=found), read_text(found)
            return found, "" if "buttons" in found else incoming.text
        except (BadInput, TooMany) as error:
            return says("utter_file_refused", reason=str(error)), incoming.text
        except Exception as error:  # its words may hold addresses with secrets
            log.error("%s: a file could not be read (%s)", self.channel, type(error).__name__)
            return says("utter_file_lost"), incoming.text
