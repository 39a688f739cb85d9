"""npm's telegram-test-api, started for a test: an independent Bot API server with people to talk to the bot."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from deploy.servers import free_port

FOLDER = Path(__file__).with_name("telegram_api")


@dataclass
class TelegramServer:
    """``token``: the bot's."""

    address: str
    token: str
    process: subprocess.Popen
    files: Path
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10, trust_env=False))

    def say(self, user: int, text: str) -> None:
        self._post("sendMessage", self._from(user) | {"text": text})

    def share(self, user: int, kind: str, data: bytes, **more: Any) -> None:
        """A ``voice`` message or a ``photo``."""
        name = f"{kind}{user}"
        (self.files / name).write_bytes(data)
        file = {"file_id": name, "file_unique_id": name, "file_size": len(data)}
        told = [file | {"width": 600, "height": 900}] if kind == "photo" else file | {"duration": 3}
        self._post("sendMessage", self._from(user) | {kind: told} | more)

    def command(self, user: int, text: str) -> None:
        entities = [{"type": "bot_command", "offset": 0, "length": len(text.partition(" ")[0])}]
        self._post("sendCommand", self._from(user) | {"text": text, "entities": entities})

    def press(self, user: int, data: str, message: dict[str, Any]) -> None:
        """``message``: the bot's, as :meth:`messages` gives it."""
        shown = {key: message[key] for key in ("text", "reply_markup")}
        under = self._from(user) | shown | {"message_id": message["message_id"]}
        self._post("sendCallback", self._from(user) | {"data": data, "message": under})

    def messages(self, user: int) -> list[dict[str, Any]]:
        """What the bot has said to somebody so far, as it looks now."""
        history = self._post("getUpdatesHistory", {"token": self.token})["result"]
        said = [entry for entry in history if "chat_id" in entry.get("message", {})]
        mine = [entry for entry in said if str(entry["message"]["chat_id"]) == str(user)]
        return [entry["message"] | {"message_id": entry["messageId"]} for entry in mine]

    def calls(self) -> list[str]:
        """Names of the methods that the bot called, in order."""
        self.process.stdin.write("calls\n")
        self.process.stdin.flush()
        return [method for method, _ in json.loads(self.process.stdout.readline())]

    def _from(self, user: int) -> dict[str, Any]:
        author = {"id": user, "first_name": "Ann", "is_bot": False}
        chat = {"id": user, "type": "private", "first_name": "Ann"}
        return {"botToken": self.token, "from": author, "chat": chat, "date": int(time.time())}

    def _post(self, path: str, data: dict[str, Any]) -> Any:
        return self.http.post(f"{self.address}/{path}", json=data).raise_for_status().json()


@contextmanager
def telegram_server(token: str = "1:token") -> Iterator[TelegramServer]:
    """The server on a free port. Installs it on first use; skips the test where there is no npm."""
    if not shutil.which("npm"):
        pytest.skip("telegram-test-api needs node and npm")
    if not (FOLDER / "node_modules").exists():
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=FOLDER, check=True, timeout=120)
    port = free_port()
    pipe = subprocess.PIPE
    with TemporaryDirectory() as files:
        command = ["node", "server.js", str(port), files]
        with subprocess.Popen(command, cwd=FOLDER, stdin=pipe, stdout=pipe, text=True) as process:
            assert process.stdout.readline().strip() == "ready"
            yield TelegramServer(f"http://127.0.0.1:{port}", token, process, Path(files))
            process.stdin.close()
