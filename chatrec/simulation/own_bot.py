"""A bot of its own for simulated users: the launcher in a process beside this one, on free ports and with an empty
store, so that nobody's bot remembers what never happened."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from chatrec.errors import ChatRecError
from chatrec.settings import Settings

READY = 300.0  # seconds until a bot must answer
STOP = 30.0  # seconds it may take to stop


@contextmanager
def own_bot(settings: Settings) -> Iterator[str]:
    """The address of a bot that lives as long as the block. Raises: ChatRecError when it does not start."""
    port, action_port = _free_ports(2)
    with tempfile.TemporaryDirectory(prefix="chatrec-") as var:
        own = {
            "CHATREC_VAR": var,
            "CHATREC_DB": f"sqlite:///{var}/chatrec.db",
            "CHATREC_CONSENT": "given",  # simulated users have nothing to hide
            "CHATREC_CACHE": str(settings.cache),
            "CHATREC_PORT": str(port),
            "CHATREC_ACTION_PORT": str(action_port),
        }
        log = Path(var) / "launcher.log"
        with log.open("w") as written:
            process = subprocess.Popen(
                [sys.executable, "-m", "deploy.local"],
                cwd=settings.root,
                env=os.environ | own,
                stdout=written,
                stderr=written,
                start_new_session=True,  # a Ctrl-C here must reach the bot only through us
            )
        try:
            _wait(process, f"http://localhost:{port}/chat", log)
            yield f"http://localhost:{port}/chat"
        finally:
            _stop(process)


def _wait(process: subprocess.Popen, url: str, log: Path) -> None:
    deadline = time.monotonic() + READY
    while "is ready" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            said = " ".join(log.read_text().split())[-500:]
            raise ChatRecError(f"the bot for the simulated users did not start: {said or 'no word from it'}")
        time.sleep(0.2)
    httpx.get(f"{url}/health", trust_env=False).raise_for_status()


def _stop(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
