"""A running bot for tests: action server and Rasa, started by the launcher on ports and databases of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from chatrec.settings import ROOT, Settings
from deploy.servers import free_port

READY = 300  # seconds until a stack must answer


@dataclass
class Stack:
    """``make run`` without make, on its own ports and databases. ``stop`` and ``start`` restart everything."""

    settings: Settings
    process: subprocess.Popen | None = None
    env: dict[str, str] = field(default_factory=dict)
    launcher: str = "deploy.local"

    @property
    def url(self) -> str:
        return f"http://localhost:{self.settings.port}/chat"

    def start(self) -> None:
        log = (self.settings.var / "launcher.log").open("w")
        env = {**os.environ, **self.env}
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.launcher], cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True
        )
        self._wait()

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
            self.process = None

    def _wait(self) -> None:
        deadline = time.monotonic() + READY
        while "is ready" not in (self.settings.var / "launcher.log").read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("the stack did not start:\n" + (self.settings.var / "launcher.log").read_text()[-3000:])
            time.sleep(0.2)


@contextmanager
def running(var: Path, launcher: str = "deploy.local", /, **env: str) -> Iterator[Stack]:
    """A stack of its own for a test that breaks things."""
    base = Settings.read({})
    port, action_port = free_port(), free_port()
    settings = replace(base, var=var, db=f"sqlite:///{var / 'chatrec.db'}", port=port, action_port=action_port)
    names = {
        "CHATREC_CONSENT": "given",  # most tests are about people who are remembered
        "CHATREC_VAR": var,
        "CHATREC_DB": settings.db,
        "CHATREC_PORT": port,
        "CHATREC_ACTION_PORT": action_port,
    }
    stack = Stack(settings, env={**{k: str(v) for k, v in names.items()}, **env}, launcher=launcher)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
