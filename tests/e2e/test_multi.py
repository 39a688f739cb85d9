"""Several processes on one machine: each is killed in turn while twenty users press, and nothing is lost or doubled."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from crowd import Crowd, breaking, gather, wait_until
from stacks import Stack, running

from chatrec.client import ChatClient
from chatrec.errors import ChatRecError
from chatrec.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture(scope="module")
def multi():
    with tempfile.TemporaryDirectory(prefix="chatrec-multi-") as folder:  # short enough for PostgreSQL's socket
        Path(folder).chmod(0o755)  # and open to the database's own user
        with running(Path(folder), "deploy.multi") as stack:
            url = (Path(folder) / "postgres" / "url").read_text()
            stack.settings = Settings.read({**stack.env, "CHATREC_DB": url.format("chatrec")})
            yield stack


@pytest.fixture(scope="module")
def crowd(multi) -> Crowd:
    return gather(multi)


def processes(stack: Stack, *words: str) -> list[psutil.Process]:
    """Those of the stack whose command holds all the words, by age."""
    found = psutil.Process(stack.process.pid).children(recursive=True)
    return [process for process in found if all(word in process.cmdline() for word in words)]


def postmaster(stack: Stack) -> list[psutil.Process]:
    """PostgreSQL itself, which is nobody's child."""
    data = stack.settings.var / "postgres" / "data"
    pid = int((data / "postmaster.pid").read_text().split()[0])
    return [psutil.Process(pid)] if psutil.pid_exists(pid) else []


VICTIMS: dict[str, Callable[[Stack], list[psutil.Process]]] = {
    "a Rasa server": lambda stack: processes(stack, "run", "--interface")[:1],
    "the other Rasa server": lambda stack: processes(stack, "run", "--interface")[-1:],
    "the action server": lambda stack: processes(stack, "run", "actions"),
    "the proxy": lambda stack: processes(stack, "deploy.proxy"),
    "Redis": lambda stack: [p for p in psutil.Process(stack.process.pid).children() if p.name() == "redis-server"],
    "what watches PostgreSQL": lambda stack: processes(stack, "deploy.postgres"),
    "PostgreSQL": postmaster,
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_process_is_killed_while_twenty_users_press(victim, multi, crowd):
    all_of_them = len(psutil.Process(multi.process.pid).children())
    with breaking(multi, crowd):
        [process] = VICTIMS[victim](multi)
        process.kill()
        process.wait(10)
        wait_until(lambda: answered(multi), "somebody new is answered", 240)
    wait_until(lambda: len(psutil.Process(multi.process.pid).children()) == all_of_them, "all run again", 240)


def answered(stack: Stack) -> bool:
    """Somebody new gets a list."""
    with suppress(ChatRecError):
        answer = ChatClient(stack.url, secrets.token_hex(16)).say("a western please")
        return any(message.get("custom") for message in answer)
    return False
