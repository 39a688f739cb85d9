"""A new platform is one file: what it hears becomes Incoming, and what it shows comes from render."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fake_api import until
from fake_bot import FakeBot, Words, listening
from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, empty

from channels import render
from channels.incoming import WORDS, Incoming, read_text
from channels.turns import Say, Turns

ITEM = {"rank": 1, "item_id": "tt1", "title": "Alien", "year": "1979", "reason": "It is."}
LIST = {"kind": "list", "impression_id": "0123456789abcdef", "items": [ITEM]}


class Pager(InputChannel):
    """Shows plain lines. Takes ``{id, who, text}`` or ``{id, who, press}``."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    @classmethod
    def name(cls) -> str:
        return "pager"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        turns = Turns(self.name(), on_new_message, self._answer, self._fetch, 4.5, 0.0, 30)
        hook = Blueprint("pager")

        @hook.post("/said")
        async def said(request: Request) -> HTTPResponse:
            sent, who = request.json, f"pager:{request.json['who']}"
            button = render.unpack(sent["press"]) if "press" in sent else None
            text = WORDS[button.kind] if button else read_text(sent["text"])
            await turns.take(request.app, Incoming(who, who, sent["id"], text, button))
            return empty()

        return hook

    async def _fetch(self, file: Any) -> bytes:
        return bytes(file)

    async def _answer(self, incoming: Incoming, say: Say) -> None:
        for message in await say():
            cards = render.cards(message)
            self.shown += [f"{c.heading}: {c.reason} {render.pack(c.button('like'))}" for c in cards] or [
                message["text"]
            ]


@pytest.fixture
def pager() -> Pager:
    return Pager()


def test_words_and_presses_on_a_new_platform_are_heard_once_and_answered_as_on_the_others(pager):
    async def answer(message):
        if message.text == "fail":
            raise ConnectionError
        return [{"text": "Noted."}] if message.parse_data else [{"text": "1. Alien", "custom": LIST}]

    bot = FakeBot(answer)
    with listening(bot, pager) as address:

        def send(**sent: str) -> None:
            httpx.post(f"{address}/webhooks/pager/said", json={"who": "ann", **sent}, trust_env=False)

        for _ in range(3):
            send(id="m1", text="a scary film")
        until(lambda: pager.shown, "a list")
        heading, press = pager.shown[0].rsplit(" ", 1)
        assert heading == "1. Alien (1979): It is."
        send(id="m2", press=press)
        send(id="m3", text="fail")
        until(lambda: len(pager.shown) == 3, "all answers")
    assert pager.shown[1:] == ["Noted.", Words("utter_no_answer")]
    assert [m.text for m in bot.heard] == ["a scary film", WORDS["like"], "fail"]
    assert bot.heard[1].parse_data["entities"][0]["value"]["item_id"] == "tt1"
