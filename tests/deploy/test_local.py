"""The launcher: what it starts comes up together, is watched, and never outlives it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from chatrec.errors import BadInput, ModelMissing
from chatrec.settings import ROOT, Settings
from deploy.local import check_port, credentials, endpoints, servers
from deploy.servers import LOG_SIZE, put_aside

SMALL = Path(__file__).with_name("small_stack.py")


class Running:
    """A launcher in a process of its own over two tiny servers, and what it prints."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(SMALL), str(folder), *options],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=(folder / "out").open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def printed(self) -> str:
        return (self.folder / "out").read_text()

    def pid(self, name: str) -> int:
        return int((self.folder / f"{name}.pid").read_text())

    def wait_for(self, words: str) -> None:
        until(lambda: words in self.printed, f"{words!r} in the output")

    def ends(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(15)


def until(condition: Callable[[], bool], what: str, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """A zombie that nobody waited for counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def launch(tmp_path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*options: str) -> Running:
        started.append(Running(tmp_path, *options))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.wait()


def test_ready_is_printed_once_all_answer(launch):
    running = launch("--late")
    until(lambda: (running.folder / "two.pid").exists(), "the late server has started")
    assert "ready" not in running.printed
    running.wait_for("All are ready")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_and_the_exit_code_is_0(launch, number):
    running = launch("--with-child")
    running.wait_for("All are ready")
    assert running.ends(number) == 0
    assert not any(alive(running.pid(name)) for name in ("one", "two", "grandchild"))


def test_a_signal_before_everything_answers_stops_it_too(launch):
    running = launch("--late")
    until(lambda: (running.folder / "two.pid").exists(), "the late server has started")
    assert running.ends(signal.SIGINT) == 0
    assert "ready" not in running.printed
    assert not alive(running.pid("two"))


def test_a_server_that_ignores_sigterm_is_killed_after_the_grace(launch):
    running = launch("--deaf")
    running.wait_for("All are ready")
    began = time.monotonic()
    assert running.ends(signal.SIGTERM) == 0
    assert 7 < time.monotonic() - began < 14
    assert not alive(running.pid("two"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent ended")
def test_the_servers_die_with_a_launcher_that_is_killed(launch):
    running = launch("--deaf")
    running.wait_for("All are ready")
    running.ends(signal.SIGKILL)
    until(lambda: not alive(running.pid("one")) and not alive(running.pid("two")), "both servers are gone", 2)


def test_a_server_that_dies_is_restarted_and_the_user_is_told(launch):
    running = launch()
    running.wait_for("All are ready")
    first = running.pid("one")
    os.kill(first, signal.SIGKILL)
    running.wait_for("one was ended by SIGKILL; restarting at once")
    running.wait_for("one was restarted")
    until(lambda: running.pid("one") != first and alive(running.pid("one")), "another process runs")


def test_the_second_restart_waits_longer(launch):
    running = launch()
    running.wait_for("All are ready")
    for wait in ("at once", "in 1 s", "in 2 s"):
        os.kill(running.pid("one"), signal.SIGKILL)
        running.wait_for(f"restarting {wait}")
        dead = running.pid("one")
        until(lambda dead=dead: running.pid("one") != dead, "another process runs")


def test_a_server_that_cannot_start_ends_all_with_the_last_lines_of_its_log(launch):
    running = launch("--fails")
    assert running.process.wait(15) == 1
    assert "the disk is full" in running.printed
    assert f"two ended with exit code 1; the whole log is in {running.folder / 'two.log'}" in running.printed
    assert not alive(running.pid("one"))


def test_a_busy_port_is_one_line_and_exit_code_2(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "deploy.local"],
            cwd=ROOT,
            env={**os.environ, "CHATREC_PORT": str(port), "CHATREC_VAR": str(tmp_path)},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"Chat-REC can't start: port {port} is in use: stop what uses it, or choose another with CHATREC_PORT"
    ]
    assert not list(tmp_path.glob("logs/*")), "nothing was started"


@pytest.mark.parametrize("port", [0x10000, -1])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(BadInput, match="1 to 65535"):
        check_port(port, "CHATREC_PORT")


def test_without_a_dialogue_model_the_way_to_get_one_is_told(tmp_path):
    with pytest.raises(ModelMissing, match="make train"):
        servers(Settings(root=tmp_path, var=tmp_path / "var"))


def test_the_usual_ports_use_the_endpoints_of_the_root():
    assert endpoints(Settings()) == ROOT / "endpoints.yml"


def test_another_action_port_and_var_reach_rasa_by_a_copy_of_the_endpoints(tmp_path):
    path = endpoints(replace(Settings(), var=tmp_path, action_port=5999))
    copied, usual = yaml.safe_load(path.read_text()), yaml.safe_load((ROOT / "endpoints.yml").read_text())
    assert path.parent == tmp_path
    assert copied["action_endpoint"]["url"] == "http://localhost:5999/webhook"
    assert copied["tracker_store"]["db"] == str(tmp_path / "rasa.db")
    assert copied.keys() == usual.keys()


def test_without_tokens_the_credentials_of_the_root_are_used():
    assert credentials(Settings()) == ROOT / "credentials.yml"
    assert credentials(replace(Settings(), given=frozenset({"TELEGRAM_URL"}))) == ROOT / "credentials.yml"


def test_a_channel_whose_token_is_set_is_added_with_what_else_is_set_and_no_secret_is_written(tmp_path):
    given = Settings.read({"TELEGRAM_TOKEN": "1:secret", "TELEGRAM_SECRET": "", "SLACK_API": "http://there"}).given
    path = credentials(replace(Settings(), var=tmp_path, given=given))
    usual = yaml.safe_load((ROOT / "credentials.yml").read_text())
    assert path.parent == tmp_path
    added = {"channels.telegram.Telegram": {"token": "${TELEGRAM_TOKEN}"}}
    assert yaml.safe_load(path.read_text()) == usual | added


def test_a_log_that_has_grown_is_put_aside_at_the_next_start(tmp_path):
    small, large = tmp_path / "small.log", tmp_path / "large.log"
    small.write_text("kept")
    large.write_bytes(b"x" * (LOG_SIZE + 1))
    put_aside(small)
    put_aside(large)
    assert small.read_text() == "kept"
    assert not large.exists()
    assert (tmp_path / "large.log.1").stat().st_size == LOG_SIZE + 1
