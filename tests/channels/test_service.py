"""What operators ask Rasa's server, what it counts, and how it stops; a user who talks too fast."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fake_bot import FakeBot, Words, listening, serving

from channels.pace import AT_ONCE, Pace
from channels.service import Service
from chatrec import metrics
from chatrec.client import ChatClient


def name() -> str:
    return secrets.token_urlsafe(24)


def texts(messages: list[dict]) -> list[str]:
    return [message["text"] for message in messages]


@pytest.fixture
def quiet(monkeypatch):
    """The tests' own logging stays."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)


def test_live_ready_and_metrics_answer(quiet):
    bot = FakeBot()
    with listening(bot, Service()) as address:
        assert httpx.get(f"{address}/live").status_code == 200
        assert httpx.get(f"{address}/ready").json() == {"status": "ok"}
        found = httpx.get(f"{address}/metrics")
        assert found.headers["content-type"].startswith("text/plain")
        assert "process_resident_memory_bytes" in found.text
        assert "chatrec_turn_seconds" in found.text


def test_without_a_model_or_a_tracker_store_it_is_live_but_not_ready(quiet):
    bot = FakeBot(ready=False)
    with listening(bot, Service()) as address:
        assert httpx.get(f"{address}/live").status_code == 200
        found = httpx.get(f"{address}/ready")
        assert (found.status_code, "model" in found.json()) == (503, True)
        bot.ready = True

        async def broken(_: str) -> None:
            raise OSError("no disk")

        bot.tracker_store.retrieve = broken
        found = httpx.get(f"{address}/ready")
        assert (found.status_code, found.json()["tracker store"]) == (503, "can't be read")


def test_turns_are_counted_by_how_they_ended():
    def count(outcome: str) -> float:
        return metrics.REGISTRY.get_sample_value("chatrec_turns_total", {"channel": "webchat", "outcome": outcome}) or 0

    async def mute(_) -> list:
        return []

    bot, before = FakeBot(), {outcome: count(outcome) for outcome in ("answered", "apology", "limited")}
    with serving(bot, turns_a_minute=2) as url:
        client = ChatClient(url, name())
        client.say("one")
        bot.answer = mute
        assert texts(client.say("two")) == [Words("utter_no_answer")]
        client.say("three")
    assert {o: count(o) - before[o] for o in before} == {"answered": 1, "apology": 1, "limited": 1}


def test_who_talks_too_fast_is_asked_for_a_pause_once_and_others_are_not():
    bot = FakeBot()
    with serving(bot, turns_a_minute=3) as url:
        fast, calm = ChatClient(url, name()), ChatClient(url, name())
        said = [texts(fast.say(str(n))) for n in range(6)]
        assert said == [["You said: 0"], ["You said: 1"], ["You said: 2"], [Words("utter_slow_down")], [], []]
        assert texts(calm.say("hello")) == ["You said: hello"]
    assert [message.text for message in bot.heard] == ["0", "1", "2", "hello"]


def test_after_a_pause_one_may_go_on():
    pace = Pace(600)  # one each tenth of a second
    assert {pace.verdict("ada") for _ in range(600)} == {"go"}
    assert pace.verdict("ada") == "pause"
    time.sleep(0.15)
    assert pace.verdict("ada") == "go"


def test_a_turn_in_flight_is_finished_when_the_server_stops():
    begun = threading.Event()

    async def slow(message) -> list[dict]:
        begun.set()
        await asyncio.sleep(0.5)
        return [{"text": f"You said: {message.text}"}]

    heard: list[list[str]] = []
    with serving(FakeBot(slow)) as url:
        user = threading.Thread(target=lambda: heard.append(texts(ChatClient(url, name()).say("hello"))))
        user.start()
        assert begun.wait(5)
    user.join(5)
    assert heard == [["You said: hello"]]


def test_a_crowd_waits_its_turn_and_who_waits_too_long_gets_an_apology():
    """Else a hundred begun turns make each other late until none is in time."""
    inside, most = 0, 0

    async def slow(message) -> list[dict]:
        nonlocal inside, most
        inside, most = inside + 1, max(most, inside + 1)
        try:
            await asyncio.sleep(0.4)
        finally:
            inside -= 1
        return [{"text": "here you are"}]

    bot = FakeBot(slow)
    with serving(bot, turn_seconds=0.6) as url, ThreadPoolExecutor(48) as pool:
        clients = [ChatClient(url, name()) for _ in range(48)]
        said = [texts(m) for m in pool.map(lambda client: client.say("hello"), clients)]
    assert most == AT_ONCE
    answered, sorry = said.count(["here you are"]), said.count([Words("utter_no_answer")])
    assert answered >= AT_ONCE and sorry > 0 and answered + sorry == 48


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
def test_a_clock_that_jumps_loses_and_doubles_nothing(seconds, monkeypatch):
    """Also when the server is started again afterwards: a page's old position is answered with ``reset``."""
    bot, now, conversation = FakeBot(), time.time, name()
    with serving(bot) as url:
        client = ChatClient(url, conversation)
        assert texts(client.say("one")) == ["You said: one"]
        monkeypatch.setattr(time, "time", lambda: now() + seconds)
        monkeypatch.setattr(time, "time_ns", lambda: int((now() + seconds) * 1e9))
        assert texts(client.say("two")) == ["You said: two"]
        position = httpx.get(f"{url}/history", params={"conversation": conversation}).json()["after"]
    with serving(bot) as url:
        params = {"conversation": conversation, "after": position}
        with httpx.stream("GET", f"{url}/stream", params=params) as stream:
            assert "event: reset" in (line for line in stream.iter_lines())
        assert texts(ChatClient(url, conversation).say("three")) == ["You said: three"]
    assert [message.text for message in bot.heard] == ["one", "two", "three"]
