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
from pathlib import Path

import httpx
import numpy as np
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
    """What programs that are not ours make of our second, looked at once a second.

    ``slowness`` of the worst spell: the time that our threads ran or waited for a processor by the time that they ran,
    but not more than the processors that others left us explain; 1 on a machine of our own.
    """

    def __init__(self, stack: Stack) -> None:
        self._launcher = psutil.Process(stack.process.pid)
        self._over = threading.Event()
        self._seconds: list[np.ndarray] = []
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Others:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def slowness(self) -> float:
        spells = [sum(self._seconds[i : i + SPELL]) for i in range(max(1, len(self._seconds) - SPELL + 1))]
        return max((self._of(*spell) for spell in spells if np.any(spell)), default=1.0)

    @staticmethod
    def _of(total: float, busy: float, ran: float, waited: float) -> float:
        others = min(0.9, max(0.0, busy - ran) / max(total, 1e-6))
        return min(1 / (1 - others), (ran + waited) / max(ran, 1e-6))

    def _look(self) -> None:
        machine, threads = self._machine(), self._threads()
        while not self._over.wait(1.0):
            before, known = machine, threads
            machine, threads = self._machine(), self._threads()
            ours = sum((threads[t] - known.get(t, 0) for t in threads), np.zeros(2)) / 1e9
            self._seconds.append(np.concatenate([machine - before, ours]))

    def _machine(self) -> np.ndarray:
        """Seconds of all processors, and those in which they worked."""
        times = psutil.cpu_times()
        total = sum(times) - times.guest - times.guest_nice
        return np.array([total, total - times.idle - times.iowait])

    def _threads(self) -> dict[str, np.ndarray]:
        """Nanoseconds that each of our threads ran, and waited to."""
        found = {}
        for process in (psutil.Process(), self._launcher, *self._launcher.children(recursive=True)):
            for path in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
                with suppress(OSError):
                    found[path.parent.name] = np.array(path.read_text().split()[:2], dtype=float)
        return found


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
    amiss = {u: (stored[u] - before[u], crowd.pressed[u] - pressed[u]) for u in stored}
    amiss = {u: counts for u, counts in amiss.items() if counts[0] != counts[1]}
    assert not amiss, f"stored and pressed, by user: {amiss}"
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
