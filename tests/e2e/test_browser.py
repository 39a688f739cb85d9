"""The first conversation in a real browser, on the running bot: words, cards, clicks, and what is stored of them."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from chatrec.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.alone]
LIKES = "[data-kind='like']"


@pytest.fixture
def page(stack):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        opened = browser.new_page()
        opened.set_default_timeout(20_000)
        opened.goto(stack.url)
        yield opened
        browser.close()


def say(page: Page, text: str, lists: int) -> list[str]:
    """Send a message; the ids on the newest list once there are so many lists."""
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")
    return newest(page, lists)


def newest(page: Page, lists: int) -> list[str]:
    deadline = time.monotonic() + 30
    while len(set(shown := [b.get_attribute("data-impression") for b in page.locator(LIKES).all()])) < lists:
        assert time.monotonic() < deadline, f"{len(set(shown))} lists instead of {lists}"
        page.wait_for_timeout(100)
    likes = page.locator(f"[data-impression='{shown[-1]}'][data-kind='like']")
    return [button.get_attribute("data-item") for button in likes.all()]


def test_the_first_conversation_in_a_browser(page, stack, movies):
    """Two clicks are stored with their impression, and the next list is another one because of them."""
    hosts = set()
    page.on("request", lambda request: hosts.add(re.sub(r"^(\w+://[^/]+).*", r"\1", request.url)))
    first = say(page, "I want to watch a science fiction film", 1)
    assert len(first) == 5
    assert all("Sci-Fi" in movies.item(i).attributes["genres"] for i in first)
    page.locator(f"[data-kind='like'][data-item='{first[1]}']").click()
    expect(page.locator("#log")).to_contain_text(re.compile("you like", re.IGNORECASE))
    page.locator(f"[data-kind='dislike'][data-item='{first[0]}']").click()
    expect(page.locator("#log")).to_contain_text("isn't for you")
    second = say(page, "show me more", 2)
    assert second and not set(first) & set(second)
    third = say(page, "something newer", 3)
    assert third and not set(third) & {*first, *second}

    store = Store.open(stack.settings.db, stack.settings.store_secret())
    user = store.find_user(page.evaluate("localStorage.getItem('user')"))
    stored = {(e.item_id, e.kind): e.impression_id for e in store.events(user, "movies")}
    assert set(stored) == {(first[1], "like"), (first[0], "dislike")}
    assert len(set(stored.values())) == 1
    assert store.impression(stored[(first[1], "like")]).item_ids == tuple(first)
    assert hosts <= {stack.url.rsplit("/", 1)[0]}
