"""The bot writes first: what is due is asked once, in its conversation, and only where there is something to say."""

from __future__ import annotations

import time

import httpx
import pytest
from fake_api import answering, until
from fake_bot import FakeBot, listening, serving
from fake_slack import SECRET
from fake_slack import Slack as SlackApi
from test_telegram import telegram

from channels.slack import Slack
from channels.telegram import Telegram
from chatrec.client import ChatClient
from chatrec.records import FollowUp
from chatrec.store import Store

DAY = 24 * 3600.0
PAGE = "A" * 22


async def asks(message):
    return [{"text": "How was Alien?"}]


async def is_silent(message):
    return []


class Later:
    """The store a day later: what is due tomorrow is due now. ``looks`` counts."""

    def __init__(self, store: Store) -> None:
        self._store, self.looks = store, 0

    def __call__(self, channel: str, now: float) -> tuple[FollowUp, ...]:
        self.looks += 1
        return self._store.due_follow_ups(channel, now + DAY, again=3600)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store.open(f"sqlite:///{tmp_path / 'chatrec.db'}", "secret")


def plan(store: Store, channel: str, conversation: str, person: str) -> str:
    user = store.user(person)
    store.plan_follow_up(user, FollowUp(channel, conversation, person, "movies", "tt1", time.time() + DAY - 1))
    return user


def heard_once(bot: FakeBot, conversation: str, person: str) -> None:
    (message,) = bot.heard
    assert (message.sender_id, message.metadata["user"], message.text) == (conversation, person, "")
    assert message.parse_data["intent"]["name"] == "follow_up"
    assert message.parse_data["entities"][0]["value"]["item_id"] == "tt1"


def test_on_telegram_what_is_due_is_asked_once(store):
    bot, later = FakeBot(asks), Later(store)
    plan(store, "telegram", "telegram:7", "telegram:7")
    plan(store, "slack", "slack:T:D1", "slack:T:U1")
    with answering(telegram) as api:
        channel = Telegram("1:token", "https://e.org", "s", api.address, due=later, look_seconds=0.2)
        with listening(bot, channel):
            assert [c["text"] for c in api.wait("sendMessage")] == ["How was Alien?"]
            seen = later.looks
            until(lambda: later.looks > seen + 2, "two more looks")
        assert len(api.of("sendMessage")) == 1
    heard_once(bot, "telegram:7", "telegram:7")


def test_on_slack_it_is_asked_in_its_thread(store):
    bot = FakeBot(asks)
    plan(store, "slack", "slack:T:C1:1.000100", "slack:T:U1")
    with answering(SlackApi()) as api:
        channel = Slack("xoxb-1", "", SECRET, f"{api.address}/api/", due=Later(store), look_seconds=0.2)
        with listening(bot, channel):
            (post,) = api.wait("chat.postMessage")
    assert (post["channel"], post["thread_ts"], post["text"]) == ("C1", "1.000100", "How was Alien?")
    heard_once(bot, "slack:T:C1:1.000100", "slack:T:U1")


def test_a_page_finds_the_question_when_it_comes_back_and_no_words_it_did_not_say(store):
    bot = FakeBot(asks)
    plan(store, "webchat", PAGE, PAGE)
    with serving(bot, due=Later(store), look_seconds=0.2) as url:
        until(lambda: bot.heard, "a turn")
        time.sleep(0.2)
        past = httpx.get(f"{url}/history", params={"conversation": PAGE}, trust_env=False).json()
    assert past["messages"] == [{"from": "bot", "text": "How was Alien?"}]
    heard_once(bot, PAGE, PAGE)


@pytest.mark.parametrize("answer", [is_silent, None], ids=["stopped meanwhile", "no action server"])
def test_where_there_is_nothing_to_ask_nothing_is_said(store, answer):
    async def fail(message):
        raise ConnectionError("the action server is down")

    bot = FakeBot(answer or fail)
    plan(store, "telegram", "telegram:7", "telegram:7")
    with answering(telegram) as api:
        channel = Telegram("1:token", "https://e.org", "s", api.address, due=Later(store), look_seconds=0.1)
        with listening(bot, channel):
            until(lambda: bot.heard, "a turn")
            time.sleep(0.5)
        assert not api.of("sendMessage")
    assert len(bot.heard) == 1


def test_a_store_that_is_away_stops_nothing(store):
    later, looks = Later(store), []

    def sometimes(channel: str, now: float) -> tuple[FollowUp, ...]:
        looks.append(now)
        if len(looks) == 1:
            raise ConnectionError
        return later(channel, now)

    bot = FakeBot(asks)
    plan(store, "telegram", "telegram:7", "telegram:7")
    with answering(telegram) as api:
        channel = Telegram("1:token", "https://e.org", "s", api.address, due=sometimes, look_seconds=0.1)
        with listening(bot, channel):
            api.wait("sendMessage")


@pytest.mark.slow
@pytest.mark.alone
def test_a_choice_is_asked_about_the_day_after_and_the_answer_is_remembered(stack):
    """The running bot: a restart in between loses nothing. The day is taken out of the store."""
    client = ChatClient(stack.url)
    store = Store.open(stack.settings.db, stack.settings.store_secret())
    shown = next(m["custom"]["items"] for m in client.say('something like "Alien"') if "custom" in m)
    client.say("I'll take the second one")
    client.say("yes")
    assert store.due_follow_ups("webchat", time.time(), again=0) == ()
    stack.stop()
    (planned,) = store.due_follow_ups("webchat", time.time() + DAY, again=-DAY)
    assert (planned.item_id, planned.conversation) == (shown[1]["item_id"], client.conversation)
    stack.start()
    until(lambda: "How was" in client.history()[-1]["text"], "the question", 60)
    asked = client.history()[-1]
    assert shown[1]["title"] in asked["text"]
    client.say(asked["buttons"][0]["payload"])
    events = store.events(store.find_user(client.user), "movies")
    assert [(e.item_id, e.kind) for e in events] == [(planned.item_id, "accept"), (planned.item_id, "like")]
