"""The servers that make up a running Chat-REC: how each is started, watched and stopped.

Linux only in one respect: there a server also dies when the launcher is killed with ``kill -9``.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

GRACE = 8.0  # seconds a server has to finish the turns in flight after SIGTERM
STABLE = 60.0  # seconds after which a server counts as well, and its next restart is quick again
LONGEST_WAIT = 30.0  # seconds between two restarts, at most
LOG_SIZE = 5_000_000  # bytes; a larger log is put aside before a start
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Server:
    """What to start and how to see that it answers. ``health``: a URL that answers 200 once it does, or
    ``tcp://HOST:PORT`` that can be reached."""

    name: str
    command: tuple[str, ...]
    health: str
    log: Path
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def answers(self) -> bool:
        place = urlsplit(self.health)
        try:
            if place.scheme == "tcp":
                with socket.create_connection((place.hostname, place.port), timeout=1):
                    return True
            with urllib.request.urlopen(self.health, timeout=1) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False


class Child:
    """A server's process. ``failures`` counts the deaths in a row; ``poll`` restarts it after a growing wait."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.failures = 0
        self.start()

    def start(self) -> None:
        self.server.log.parent.mkdir(parents=True, exist_ok=True)
        put_aside(self.server.log)
        with self.server.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.server.command,
                cwd=self.server.folder,
                env={**os.environ, **self.server.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=tie_to_parent(),
            )
        self.started = time.monotonic()
        self.restart_at: float | None = None

    @property
    def dead(self) -> bool:
        return self.process.poll() is not None

    def poll(self) -> str | None:
        """One look at a server that has to run. Returns what there is to tell, if anything."""
        now = time.monotonic()
        if self.restart_at is not None:
            return self._restart() if now >= self.restart_at else None
        if not self.dead:
            return None
        self.failures = 1 if now - self.started > STABLE else self.failures + 1
        wait = 0.0 if self.failures == 1 else min(LONGEST_WAIT, 2.0 ** (self.failures - 2))
        self.restart_at = now + wait
        when = f"in {wait:.0f} s" if wait else "at once"
        return f"{self.server.name} {how_it_ended(self.process.returncode)}; restarting {when}"

    def _restart(self) -> str:
        self.signal(signal.SIGKILL)  # what the dead one may have left behind still holds the port
        self.start()
        return f"{self.server.name} was restarted"

    def signal(self, number: signal.Signals) -> None:
        """To the server and everything it started."""
        with suppress(ProcessLookupError):  # nobody left, which is what signals are for here
            os.killpg(self.process.pid, number)


def stop(children: list[Child]) -> None:
    """End one after the other, the last first, since it works with those before it: ask, wait ``GRACE`` seconds,
    insist."""
    for child in reversed(children):
        child.signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and not child.dead:
            time.sleep(0.05)
        child.signal(signal.SIGKILL)
        child.process.wait()


def tie_to_parent() -> Callable[[], None] | None:
    """A function for a new child, before it becomes the server: "kill me when my parent ends".

    Safe as a ``preexec_fn`` because the library is looked up here, in the parent. None where the kernel can't do it.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    return tie


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def put_aside(log: Path) -> None:
    """Keep one older log and begin anew once a log has grown beyond ``LOG_SIZE``."""
    if log.exists() and log.stat().st_size > LOG_SIZE:
        log.replace(log.with_suffix(".log.1"))


def how_it_ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def last_lines(log: Path, n: int = 15) -> str:
    """The end of a log file."""
    with log.open(errors="replace") as lines:
        return "".join(deque(lines, maxlen=n))
