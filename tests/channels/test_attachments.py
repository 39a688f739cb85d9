"""Files in the chat: what becomes the user's words, what is asked back, and what is turned away."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest
from fake_bot import FakeBot, Words, serving
from PIL import Image

from channels.attachments import WAITING, Attachments
from channels.queue import TooMany
from channels.sayings import Sayings
from chatrec.media import MAX_BYTES, Heard, Match, Seen

SURE = Heard("something like Alien", "en", 0.9, 2.0)
SOLARIS = Match("movies", "Q1", "Solaris", "Solaris (1972)", 0.9)
LATER = Match("movies", "Q2", "Solaris", "Solaris (2002)", 0.85)


SAYS = Sayings(SimpleNamespace(ctx=SimpleNamespace(agent=FakeBot())))


async def read(found, caption=""):
    return await Attachments(lambda data: found).read(b"a file", SAYS, caption)


async def test_sure_speech_is_what_the_user_says():
    assert await read(SURE) == "something like Alien"


async def test_unsure_speech_is_shown_and_asked_about():
    asked = await read(replace(SURE, confidence=0.3))
    assert "“something like Alien”" in asked["text"]
    assert [button["payload"] for button in asked["buttons"]] == ["something like Alien"]


async def test_silence_asks_to_say_it_again():
    assert await read(Heard("", "en", 0.0, 2.0)) == {"from": "bot", "text": Words("utter_heard_nothing")}


async def test_one_match_is_asked_about_by_its_name():
    asked = await read(Seen(("SOLARIS",), (SOLARIS,)))
    assert asked["text"] == Words("utter_seen_item", item="Solaris (1972)")
    assert asked["buttons"] == [{"title": "Yes, that's it", "payload": "Something like Solaris (1972)"}]


async def test_several_matches_are_named_and_a_caption_says_what_is_wanted():
    asked = await read(Seen(("SOLARIS",), (SOLARIS, LATER)), "newer than this")
    assert [button["title"] for button in asked["buttons"]] == ["Solaris (1972)", "Solaris (2002)"]
    assert asked["buttons"][1]["payload"] == "newer than this Solaris (2002)"


async def test_in_a_chinese_conversation_files_are_answered_in_chinese():
    says = Sayings(SimpleNamespace(ctx=SimpleNamespace(agent=FakeBot())), ["我想看一部科幻电影", "👍"])
    asked = await Attachments(lambda data: Seen(("SOLARIS",), (SOLARIS,))).read(b"a file", says)
    assert asked["text"] == Words("utter_seen_item_zh", item="Solaris (1972)")
    assert asked["buttons"] == [{"title": "对，就是它", "payload": "类似 Solaris (1972)"}]


async def test_what_is_not_recognised_is_said_plainly():
    assert await read(Seen(("39,90",))) == {"from": "bot", "text": Words("utter_seen_nothing")}


async def test_files_are_understood_side_by_side_and_too_many_are_put_off():
    free = threading.Event()

    def slow(data: bytes) -> Heard:
        assert free.wait(10)
        return SURE

    attachments = Attachments(slow)
    tasks = [asyncio.ensure_future(attachments.read(b"", SAYS)) for _ in range(WAITING)]
    await asyncio.sleep(0.05)  # the event loop is not held up
    with pytest.raises(TooMany):
        await attachments.read(b"", SAYS)
    free.set()
    assert set(await asyncio.gather(*tasks)) == {SURE.text}
    assert await attachments.read(b"", SAYS) == SURE.text


@pytest.fixture
def bot() -> FakeBot:
    return FakeBot()


@pytest.fixture
async def http(bot):
    with serving(bot) as url:
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
            yield client


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"", 400, "empty"),
        (b"<html>", 400, "neither a recording nor a picture"),
        (b"\xff\xd8\xff\xe0 no more", 400, "damaged"),
        (b"\xff\xd8\xff" + b"\0" * MAX_BYTES, 413, "at most 12 MB"),
    ],
    ids=["empty", "html", "broken", "large"],
)
async def test_a_file_that_cannot_be_used_is_refused_and_never_reaches_the_bot(http, bot, body, status, told):
    reply = await http.post("/media", content=body)
    assert reply.status_code == status
    assert told in reply.json()["error"]
    assert told in reply.json()["ask"]["text"]
    assert bot.heard == []


def test_the_chat_starts_without_the_libraries_that_read_files():
    """They take seconds to load, and OpenCV needs libraries that a bare system lacks."""
    heavy = ("cv2", "rapidocr_onnxruntime", "faster_whisper", "ctranslate2")
    asked = f"import sys, channels.webchat; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", asked], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.slow
async def test_a_picture_without_text_is_answered_with_a_question(http):
    file = io.BytesIO()
    Image.new("RGB", (300, 300), "green").save(file, "JPEG")
    reply = await http.post("/media", content=file.getvalue())
    assert reply.status_code == 200
    assert reply.json() == {"ask": {"from": "bot", "text": Words("utter_seen_nothing")}}
