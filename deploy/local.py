"""Everything on one machine: ``python -m deploy.local`` (``make run``) starts the action server and Rasa.

Both start side by side; one line tells when they answer. Ctrl-C or SIGTERM stops both. Exit codes: 0 stopped on
request, 2 a setting that can't work (a busy port), 1 a server that does not start.
"""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path

import yaml
from rich.console import Console

from chatrec.errors import BadInput, ChatRecError, ModelMissing
from chatrec.settings import Settings
from deploy.servers import Child, Server, how_it_ended, last_lines, stop

HOST = "127.0.0.1"  # only this machine: a public bot belongs behind a proxy
PATIENCE = 300.0  # seconds until a server that does not answer counts as failed
TICK = 0.2  # seconds between two looks


class Launcher:
    """Starts, watches and stops the servers. A signal only sets ``stopping``, so that no step is cut in two."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.children: list[Child] = []
        self.stopping = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        self.stopping = True

    def run(self, stages: Iterable[Sequence[Server]], ready: str) -> None:
        """Until a signal. ``stages``: what starts together, each stage once all before it answer. ``ready``: the line
        to print then. Raises: ChatRecError."""
        try:
            for servers in stages:
                for server in servers:
                    self.children.append(Child(server))
                self._wait(self.children[-len(servers) :])
                if self.stopping:
                    return
            self.console.print(ready, soft_wrap=True, highlight=False)
            self._watch()
        finally:
            stop(self.children)

    def _wait(self, waiting: Sequence[Child]) -> None:
        began = time.monotonic()
        with self.console.status("") as status:
            while waiting and not self.stopping:
                self._check(waiting, began)
                waiting = [child for child in waiting if not child.server.answers()]
                names = " and ".join(child.server.name for child in waiting)
                status.update(f"Starting: waiting for {names} ({time.monotonic() - began:.0f} s)")
                time.sleep(TICK)

    def _check(self, waiting: Sequence[Child], began: float) -> None:
        for child in waiting:
            if child.dead:
                self._fail(child, how_it_ended(child.process.returncode))
            if time.monotonic() - began > PATIENCE:
                self._fail(child, f"did not answer within {PATIENCE:.0f} s")

    def _fail(self, child: Child, what: str) -> None:
        self.console.print(last_lines(child.server.log), end="", markup=False, highlight=False)
        raise ChatRecError(f"{child.server.name} {what}; the whole log is in {child.server.log}")

    def _watch(self) -> None:
        while not self.stopping:
            for child in self.children:
                if news := child.poll():
                    self.console.print(news, markup=False, highlight=False)
            time.sleep(TICK)


RASA = (sys.executable, "-m", "rasa", "run")
# Threads that wait must sleep: two servers that spin on the same cores slow each other down fivefold. And without a
# limit on malloc's arenas each of forty threads keeps the memory that its largest list took.
ENV = {"RASA_TELEMETRY_ENABLED": "false", "SANIC_HOST": HOST, "OMP_WAIT_POLICY": "PASSIVE", "MALLOC_ARENA_MAX": "2"}


def servers(settings: Settings) -> tuple[Server, ...]:
    """The action server and Rasa, as the settings want them. Raises: ModelMissing."""
    return action_server(settings), rasa(settings)


def action_server(settings: Settings) -> Server:
    return Server(
        name="the action server",
        command=(*RASA, "actions", "--port", str(settings.action_port)),
        health=f"http://{HOST}:{settings.action_port}/health",
        log=settings.var / "logs" / "actions.log",
        folder=settings.root,
        env=ENV,
    )


def rasa(settings: Settings, name: str = "Rasa", port: int | None = None, files: Path | None = None) -> Server:
    """A Rasa server. ``files``: another ``endpoints.yml`` than the settings'. Raises: ModelMissing."""
    port = port or settings.port
    model = settings.root / "models" / "rasa.tar.gz"
    if not model.exists():
        raise ModelMissing(f"{model.relative_to(settings.root)} is not there: `make train` trains it")
    options = ("--interface", HOST, "--port", str(port), "--model", str(model))
    wiring = ("--credentials", str(credentials(settings)), "--endpoints", str(files or endpoints(settings)))
    return Server(
        name=name,
        command=(*RASA, *options, *wiring),
        health=f"http://{HOST}:{port}/chat/health",
        log=settings.var / "logs" / f"{name.lower().replace(' ', '-')}.log",
        folder=settings.root,
        env=ENV,
    )


def credentials(settings: Settings) -> Path:
    """The ``credentials.yml`` to use: the one in the root, or a copy under ``var`` with the channels of
    ``deploy/channels.yml`` whose tokens are in the environment. Values stay variables, so no secret is written."""
    usual = settings.root / "credentials.yml"
    more = yaml.safe_load((settings.root / "deploy" / "channels.yml").read_text())
    set_up = {
        channel: {name: value for name, value in options.items() if value[2:-1] in settings.given}
        for channel, options in more.items()
    }
    wanted = {channel: options for channel, options in set_up.items() if "token" in options}
    if not wanted:
        return usual
    copy = settings.var / "credentials.yml"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(yaml.safe_dump(yaml.safe_load(usual.read_text()) | wanted))
    return copy


def endpoints(settings: Settings) -> Path:
    """The ``endpoints.yml`` to use: the one in the root, or a copy under ``var`` for another port or another var."""
    usual = settings.root / "endpoints.yml"
    found = yaml.safe_load(usual.read_text())
    wanted = {key: dict(value) for key, value in found.items()}
    wanted["action_endpoint"]["url"] = f"http://localhost:{settings.action_port}/webhook"
    if settings.var != settings.root / "var" and found.get("tracker_store", {}).get("dialect") == "sqlite":
        wanted["tracker_store"]["db"] = str(settings.var / Path(found["tracker_store"]["db"]).name)
    if wanted == found:
        return usual
    copy = settings.var / "endpoints.yml"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(yaml.safe_dump(wanted))
    return copy


def check_port(port: int, setting: str) -> None:
    """Raises: BadInput when the port can't be listened on, most often because somebody else does."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OverflowError:
            raise BadInput(f"{setting}={port}: ports go from 1 to 65535") from None
        except PermissionError:
            raise BadInput(f"port {port} needs root: choose one above 1023 with {setting}") from None
        except OSError:
            raise BadInput(f"port {port} is in use: stop what uses it, or choose another with {setting}") from None


def launch(stages: Callable[[Settings], Iterable[Sequence[Server]]]) -> int:
    """Start what the settings make of ``stages``, and stay until a signal. Returns the exit code."""
    console, errors = Console(), Console(stderr=True)
    try:
        settings = Settings.read()
        check_port(settings.port, "CHATREC_PORT")
        check_port(settings.action_port, "CHATREC_ACTION_PORT")
        ready = f"Chat-REC is ready: http://localhost:{settings.port}/chat"
        Launcher(console).run(stages(settings), ready)
    except ChatRecError as error:
        errors.print(f"Chat-REC can't start: {error}", markup=False, highlight=False, soft_wrap=True)
        return 2 if isinstance(error, BadInput) else 1
    return 0


if __name__ == "__main__":
    sys.exit(launch(lambda settings: [servers(settings)]))
