"""Memory that is the user's, in the running bot: nothing stored before a yes, and nothing left after forgetting."""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from stacks import Stack, running

from chatrec.client import ChatClient
from chatrec.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture(scope="module")
def asking(tmp_path_factory) -> Iterator[Stack]:
    """A bot that asks, as it does by default."""
    with running(tmp_path_factory.mktemp("asking"), CHATREC_CONSENT="ask") as started:
        yield started


@pytest.fixture
def somebody(asking) -> Iterator[ChatClient]:
    client = ChatClient(asking.url, user=secrets.token_hex(16))
    yield client
    client.close()


def texts(messages: list[dict]) -> str:
    return "\n".join(m.get("text") or "" for m in messages)


def cards(messages: list[dict]) -> tuple[list[dict], str]:
    [found] = [m["custom"] for m in messages if (m.get("custom") or {}).get("kind") == "list"]
    return found["items"], found["impression_id"]


def rows(stack: Stack, who: str) -> dict[str, int]:
    """How many rows of each table are about somebody."""
    store = Store.open(stack.settings.db, stack.settings.store_secret())
    return {name: len(found) for name, found in store.export(who).items() if found}


def asks(messages: list[dict]) -> bool:
    return "May I remember" in texts(messages)


def test_nothing_is_stored_before_a_yes_and_the_question_comes_once_below_the_first_list(asking, somebody):
    first = somebody.say("I love westerns and I hate musicals")
    items, impression = cards(first)
    assert asks(first[-1:]) and [b["title"] for b in first[-1]["buttons"]] == ["Yes, remember me", "No, don't"]
    liked = somebody.click("like", items[0]["item_id"], impression)
    again = somebody.say("something newer")
    assert not asks(liked) and not asks(again)
    assert items[0]["item_id"] not in {c["item_id"] for c in cards(again)[0]}  # the conversation knows what it is told
    known = texts(somebody.say("what do you know about me?"))
    assert "Western" in known and items[0]["title"] in known and "none of it is stored" in known
    assert rows(asking, somebody.user) == {}

    assert "I'll remember" in texts(somebody.say("yes, remember me"))
    stored = rows(asking, somebody.user)
    assert stored["preferences"] == 2 and stored["events"] == 1 and stored["consents"] == 1
    other = ChatClient(asking.url, user=somebody.user)  # another conversation of the same person
    fresh = other.say("what do you know about me?")
    assert "Western" in texts(fresh) and "“I love westerns and I hate musicals”" in texts(fresh)
    assert not asks(other.say("something like Alien"))


def test_a_no_is_remembered_and_nothing_else_until_a_later_yes(asking, somebody):
    somebody.say("I love westerns")
    assert "remember nothing" in texts(somebody.say("no"))
    later = ChatClient(asking.url, user=somebody.user)
    assert not asks(later.say("something like Alien"))
    later.say("I hate musicals")
    assert rows(asking, somebody.user) == {"users": 1, "consents": 1}
    later.say("remember me")
    assert rows(asking, somebody.user)["preferences"] == 1


def test_in_a_group_each_member_is_remembered_for_themselves(asking, somebody):
    """One conversation, two people: neither's words become the other's, nor does one answer what the other is asked."""
    other = ChatClient(asking.url, somebody.conversation, user=secrets.token_hex(16))
    somebody.say("I love westerns")
    assert "Western" not in texts(other.say("what do you know about me?"))
    other.say("yes, remember me")
    assert "preferences" not in rows(asking, other.user)
    other.say("I love musicals")
    assert rows(asking, other.user)["preferences"] == 1 and rows(asking, somebody.user) == {}
    known = texts(somebody.say("what do you know about me?"))
    assert "Western" in known and "Musical" not in known
    somebody.say("yes, remember me")
    assert rows(asking, somebody.user)["preferences"] == 1

    somebody.say("forget everything about me")
    assert "erase" not in texts(other.say("yes"))
    assert rows(asking, other.user)["preferences"] == 1


