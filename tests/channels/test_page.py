"""The page in a real browser: what people see, press and type, and what survives a reload or an outage."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fake_bot import FakeBot, serving
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, Page, expect, sync_playwright
from recordings import spoken

pytestmark = [pytest.mark.slow, pytest.mark.alone]

HOSTILE = "<img src=x onerror=\"document.title='hacked'\"><b>bold</b>"
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
AXE = Path(__file__).with_name("axe")


def film(rank: int, title: str, reason: str) -> dict:
    facts = [f"{100 + rank} minutes", "Ridley Scott"]
    return {
        "rank": rank,
        "item_id": f"Q{rank}",
        "title": title,
        "year": str(1978 + rank),
        "tags": ["Horror", "Sci-Fi"],
        "facts": facts,
        "reason": reason,
        "rating": 90 + rank,
    }


FILMS = [
    film(1, "Alien", "It is science fiction, as you asked, and close to Event Horizon, which you liked."),
    film(2, "Blade Runner", "You wanted a thoughtful one: this is science fiction by Ridley Scott, who made Alien."),
    film(3, "The Extraordinarily Long Title of a Film That Nobody Ever Shortened", "It is from 1981, as you asked."),
    film(4, HOSTILE, HOSTILE),
]
LIST = {"kind": "list", "impression_id": "i-1", "catalog": "movies", "items": FILMS}


LINES = [
    {"number": 1, "ref": "item:movies:Q1", "text": "You liked Alien (1979)."},
    {
        "number": 2,
        "ref": "wish:7",
        "text": "Films you want: no horror. You said: “nothing with so much blood”",
    },
]
CONSENT = [{"title": "Yes, remember me", "payload": "yes, remember me"}, {"title": "No, don't", "payload": "no, don't"}]
EVERYTHING = '{"events": ["<b>ä</b>"]}'
UNDO = [{"title": "Undo", "payload": "never mind how I feel"}]
PROFILE = {"text": "1. Alien", "custom": {"kind": "memory", "lines": LINES}, "buttons": CONSENT[1:]}


async def script(message) -> list[dict]:
    """Cards for a wish, chips for "hm", a profile, questions with buttons, thanks for a click, else the same words."""
    if message.parse_data:
        return [{"text": f"Noted: {message.parse_data['entities'][0]['value']['kind']}."}]
    if "film" in message.text.lower():
        return [{"text": "Here you go:"}, {"text": "1. Alien\n2. Blade Runner", "custom": LIST}]
    if message.text == "who am I?":
        return [{"text": "This is what I remember."}, PROFILE]
    if message.text == "I'm sad":
        return [{"text": "I'm sorry. Comforting ones first.", "buttons": UNDO}]
    if message.text == "export":
        return [{"text": EVERYTHING, "custom": {"kind": "file", "name": "chatrec.json"}}]
    if message.text == "may you?":
        return [{"text": "May I remember what you like?", "buttons": CONSENT}]
    if message.text == "hm":
        return [{"text": "Recent or older?", "buttons": [{"title": "Recent", "payload": "a recent film"}]}]
    return [{"text": message.text}]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", *MICROPHONE])
        yield chromium
        chromium.close()


@pytest.fixture
def bot() -> FakeBot:
    return FakeBot(script)


@pytest.fixture
def url(bot) -> Iterator[str]:
    with serving(bot) as address:
        yield address


@contextmanager
def opened(browser: Browser, url: str, **options) -> Iterator[Page]:
    context = browser.new_context(**options)
    context.set_default_timeout(5000)
    try:
        page = context.new_page()
        page.goto(url)
        yield page
    finally:
        context.close()


@pytest.fixture
def page(browser, url) -> Iterator[Page]:
    """The page, which may neither write errors to the console nor speak to another host."""
    with opened(browser, "about:blank") as page:
        errors, hosts = [], set()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(url)
        expect(page.get_by_label("Your message")).to_be_focused()  # who opens it can type at once
        yield page
        assert not errors
        assert hosts == {urlsplit(url).netloc}


def say(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


def bot_said(page: Page, text: str):
    return page.locator("#log > .bot", has_text=text)


def card(page: Page, rank: int):
    return page.locator(".card").nth(rank - 1)


def pressed(page: Page) -> list[str]:
    return page.locator('[aria-pressed="true"]').evaluate_all("all => all.map(b => b.ariaLabel)")


def test_a_list_is_drawn_as_cards_and_not_as_text(page):
    say(page, "a good film")
    expect(page.locator(".card")).to_have_count(4)
    first = card(page, 1)
    for text in ("1", "Alien", "1979", "Horror", "Sci-Fi", "101 minutes", "Ridley Scott", FILMS[0]["reason"], "91"):
        expect(first).to_contain_text(text)
    expect(page.locator("#log")).not_to_contain_text("1. Alien")
    expect(page.locator("#log > .bot").first).to_have_text("Here you go:")
    expect(first.get_by_label("Rated 91 of 100")).to_be_visible()


def test_html_in_texts_is_shown_as_text(page):
    say(page, HOSTILE)
    expect(page.locator("#log > .user")).to_have_text(HOSTILE)
    expect(page.locator("#log > .bot")).to_have_text(HOSTILE)
    say(page, "a film")
    expect(card(page, 4)).to_contain_text("<b>bold</b>")
    assert page.locator("#log img, #log b").count() == 0
    assert page.title() == "Chat-REC"


@pytest.mark.parametrize(
    ("kind", "label", "shown"),
    [
        ("like", "Like Alien (1979)", "👍 Alien"),
        ("dislike", "Not for me: Alien (1979)", "👎 Alien"),
        ("seen", "Seen: Alien (1979)", "I've seen Alien"),
        ("more", "More like this: Alien (1979)", "More like Alien"),
        ("why", "Why? Alien (1979)", "Why Alien?"),
    ],
)
def test_a_button_posts_its_item_and_shows_what_was_pressed(page, kind, label, shown):
    say(page, "a film")
    with page.expect_request("**/chat/messages") as sent:
        page.get_by_role("button", name=label, exact=True).click()
    assert json.loads(sent.value.post_data)["button"] == {"kind": kind, "item_id": "Q1", "impression_id": "i-1"}
    expect(bot_said(page, f"Noted: {kind}.")).to_be_visible()
    expect(page.locator("#log > .user").last).to_have_text(shown)
    assert pressed(page) == ([label] if kind in ("like", "dislike", "seen") else [])


def test_who_clicks_twice_means_it_once(page, bot):
    say(page, "a film")
    for label in ("More like this", "Why?"):
        card(page, 1).get_by_role("button", name=label).dblclick()
        page.wait_for_timeout(300)
    say(page, "may you?")
    page.get_by_role("button", name="Yes, remember me").dblclick()
    expect(bot_said(page, "yes, remember me")).to_be_visible()
    page.wait_for_timeout(300)
    expect(page.locator("#log > .user")).to_have_text(
        ["a film", "More like Alien", "Why Alien?", "may you?", "yes, remember me"]
    )
    assert len(bot.heard) == 5


def test_a_line_of_the_profile_is_forgotten_by_its_button(page, bot):
    say(page, "who am I?")
    expect(page.locator(".line")).to_have_count(2)
    expect(page.locator("#log")).not_to_contain_text("1. Alien")
    forget = page.get_by_role("button", name="Forget: You liked Alien (1979).", exact=True)
    with page.expect_request("**/chat/messages") as sent:
        forget.dblclick()
    clicked = {"kind": "forget", "item_id": "item:movies:Q1", "impression_id": "profile"}
    assert json.loads(sent.value.post_data)["button"] == clicked
    expect(bot_said(page, "Noted: forget.")).to_be_visible()
    for _ in range(2):  # also as the page comes back
        line = page.locator(".line", has_text="You liked Alien").locator(".text")
        assert "line-through" in line.evaluate("it => getComputedStyle(it).textDecoration")
        assert pressed(page) == ["Forget: You liked Alien (1979)."]
        page.reload()
        expect(bot_said(page, "Noted: forget.")).to_be_visible()
    assert len(bot.heard) == 2


def test_a_file_is_there_to_download_and_no_text(page):
    say(page, "export")
    for _ in range(2):  # also as the page comes back
        with page.expect_download() as found:
            page.get_by_role("link", name="chatrec.json").click()
        assert found.value.suggested_filename == "chatrec.json"
        assert found.value.path().read_text(encoding="utf-8") == EVERYTHING
        expect(page.locator("#log")).not_to_contain_text("events")
        page.reload()


def test_slashes_alone_are_refused_in_words(browser, url, bot):
    with opened(browser, url) as page:
        say(page, "//")
        expect(page.get_by_text("Not sent. There are no words in it.")).to_be_visible()
    assert not bot.heard


@pytest.mark.parametrize(
    "said, button, meant", [("may you?", CONSENT[1], "no, don't"), ("I'm sad", UNDO[0], UNDO[0]["payload"])]
)
def test_consent_and_a_feeling_are_answered_by_buttons_which_then_go(page, bot, said, button, meant):
    say(page, said)
    page.get_by_role("button", name=button["title"], exact=True).click()
    expect(bot_said(page, meant)).to_be_visible()
    expect(page.locator("#log .chips")).to_have_count(0)
    expect(page.get_by_label("Your message")).to_be_focused()
    assert [message.text for message in bot.heard] == [said, meant]


@pytest.mark.parametrize("width", [320, 1000])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_anything_that_the_page_shows(browser, url, scheme, width):
    viewport = {"width": width, "height": 700}
    with opened(browser, url, color_scheme=scheme, viewport=viewport, bypass_csp=True) as page:
        page.evaluate(axe())
        assert found_by_axe(page) == [], "an empty conversation"
        for said in ("a film", "who am I?", "may you?", "I'm sad", "export", "x" * 400):
            say(page, said)
            page.wait_for_function("!JSON.parse(localStorage.outgoing).length")
            assert found_by_axe(page) == [], said
        card(page, 1).get_by_role("button", name="Like").first.click()
        page.locator(".line button").first.click()
        expect(bot_said(page, "Noted: forget.")).to_be_visible()
        page.mouse.move(0, 0)
        assert found_by_axe(page) == [], "pressed buttons"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="New conversation").click()
        assert found_by_axe(page) == [], "the question whether to start afresh"


def found_by_axe(page: Page) -> list[str]:
    """What it objects to, however slight."""
    page.wait_for_timeout(350)  # colours have settled
    found = page.evaluate("axe.run()")["violations"]
    return [f"{one['impact']}: {one['help']} {[node['target'] for node in one['nodes']]}" for one in found]


def axe() -> str:
    """npm's axe-core, installed on first use; skips the test where there is no npm."""
    if not shutil.which("npm"):
        pytest.skip("axe-core needs npm")
    if not (AXE / "node_modules").exists():
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=AXE, check=True, timeout=120)
    return (AXE / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def test_a_change_of_mind_releases_the_opposite_button_and_a_second_press_sends_nothing(page, bot):
    say(page, "a film")
    like = card(page, 1).get_by_role("button", name="Like", exact=False).first
    like.click()
    like.click()
    card(page, 1).get_by_role("button", name="Not for me").click()
    expect(bot_said(page, "Noted: dislike.")).to_be_visible()
    assert pressed(page) == ["Not for me: Alien (1979)"]
    assert [m.parse_data["entities"][0]["value"]["kind"] for m in bot.heard[1:]] == ["like", "dislike"]


def test_everything_works_with_the_keyboard_alone(page, bot):
    keys = page.keyboard
    keys.type("a first line")  # the input has the focus from the start
    keys.press("Shift+Enter")
    keys.type("a second line")
    keys.press("Enter")
    expect(bot_said(page, "a second line")).to_be_visible()
    assert bot.heard[0].text == "a first line\na second line"
    keys.type("never mind")
    keys.press("Escape")
    expect(page.get_by_label("Your message")).to_have_value("")
    keys.type("a film")
    keys.press("Enter")
    expect(page.locator(".card")).to_have_count(4)
    for _ in range(20):  # back from the input to the last button of the last card, and on to the fourth card's like
        keys.press("Shift+Tab")
        if "Like <img" in (page.evaluate("document.activeElement.ariaLabel") or ""):
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", "the focus is visible"
    keys.press("Enter")
    expect(bot_said(page, "Noted: like.")).to_be_visible()
    assert bot.heard[-1].parse_data["entities"][0]["value"]["item_id"] == "Q4"


def test_chips_say_their_words_and_go(page, bot):
    say(page, "hm")
    page.get_by_role("button", name="Recent").click()
    expect(page.locator(".card")).to_have_count(4)
    expect(page.locator("#log .chips")).to_have_count(0)
    assert bot.heard[-1].text == "a recent film"
    assert bot.heard[-1].metadata["source"] == "text"


def test_an_empty_conversation_offers_three_beginnings(page, bot):
    beginnings = page.locator("#welcome button")
    expect(beginnings).to_have_count(3)
    beginnings.first.click()
    expect(page.locator(".card")).to_have_count(4)
    expect(page.locator("#welcome")).to_be_hidden()


def test_nothing_empty_can_be_sent_and_too_much_is_said_so(page, bot):
    send, field = page.get_by_role("button", name="Send", exact=True), page.get_by_label("Your message")
    expect(send).to_be_disabled()
    field.fill("   ")
    expect(send).to_be_disabled()
    field.press("Enter")
    field.fill("x" * 1000)
    expect(page.get_by_text("only the first 1,000 characters")).to_be_hidden()
    field.fill("x" * 1200)
    expect(page.get_by_text("only the first 1,000 characters")).to_be_visible()
    send.click()
    expect(bot_said(page, "x" * 1000)).to_be_visible()
    assert [message.text for message in bot.heard] == ["x" * 1000]


def test_the_bot_is_seen_to_think(page, bot):
    async def slow(message):
        await asyncio.sleep(0.6)
        return [{"text": "done thinking"}]

    bot.answer = slow
    say(page, "hello")
    expect(page.locator("#typing")).to_be_visible()
    expect(bot_said(page, "done thinking")).to_be_visible()
    expect(page.locator("#typing")).to_be_hidden()


def test_a_reload_restores_the_conversation_with_cards_and_pressed_buttons(page):
    say(page, "a film")
    card(page, 2).get_by_role("button", name="Not for me").click()
    expect(bot_said(page, "Noted")).to_be_visible()
    before = page.locator("#log").inner_text()
    page.reload()
    expect(bot_said(page, "Noted")).to_be_visible()
    assert page.locator("#log").inner_text() == before
    assert pressed(page) == ["Not for me: Blade Runner (1980)"]


def test_a_reload_in_the_middle_of_a_turn_shows_the_turn_once(page, bot):
    async def slow(message):
        await asyncio.sleep(1.0)
        return [{"text": "at last"}]

    bot.answer = slow
    say(page, "hello")
    page.wait_for_timeout(300)
    page.reload()
    expect(page.locator("#log > .user")).to_have_text(["hello"])
    expect(page.locator("#typing")).to_be_visible()
    expect(page.locator("#log > .bot")).to_have_text(["at last"])
    page.wait_for_timeout(300)
    assert page.locator("#log > li").count() == 2
    assert len(bot.heard) == 1


def test_what_is_said_during_an_outage_arrives_once_and_in_order(browser, bot):
    with serving(bot) as url:
        port = urlsplit(url).port
    with opened(browser, "about:blank") as page:
        with serving(bot, port):
            page.goto(url)
            say(page, "one")
            expect(bot_said(page, "one")).to_be_visible()
        say(page, "two")
        say(page, "three")
        expect(page.get_by_text("I'm away for a moment")).to_be_visible(timeout=10_000)
        with serving(bot, port):
            expect(bot_said(page, "three")).to_be_visible(timeout=20_000)
            expect(page.get_by_text("I'm away for a moment")).to_be_hidden()
            expect(page.locator("#log > .bot")).to_have_text(["one", "two", "three"])
        assert [message.text for message in bot.heard] == ["one", "two", "three"]


def test_a_bot_that_is_silent_for_five_seconds_is_said_to_be_away_until_it_answers(browser, bot):
    async def slow(message) -> list[dict]:
        await asyncio.sleep(7.0)
        return [{"text": "at last"}]

    bot.answer = slow
    with serving(bot, turn_seconds=30.0) as url, opened(browser, url) as page:
        say(page, "hello")
        page.wait_for_timeout(3000)
        expect(page.get_by_text("I'm away for a moment")).to_be_hidden()
        expect(page.get_by_text("I'm away for a moment")).to_be_visible(timeout=3000)
        expect(bot_said(page, "at last")).to_be_visible()
        expect(page.get_by_text("I'm away for a moment")).to_be_hidden()


def test_two_pages_of_one_conversation_show_the_same(page):
    other = page.context.new_page()
    other.goto(page.url)
    say(page, "a film")
    for each in (page, other):
        expect(each.locator(".card")).to_have_count(4)
        expect(each.locator("#log > .user")).to_have_text(["a film"])


def test_a_new_conversation_is_asked_for_twice_and_starts_empty(page, bot):
    say(page, "hello")
    expect(bot_said(page, "hello")).to_be_visible()
    page.get_by_role("button", name="New conversation").click()
    page.get_by_role("button", name="Keep this one").click()
    expect(bot_said(page, "hello")).to_be_visible()
    page.get_by_role("button", name="New conversation").click()
    page.get_by_role("button", name="Start a new one").click()
    expect(page.locator("#log > li")).to_have_count(0)
    say(page, "hello again")
    expect(bot_said(page, "hello again")).to_be_visible()
    first, second = (message.sender_id for message in bot.heard)
    assert first != second
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", name) for name in (first, second)), "192 random bits"


@pytest.mark.parametrize("width", [320, 400])
def test_a_phone_shows_everything_without_scrolling_sideways(browser, url, width):
    with opened(browser, url, viewport={"width": width, "height": 640}, has_touch=True) as page:
        say(page, "w" * 300)
        say(page, "a film")
        expect(page.locator(".card")).to_have_count(4)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for number in range(card(page, 3).get_by_role("button").count()):
            box = card(page, 3).get_by_role("button").nth(number).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["height"] >= 30, "a thumb can hit it"


def test_a_new_list_is_seen_from_its_top(page):
    for number in range(3):
        say(page, f"film {number}")
        expect(page.locator(".card")).to_have_count(4 * (number + 1))
    time.sleep(0.8)  # the page scrolls smoothly
    top = page.locator("#log > .user").last.bounding_box()["y"]
    assert 0 < top < 200


def test_rating_a_card_does_not_move_it(page):
    say(page, "a film")
    expect(page.locator(".card")).to_have_count(4)
    page.wait_for_timeout(600)
    before = card(page, 1).bounding_box()["y"]
    card(page, 1).get_by_role("button", name="Seen").click()
    expect(bot_said(page, "Noted")).to_have_count(1)
    page.wait_for_timeout(600)
    assert card(page, 1).bounding_box()["y"] == before


def test_a_picture_is_sent_recognised_and_taken_up_by_a_press(page, bot, tmp_path):
    """With the real reader and the real catalogue: a poster that we draw ourselves."""
    sheet = Image.new("RGB", (600, 400), "black")
    ImageDraw.Draw(sheet).text((60, 150), "BLADE RUNNER", fill="white", font=ImageFont.load_default(70))
    sheet.save(tmp_path / "poster.jpg")
    page.locator("#file").set_input_files(tmp_path / "poster.jpg")
    expect(page.locator("#log > .user")).to_have_text(["📷 A picture"])
    expect(bot_said(page, "Blade Runner (1982)")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Yes, that's it").click()
    expect(bot_said(page, "Something like Blade Runner (1982)")).to_be_visible()
    assert [message.text for message in bot.heard] == ["Something like Blade Runner (1982)"]


def test_files_that_are_none_are_named_and_told_apart_and_large_ones_are_not_sent_whole(browser, url, bot, tmp_path):
    with opened(browser, url) as page:
        note = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"just some words"}
        page.locator("#file").set_input_files(note)
        expect(bot_said(page, "neither a recording nor a picture")).to_be_visible(timeout=30_000)  # the first file
        (tmp_path / "large.jpg").write_bytes(b"\xff\xd8\xff" + b"\0" * 30_000_000)
        with page.expect_request("**/chat/media?*") as sent:
            page.locator("#file").set_input_files(tmp_path / "large.jpg")
        expect(bot_said(page, "at most 12 MB")).to_be_visible()
        assert int(sent.value.all_headers()["content-length"]) == 12_000_001
        page.context.set_offline(True)
        page.locator("#file").set_input_files(note)
        expect(page.locator("#log > .note")).to_contain_text("no connection")
        expect(page.locator("#log > .user")).to_have_text(["📎 notes.txt", "📷 A picture", "📎 notes.txt"])
        assert bot.heard == []


def test_speech_is_recorded_sent_and_asked_about_when_nobody_speaks(browser, url, bot):
    """Chromium's fake microphone beeps: no words."""
    with opened(browser, url, permissions=["microphone"]) as page:
        speak = page.get_by_role("button", name="Speak")
        speak.click()
        expect(speak).to_have_attribute("aria-pressed", "true")
        page.wait_for_timeout(1500)
        speak.click()
        expect(speak).to_have_attribute("aria-pressed", "false")
        expect(page.locator("#log > .bot")).to_contain_text(re.compile("say it again"), timeout=30_000)
        assert bot.heard == []


def test_what_is_said_into_the_microphone_is_said_in_the_chat(browser, url, bot, tmp_path):
    """From a voice to the user's own message. The fake microphone plays a recording."""
    (tmp_path / "said.wav").write_bytes(spoken("I want to watch a science fiction film"))
    plays = f"--use-file-for-fake-audio-capture={tmp_path / 'said.wav'}%noloop"
    arguments = ["--no-sandbox", *MICROPHONE, plays]
    chromium = browser.browser_type.launch(executable_path="/usr/bin/chromium", args=arguments)
    with opened(chromium, url, permissions=["microphone"]) as page:
        speak = page.get_by_role("button", name="Speak")
        speak.click()
        page.wait_for_timeout(4500)
        speak.click()
        expect(page.locator("#log > .user")).to_contain_text("science fiction film", timeout=30_000)
        expect(page.locator(".card")).to_have_count(4)
        assert "science fiction film" in bot.heard[0].text
    chromium.close()
