"""Twenty users who go on pressing buttons while something breaks, as the page does: again until it is done."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx
import psutil
from stacks import Stack

from chatrec.client import ChatClient
from chatrec.errors import ChatRecError
from chatrec.store import Store

PROMISE = 5.0  # seconds within which every user gets an answer or an apology
SPELL = 5  # seconds over which others may have taken the machine
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
            time.sleep(PAUSE / 2)
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


class Others:
    """How much of the machine goes to programs that are not ours, looked at once a second.

    ``slowness``: what that makes of a second of ours in the worst spell; 1 on a machine of our own.
    """

    def __init__(self, stack: Stack) -> None:
        self._launcher = psutil.Process(stack.process.pid)
        self._over = threading.Event()
        self._shares: list[float] = []
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Others:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def slowness(self) -> float:
        spells = [self._shares[i : i + SPELL] for i in range(max(1, len(self._shares) - SPELL + 1))]
        return 1 / (1 - min(0.9, max((sum(spell) / len(spell) for spell in spells if spell), default=0.0)))

    def _look(self) -> None:
        before = self._times()
        while not self._over.wait(1.0):
            now = self._times()
            total, busy, ours = (new - old for new, old in zip(now, before, strict=True))
            self._shares.append(max(0.0, busy - max(0.0, ours)) / max(total, 1e-6))
            before = now

    def _times(self) -> tuple[float, float, float]:
        """Seconds of all processors, those in which they worked, and those of them that were ours. Of a process that
        was killed, the launcher has the time."""
        machine = psutil.cpu_times()
        ours = 0.0
        for process in (psutil.Process(), self._launcher, *self._launcher.children(recursive=True)):
            with suppress(psutil.Error):
                used = process.cpu_times()
                ours += used.user + used.system
                ours += used.children_user + used.children_system if process == self._launcher else 0.0
        total = sum(machine) - machine.guest - machine.guest_nice
        return total, total - machine.idle - machine.iowait, ours


@contextmanager
def breaking(stack: Stack, crowd: Crowd) -> Iterator[None]:
    """Twenty users press while the block breaks something: each gets a sign in time, each press is stored once.

    In time is ``PROMISE``, and as much more as other programs take of the machine meanwhile."""
    before, pressed = crowd.stored(stack), dict(crowd.pressed)
    with Others(stack) as others, pressing(crowd):
        time.sleep(1)
        yield
        time.sleep(2)
    wait_until(lambda: metric(stack, "chatrec_spool_length") == 0, "the spool is empty")
    stored = crowd.stored(stack)
    longest, slowness = max(crowd.waits), others.slowness
    print(f"longest wait {longest:.1f} s of {len(crowd.waits)}; others made the machine {slowness:.1f} times slower")
    assert {u: stored[u] - before[u] for u in stored} == {u: crowd.pressed[u] - pressed[u] for u in stored}
    assert sum(crowd.pressed.values()) > sum(pressed.values())
    assert longest < PROMISE * slowness


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.2)


def answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=2).status_code == 200
    return False


def actions(stack: Stack, path: str) -> httpx.Response:
    """What the action server says of itself."""
    return httpx.get(f"http://localhost:{stack.settings.action_port}{path}", timeout=5)


def metric(stack: Stack, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", actions(stack, "/metrics").text, re.MULTILINE)
    return float(found[1])
