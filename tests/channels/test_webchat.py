"""The web chat's HTTP interface: nothing lost, nothing doubled, nothing injected, never silence."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack

import httpx
import pytest
from fake_bot import FakeBot, Words, serving

from channels.incoming import INTENTS
from channels.outbox import LIMIT
from channels.queue import WAITING
from chatrec.client import ChatClient
from chatrec.errors import BadInput, ChatRecError

CLICK = {"kind": "like", "item_id": "Q103569", "impression_id": "i-1"}
LIST = {"kind": "list", "impression_id": "i-1", "catalog": "movies", "items": [{"rank": 1, "item_id": "Q103569"}]}


@pytest.fixture
def bot() -> FakeBot:
    return FakeBot()


@pytest.fixture
def url(bot):
    with serving(bot, heartbeat_seconds=0.2, turn_seconds=1.0, turns_a_minute=1000) as address:
        yield address


@pytest.fixture
async def http(url) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
        yield client


@pytest.fixture
def name() -> str:
    return secrets.token_urlsafe(24)


async def post(http, conversation, message_id="m1", **said) -> httpx.Response:
    said = said or {"text": "hello"}
    return await http.post("/messages", json={"conversation": conversation, "message_id": message_id, **said})


async def follow(http, conversation, until, after=None, headers=None) -> list[tuple[str, dict]]:
    """Events of the stream as (name, data) up to the first for which ``until`` holds."""
    params = {"conversation": conversation} | ({} if after is None else {"after": after})
    seen, fields = [], {}
    async with http.stream("GET", "/stream", params=params, headers=headers or {}) as stream:
        async for line in stream.aiter_lines():
            key, _, value = line.partition(": ")
            fields[key] = value
            if not line and "event" in fields:
                seen.append((fields["event"], json.loads(fields["data"]) | {"_id": int(fields.get("id", 0))}))
                fields = {}
                if until(*seen[-1]):
                    return seen
    return seen


def ends(message_id: str):
    return lambda name, data: name == "done" and data["message_id"] == message_id


def texts(events: list[tuple[str, dict]], who: str = "bot") -> list[str]:
    return [data["text"] for name, data in events if name == "message" and data["from"] == who]


async def turn(http, conversation, message_id="m1", **said) -> list[tuple[str, dict]]:
    reply = await post(http, conversation, message_id, **said)
    assert reply.status_code == 202, reply.text
    return await follow(http, conversation, ends(message_id), reply.json()["after"])


async def test_a_turn_is_echo_typing_answer_done_with_rising_ids(http, name):
    events = await turn(http, name, text="hi")
    assert [event for event, _ in events] == ["message", "typing", "message", "typing", "done"]
    assert [data.get("on") for event, data in events if event == "typing"] == [True, False]
    assert texts(events, "user") == ["hi"]
    assert texts(events) == ["You said: hi"]
    ids = [data["_id"] for _, data in events]
    assert ids == sorted(set(ids))
    assert all(data["id"] == data["_id"] for _, data in events)


async def test_messages_of_one_conversation_are_answered_one_by_one_in_order(http, bot, name):
    running = 0

    async def slower_first(message):
        nonlocal running
        running += 1
        assert running == 1, "two turns at once"
        await asyncio.sleep(0.1 if message.text == "0" else 0)
        running -= 1
        return [{"text": message.text}]

    bot.answer = slower_first
    start = (await post(http, name, "m0", text="0")).json()["after"]
    for number in range(1, 8):
        await post(http, name, f"m{number}", text=str(number))
    assert texts(await follow(http, name, ends("m7"), start)) == [str(n) for n in range(8)]


async def test_a_repeated_message_is_acknowledged_and_handled_once(http, bot, name):
    replies = [await post(http, name, "same", text="once") for _ in range(5)]
    await turn(http, name, "next", text="twice")
    late = await post(http, name, "same", text="once")  # after a later message
    assert {reply.status_code for reply in [*replies, late]} == {202}
    assert len({reply.json()["after"] for reply in [*replies, late]}) == 1, "the answer stays where it was"
    assert late.json()["done"] is True
    assert [message.text for message in bot.heard] == ["once", "twice"]


def test_a_message_is_handled_once_even_over_a_restart(bot, name):
    with serving(bot) as url, httpx.Client(base_url=url) as before:
        ChatClient(url, name).say("hello")
        again = {"conversation": name, "message_id": bot.heard[0].message_id, "text": "hello"}
        assert before.post("/messages", json=again).json()["done"] is True
    with serving(bot) as url, httpx.Client(base_url=url) as after:
        assert after.post("/messages", json=again).json()["done"] is True
    assert len(bot.heard) == 1


async def test_reconnecting_with_last_event_id_gives_exactly_what_was_missed(http, name):
    events = await turn(http, name, text="hi")
    for position in range(len(events) - 1):
        header = {"Last-Event-ID": str(events[position][1]["_id"])}
        rest = await follow(http, name, ends("m1"), after=0, headers=header)
        assert rest == events[position + 1 :]


async def test_ten_conversations_at_once_get_their_own_answers(http, bot):
    async def slow(message):
        await asyncio.sleep(0.05)
        return [{"text": message.text}]

    async def talk(number: int) -> list[str]:
        mine = secrets.token_urlsafe(24)
        heard = [texts(await turn(http, mine, f"m{i}", text=f"{number}-{i}")) for i in range(3)]
        return sum(heard, [])

    bot.answer = slow
    began = time.monotonic()
    answers = await asyncio.gather(*(talk(number) for number in range(10)))
    assert answers == [[f"{number}-{i}" for i in range(3)] for number in range(10)]
    assert time.monotonic() - began < 30 * 0.05 + 3, "conversations wait for each other"


async def test_ten_conversations_three_times_and_late_are_heard_once_and_in_order(http, bot):
    """A page sends the next message when it knows of the one before; what comes again may come at any time after."""

    async def slow(message):
        await asyncio.sleep(0.02)
        return [{"text": message.text}]

    async def talk(number: int) -> list[str]:
        mine, dice = secrets.token_urlsafe(24), random.Random(number)
        start = (await post(http, mine, "m0", text=f"{number}-0")).json()["after"]
        again = [0, 0]
        for n in range(1, 4):
            await post(http, mine, f"m{n}", text=f"{number}-{n}")
            again += [n, n]
            dice.shuffle(again)
            late = [again.pop() for _ in range(2)]
            await asyncio.gather(*(post(http, mine, f"m{i}", text=f"{number}-{i}") for i in late))
        await asyncio.gather(*(post(http, mine, f"m{i}", text=f"{number}-{i}") for i in again))
        return texts(await follow(http, mine, ends("m3"), start))

    bot.answer = slow
    answers = await asyncio.gather(*(talk(number) for number in range(10)))
    assert answers == [[f"{number}-{n}" for n in range(4)] for number in range(10)]
    assert len(bot.heard) == 40


async def test_whoever_was_away_too_long_is_told_to_read_the_history(http, name):
    first = (await post(http, name, "m0")).json()["after"]
    for number in range(1, LIMIT // 5 + 2):
        await turn(http, name, f"m{number}")
    assert (await follow(http, name, lambda *_: True, first))[0][0] == "reset"
    old = await follow(http, name, lambda *_: True, after=17)  # a position of another time
    assert old[0][0] == "reset"


async def test_a_silent_stream_sends_heartbeats(http, name):
    async with http.stream("GET", "/stream", params={"conversation": name}) as stream:
        lines = stream.aiter_lines()
        beats = 0
        while beats < 3:
            beats += (await asyncio.wait_for(anext(lines), 2)).startswith(":")
    assert stream.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("said", ["/restart", "//restart", " / \u3000/restart", "\u0000/restart", "\n/restart"])
async def test_typed_text_never_injects_an_intent(http, bot, name, said):
    await turn(http, name, text=said)
    heard = bot.heard[0]
    assert heard.text == "restart"
    assert heard.parse_data is None
    assert heard.metadata == {"user": heard.sender_id, "message_id": "m1", "source": "text"}
    assert heard.input_channel == "webchat"


async def test_control_characters_and_halves_of_characters_are_dropped(http, bot, name):
    body = json.dumps({"conversation": name, "message_id": "m1", "text": "a\u0007b\ud83dc\td\ne 👍🏽"})
    after = (await http.post("/messages", content=body)).json()["after"]
    await follow(http, name, ends("m1"), after)
    assert bot.heard[0].text == "abc\td\ne 👍🏽"


async def test_text_is_cut_at_a_thousand_characters(http, bot, name):
    await turn(http, name, text="x" * 1001)
    assert bot.heard[0].text == "x" * 1000


@pytest.mark.parametrize("kind", INTENTS)
async def test_a_click_reaches_rasa_parsed_and_with_its_item(http, bot, name, kind):
    click = CLICK | {"kind": kind}
    events = await turn(http, name, button=click)
    heard = bot.heard[0]
    assert heard.parse_data["intent"] == {"name": INTENTS[kind], "confidence": 1.0}
    assert heard.parse_data["entities"] == [{"entity": "feedback", "value": click}]
    assert heard.metadata == {"user": heard.sender_id, "message_id": "m1", "source": "button"}
    assert events[0][1]["button"] == click


WHO = {"conversation": "c" * 22, "message_id": "m"}
MALFORMED = {
    "not JSON": b"{",
    "not UTF-8": b'{"text": "\xff"}',
    "nested": b"[" * 10_000,
    "a list": b"[]",
    "nothing said": WHO,
    "text and button": WHO | {"text": "hi", "button": CLICK},
    "empty": WHO | {"text": ""},
    "only spaces": WHO | {"text": " \n\u3000"},
    "only slashes": WHO | {"text": "/ /"},
    "a number": WHO | {"text": 7},
    "short conversation": WHO | {"text": "hi", "conversation": "c" * 21},
    "guessable conversation": WHO | {"text": "hi", "conversation": "default"},
    "odd conversation": WHO | {"text": "hi", "conversation": "../" * 10},
    "conversation with a line end": WHO | {"text": "hi", "conversation": "c" * 22 + "\n"},
    "no message id": WHO | {"text": "hi", "message_id": ""},
    "long message id": WHO | {"text": "hi", "message_id": "m" * 65},
    "button of another type": WHO | {"button": "like"},
    "unknown kind": WHO | {"button": CLICK | {"kind": "restart"}},
    "kind of another type": WHO | {"button": CLICK | {"kind": ["like"]}},
    "no item": WHO | {"button": {"kind": "like", "impression_id": "i"}},
    "item with a line end": WHO | {"button": CLICK | {"item_id": "a\nb"}},
    "long item": WHO | {"button": CLICK | {"item_id": "a" * 129}},
    "odd impression": WHO | {"button": CLICK | {"impression_id": "a b"}},
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_malformed_input_is_refused_in_one_line(http, bot, body):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = await http.post("/messages", content=content)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error
    assert "\n" not in error
    assert not bot.heard


async def test_a_body_above_the_limit_is_refused(http, bot, name):
    reply = await post(http, name, text="x" * 16_400)
    assert reply.status_code == 413
    assert "\n" not in reply.json()["error"]
    assert not bot.heard


async def test_a_flood_in_one_conversation_is_stopped_and_nothing_accepted_is_lost(http, bot, name):
    gate = threading.Event()

    async def behind_the_gate(message):
        while not gate.is_set():
            await asyncio.sleep(0.01)
        return [{"text": message.text}]

    bot.answer = behind_the_gate
    replies = [await post(http, name, f"m{i}", text=str(i)) for i in range(WAITING + 10)]
    taken = [str(i) for i, reply in enumerate(replies) if reply.status_code == 202]
    assert {reply.status_code for reply in replies} == {202, 429}
    gate.set()
    assert texts(await follow(http, name, ends(f"m{taken[-1]}"), replies[0].json()["after"])) == taken


@pytest.mark.parametrize("failure", ["silence", "exception", "hanging"])
async def test_a_turn_without_an_answer_ends_with_one_apology(http, bot, name, failure):
    async def fail(message):
        if failure == "exception":
            raise ConnectionError("the action server is down")
        await asyncio.sleep(30 if failure == "hanging" else 0)
        return []

    bot.answer = fail
    assert texts(await turn(http, name)) == [Words("utter_no_answer")]
    bot.answer = FakeBot().answer
    assert texts(await turn(http, name)) == ["You said: hello"]  # the same message again: it was not answered yet
    assert texts(await turn(http, name, "m2", text="again")) == ["You said: again"]


async def test_a_response_with_text_buttons_and_data_is_one_message(http, bot, name):
    async def cards(message):
        buttons = [{"title": "More", "payload": "what else?"}]
        return [{"text": "1. Alien", "buttons": buttons, "custom": LIST}, {"text": None, "buttons": []}]

    bot.answer = cards
    said = [data for event, data in await turn(http, name) if event == "message" and data["from"] == "bot"]
    assert len(said) == 1
    assert said[0]["text"] == "1. Alien"
    assert said[0]["buttons"] == [{"title": "More", "payload": "what else?"}]
    assert said[0]["custom"] == LIST


def test_history_is_the_conversation_as_it_was_shown_also_after_a_restart(bot, name):
    async def answer(message):
        return [] if message.text == "hush" else [{"text": message.text, "custom": LIST}]

    bot.answer = answer
    with serving(bot) as url:
        client = ChatClient(url, name)
        shown = [client.say("a film"), client.click(**CLICK), client.say("hush")]
    with serving(bot) as url:
        history = ChatClient(url, name).history()
    assert [m["from"] for m in history] == ["user", "bot"] * 3
    assert history[2]["button"] == CLICK
    assert [m for m in history if m["from"] == "bot"] == [
        {key: value for key, value in message.items() if key != "id"} for messages in shown for message in messages
    ]


async def test_history_and_stream_together_show_a_running_turn_once(http, bot, name):
    go_on = threading.Event()

    async def in_two_steps(message):
        while message.text == "slow" and not go_on.is_set():
            await asyncio.sleep(0.01)
        return [{"text": message.text}]

    bot.answer = in_two_steps
    await turn(http, name, "m1", text="quick")
    await post(http, name, "m2", text="slow")
    await post(http, name, "m3", text="queued")
    past = (await http.get("/history", params={"conversation": name})).json()
    go_on.set()
    live = await follow(http, name, ends("m3"), past["after"])
    assert [m["text"] for m in past["messages"]] == ["quick", "quick"]
    assert texts(live, "user") == ["slow", "queued"]
    assert texts(live) == ["slow", "queued"]


async def test_a_conversation_shows_nothing_of_another(http, name):
    await turn(http, name, text="secret")
    other = await http.get("/history", params={"conversation": secrets.token_urlsafe(24)})
    assert other.json()["messages"] == []
    assert (await http.get("/history", params={"conversation": "default"})).status_code == 400
    assert (await http.get("/stream", params={"conversation": name, "after": "x"})).status_code == 400


async def test_the_page_and_its_files_come_with_a_strict_policy(http):
    for path, kind in {"": "text/html", "/page/chat.js": "javascript", "/page/chat.css": "text/css"}.items():
        reply = await http.get(path)
        assert reply.status_code == 200
        assert kind in reply.headers["content-type"]
        assert reply.headers["content-security-policy"].startswith("default-src 'self'")
        assert reply.headers["x-content-type-options"] == "nosniff"
    for path in ("/page/../webchat.py", "/page/%2e%2e/webchat.py", "/page/none.js"):
        assert (await http.get(path)).status_code == 404


async def test_health_tells_whether_the_bot_can_answer(http, bot):
    assert (await http.get("/health")).status_code == 200
    bot.ready = False
    assert (await http.get("/health")).status_code == 503


def test_an_open_stream_ends_when_the_server_stops(bot, name):
    """Else a page that is open somewhere would hold up Ctrl-C."""
    with ExitStack() as stack:
        url = stack.enter_context(serving(bot))
        client = stack.enter_context(httpx.Client(timeout=5))
        with client.stream("GET", f"{url}/stream", params={"conversation": name}) as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("retry")
            began = time.monotonic()
            stack.close()
            assert time.monotonic() - began < 0.8


def test_the_client_says_in_one_line_what_is_wrong(url):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}/chat"
    with pytest.raises(ChatRecError, match="No bot answers at http://.*: start it with `make run`") as error:
        ChatClient(nobody).say("hello")
    assert "\n" not in str(error.value)
    with pytest.raises(BadInput, match="There are no words"):
        ChatClient(url).say("  ")


def test_the_client_returns_the_answer_to_its_own_message(url, bot, name):
    client = ChatClient(url, name)
    assert [m["text"] for m in client.say("one\u2028two")] == ["You said: one\u2028two"]
    assert [m["text"] for m in client.click(**CLICK)] == ["You said: 👍 I like this one"]
    assert [m["from"] for m in client.history()] == ["user", "bot"] * 2
