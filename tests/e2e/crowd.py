"""Twenty users who go on pressing buttons while something breaks, as the page does: again until it is done."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx
from stacks import Stack

from chatrec.client import ChatClient
from chatrec.errors import ChatRecError
from chatrec.store import Store

USERS = 20
PAUSE = 4.0  # seconds between two presses of one user: five a second of all, what two cores take
PATIENCE = 240.0  # seconds until a press must have been done; a server needs ten to come back, on a machine of its own


class Page(ChatClient):
    """One user's page, with a list on it."""

    def open(self) -> None:
        lists: list[dict] = []
        while not lists:  # a machine that is busy with the start may apologise first
            lists = [m["custom"] for m in self.say("a western please") if m.get("custom")]
        self.list = lists[0]

    def press(self) -> list[float]:
        """Like something, until that is done, every time twice over. Returns the seconds until each sign of life: an
        answer, an apology, or no connection, of which the page tells."""
        item, message_id = secrets.choice(self.list["items"])["item_id"], secrets.token_hex(12)
        button = {"kind": "like", "item_id": item, "impression_id": self.list["impression_id"]}
        body = {"user": self.user, "conversation": self.conversation, "message_id": message_id, "button": button}
        waits, deadline = [], time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            began = time.monotonic()
            done = self._delivered(message_id, body)
            waits.append(time.monotonic() - began)
            if done:
                return waits
            time.sleep(0.5)
        raise AssertionError("a press was never done")

    def _delivered(self, message_id: str, body: dict) -> bool:
        with suppress(httpx.HTTPError, ChatRecError):
            twice = [self._http.post(f"{self.url}/messages", json=body) for _ in range(2)]
            if {reply.status_code for reply in twice} == {202}:
                replies = [reply.json() for reply in twice]
                if not any(reply["done"] for reply in replies):
                    self._answer(message_id, replies[0]["after"])
                return self._http.post(f"{self.url}/messages", json=body).json()["done"]
        return False


@dataclass
class Crowd:
    """``waits``: seconds of everybody's turns; ``pressed``: how many presses were done, by user."""

    pages: Sequence[Page]
    waits: list[float] = field(default_factory=list)
    pressed: dict[str, int] = field(default_factory=dict)

    def stored(self, stack: Stack) -> dict[str, int]:
        """How many likes the store has, by user."""
        store = Store.open(stack.settings.db, stack.settings.store_secret())
        kept = {p.user: [e for e in store.events(store.user(p.user), "movies") if e.kind == "like"] for p in self.pages}
        store.close()
        return {user: len(events) for user, events in kept.items()}


def gather(stack: Stack) -> Crowd:
    pages = [Page(stack.url, secrets.token_hex(16), seconds=20) for _ in range(USERS)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Page.open, pages))
    return Crowd(pages, pressed={page.user: 0 for page in pages})


@contextmanager
def pressing(crowd: Crowd) -> Iterator[None]:
    """Everybody presses, with pauses, as long as the block lasts; then what was begun is ended."""
    over = threading.Event()

    def one(page: Page) -> None:
        over.wait(PAUSE * secrets.randbelow(100) / 100)
        while not over.is_set():
            crowd.waits += page.press()
            crowd.pressed[page.user] += 1
            over.wait(PAUSE)

    crowd.waits.clear()
    with ThreadPoolExecutor(USERS) as pool:
        talks = [pool.submit(one, page) for page in crowd.pages]
        try:
            yield
        finally:
            over.set()
        for talk in talks:
            talk.result(PATIENCE)