def test_what_is_remembered_is_the_users_by_buttons_alone_in_a_browser(asking):
    """Consent, a mood taken back, a line forgotten, everything forgotten: what the page's buttons say, the bot does."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(30_000)
        page.goto(asking.url)

        def say(text: str) -> None:
            page.get_by_label("Your message").fill(text)
            page.keyboard.press("Enter")

        def press(name: str) -> None:
            page.get_by_role("button", name=name, exact=True).click()

        def bot_says(words: str) -> None:
            expect(page.locator("#log > .bot", has_text=re.compile(words)).last).to_be_visible()

        user = page.evaluate("localStorage.getItem('user')")
        say("I love westerns")
        bot_says("May I remember")
        assert rows(asking, user) == {}
        press("Yes, remember me")
        bot_says("I'll remember")
        assert rows(asking, user)["preferences"] == 1
        page.locator("[data-kind='like']").first.click()
        bot_says("you like")
        say("I'm so tired")
        press("Undo")
        bot_says("leave your mood|hadn't said it")
        say("what do you know about me?")
        expect(page.locator(".line")).to_have_count(2)
        page.locator(".line", has_text="Western").get_by_role("button").click()
        bot_says("Forgotten")
        stored = rows(asking, user)
        assert "preferences" not in stored and stored["events"] == 1
        say("forget everything about me")
        press("Yes, forget me")
        bot_says("know nothing about you")
        assert rows(asking, user) == {}
        page.reload()
        expect(page.locator("#welcome")).to_be_visible()
        browser.close()


def test_a_later_no_takes_what_was_stored_back_into_the_conversation(asking, somebody):
    somebody.say("I love westerns")
    somebody.say("yes")
    assert rows(asking, somebody.user)["preferences"] == 1
    assert "erased" in texts(somebody.say("don't remember me"))
    assert rows(asking, somebody.user) == {"users": 1, "consents": 1}
    assert "Western" in texts(somebody.say("what do you know about me?"))
    somebody.say("remember me")
    assert rows(asking, somebody.user)["preferences"] == 1


def test_each_line_can_be_forgotten_or_corrected(asking, somebody):
    items, impression = cards(somebody.say("I love westerns"))
    somebody.say("yes")
    somebody.click("like", items[0]["item_id"], impression)
    somebody.say("I love horror films")
    shown = somebody.say("what do you know about me?")[-1]
    refs = {line["ref"]: line["number"] for line in shown["custom"]["lines"]}
    number = refs[f"item:movies:{items[0]['item_id']}"]
    assert "Forgotten" in texts(somebody.say(f"forget number {number}"))
    known = texts(somebody.say("what do you know about me?"))
    assert items[0]["title"] not in known and "Western" in known and "Horror" in known

    somebody.say("not horror but thrillers")
    shown = somebody.say("what do you know about me?")[-1]
    assert "Thriller" in shown["text"] and "Horror." not in shown["text"]
    [line] = [line for line in shown["custom"]["lines"] if "Western" in line["text"]]
    somebody.click("forget", line["ref"], "profile")
    assert "Western" not in texts(somebody.say("what do you know about me?"))


def test_forgetting_leaves_no_trace_in_any_file_or_table(asking, somebody):
    odd = [f"{word}{secrets.token_hex(4)}" for word in ("quokka", "zyzzyva")]  # words that nobody else says
    somebody.say(f"I love westerns, {odd[0]}")
    somebody.say("yes, remember me")
    somebody.say(f"something like Alien in the {odd[1]}")
    items, impression = cards(somebody.say("something newer"))
    somebody.click("like", items[0]["item_id"], impression)
    other = ChatClient(asking.url, user=somebody.user)
    other.say(f"a funny film about {odd[0]}")
    key = Store.open(asking.settings.db, asking.settings.store_secret()).find_user(somebody.user)
    sought = [*odd, somebody.user, somebody.conversation, other.conversation, key]
    assert set(sought) <= found(asking.settings.var, sought)  # a trace would be found

    [asked] = somebody.say("forget everything about me")
    somebody.say("a western please")
    pressed = asked["buttons"][0]["payload"]  # an old button, as it stays on the platforms: it asks again
    assert "Shall I erase" in texts(somebody.say(pressed))
    assert "know nothing about you" in texts(somebody.say(pressed))
    assert found(asking.settings.var, sought) == set()
    assert somebody.history() == []
    assert asks(somebody.say("something like Alien"))  # a stranger again


def found(var: Path, sought: list[str]) -> set[str]:
    """Which of the strings are in any file under a folder, read as bytes, or in any cell of its databases."""
    texts = [path.read_bytes() for path in sorted(var.rglob("*")) if path.is_file()]
    for path in var.rglob("*.db"):
        with sqlite3.connect(path) as connection:
            names = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
            texts += [repr(row).encode() for name in names for row in connection.execute(f'select * from "{name}"')]
    return {word for word in sought if any(word.encode() in text for text in texts)}
