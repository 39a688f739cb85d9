"""Rasa's own commands, run as a designer types them: from the project's root, in pipes or in a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from chatrec.settings import ROOT

PATIENCE = 200  # seconds that a command may take; Rasa alone needs 10 to 20 to start
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NOISE = re.compile(
    r"site-packages|No labels to evaluate|identical (left|bottom)"
)  # Rasa's, TensorFlow's, matplotlib's


@dataclass(frozen=True)
class Result:
    """What a command has printed, without colours, and its exit code; none while it runs."""

    code: int | None
    text: str

    @property
    def warnings(self) -> list[str]:
        """Lines that warn, or report an error, about something of this project."""
        lines = [line for line in self.text.splitlines() if re.search(r"Warning:|WARNING|ERROR", line)]
        return [line for line in lines if not _NOISE.search(line)] + _named(self.text)


def _named(text: str) -> list[str]:
    """Warnings that Rasa raises in its own files but that speak of our intents, responses or training data."""
    return re.findall(r"UserWarning: .*(?:utter_|action_|intent|entity|\.yml|story|stories).*", text)


@dataclass
class Job:
    """A command in the background, its output in a file."""

    process: subprocess.Popen
    log: Path

    def read(self) -> Result:
        return Result(self.process.poll(), _STYLE.sub("", self.log.read_text(errors="replace")))

    def result(self) -> Result:
        self.process.wait(PATIENCE)
        return self.read()


class Terminal:
    """A command on a terminal of its own, as a person sits before it."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._screen, far = pty.openpty()
        self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=far, stdout=far, stderr=far)
        os.close(far)
        self.text = ""
        self._waited = 0  # up to where in the text

    def wait_for(self, words: str) -> None:
        """Read until the words are on the screen, after all that was waited for before."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.text.find(words, self._waited)) < 0:
            if time.monotonic() > deadline or not self._read():
                pytest.fail(f"never saw {words!r}:\n{self.text[-2000:]}")
        self._waited = found + len(words)

    def type(self, line: str) -> None:
        os.write(self._screen, f"{line}\r".encode())

    def read(self) -> Result:
        return Result(self._process.poll(), self.text)

    def result(self) -> Result:
        while self._read():
            pass
        self._process.wait(PATIENCE)
        return self.read()

    def close(self) -> None:
        """End the command, whatever it is doing."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._screen)

    def _read(self) -> bool:
        """Take in what has come; false when the command has hung up or says nothing for a long time."""
        if not select.select([self._screen], [], [], PATIENCE)[0]:
            return False
        try:
            seen = os.read(self._screen, 4096)
        except OSError:  # how Linux says that the other side is gone
            return False
        self.text += _STYLE.sub("", seen.decode(errors="replace"))
        return bool(seen)


@pytest.fixture(scope="module")
def env(tmp_path_factory) -> dict[str, str]:
    """The environment of the commands: as the Makefile sets it, with databases of their own."""
    var = tmp_path_factory.mktemp("var")
    quiet = {
        "RASA_TELEMETRY_ENABLED": "false",
        "HF_HUB_OFFLINE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "PYTHONWARNINGS": "ignore:pkg_resources is deprecated:UserWarning",
        "PROMPT_TOOLKIT_NO_CPR": "1",  # the terminals here don't tell where their cursor is
    }
    own = {"CHATREC_VAR": str(var), "CHATREC_DB": f"sqlite:///{var / 'chatrec.db'}", "SANIC_HOST": "127.0.0.1"}
    return {**os.environ, **quiet, **own}


@pytest.fixture(scope="module")
def start(env, tmp_path_factory) -> Callable[..., Job]:
    """Start ``rasa ARGUMENTS`` in the background."""
    folder = tmp_path_factory.mktemp("logs")

    def start(*arguments: str) -> Job:
        log = folder / f"{len(list(folder.iterdir()))}.log"
        with log.open("w") as out:
            process = subprocess.Popen(_rasa(*arguments), cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)
        return Job(process, log)

    return start


@pytest.fixture
def terminal(env) -> Iterator[Callable[..., Terminal]]:
    """Open ``rasa ARGUMENTS`` on a terminal, which is closed after the test."""
    opened: list[Terminal] = []

    def terminal(*arguments: str) -> Terminal:
        opened.append(Terminal(_rasa(*arguments), env))
        return opened[-1]

    yield terminal
    for each in opened:
        each.close()


@pytest.fixture(scope="module")
def actions(start) -> Iterator[tuple[Job, str]]:
    """``rasa run actions``, answering, and its address."""
    port = _free_port()
    job, url = start("run", "actions", "--port", port), f"http://127.0.0.1:{port}"
    _wait_for(f"{url}/health", job)
    yield job, url
    job.process.terminate()
    job.process.wait(30)


@pytest.fixture(scope="module")
def endpoints(actions, tmp_path_factory) -> str:
    """An ``endpoints.yml`` that names this action server; trackers stay in memory."""
    path = tmp_path_factory.mktemp("endpoints") / "endpoints.yml"
    path.write_text(yaml.safe_dump({"action_endpoint": {"url": f"{actions[1]}/webhook"}}))
    return str(path)


@pytest.fixture
def port() -> str:
    """One that nobody listens on."""
    return _free_port()


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _wait_for(url: str, job: Job) -> None:
    deadline = time.monotonic() + PATIENCE
    while job.process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    pytest.fail(f"no answer from {url}:\n{job.log.read_text()[-2000:]}")


def _rasa(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rasa", *arguments]
