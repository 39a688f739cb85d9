"""Slack's Web API for tests: checks each call as strictly as slack_sdk's own models and Slack's documented limits."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import time
from typing import Any
from urllib.parse import urlencode

import httpx
from fake_api import Api, Fields
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

SECRET = "signing-secret"
BOT, TEAM = "U0BOT", "T0TEAM"
numbers = itertools.count(1)


class Slack:
    """Answers calls; ``refused`` says what was wrong with those that Slack would refuse, which tests expect empty."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.limited = 0  # how many of the next posts meet the rate limit
        self.address = ""  # of the server that asks
        self.files: dict[str, bytes] = {}  # under files-pri/
        self.known: dict[str, Fields] = {}  # what files.info tells
        self.uploads: dict[str, str] = {}  # id -> name of a file that is being uploaded
        self.scopes = {"files:write"}

    def __call__(self, method: str, fields: Fields) -> tuple[int, Any]:
        if method == "chat.postMessage" and self.limited:
            self.limited -= 1
            return 429, {"ok": False, "error": "ratelimited"}
        if method in self.files:
            return 200, self.files[method]
        if method == "login":
            return 302, b"please log in"
        if method == "upload":
            return 200, b"OK"
        if method.startswith("files.get") and "files:write" not in self.scopes:
            return 200, {"ok": False, "error": "missing_scope", "needed": "files:write"}
        if wrong := self._wrong(method, fields):
            self.refused.append(f"{method}: {wrong}")
            return 200, {"ok": False, "error": wrong}
        return 200, {"ok": True, **self._result(method, fields)}

    def _result(self, method: str, fields: Fields) -> Fields:
        number = next(numbers)
        if method == "files.getUploadURLExternal":
            self.uploads[f"F{number}"] = fields["filename"]
        return {
            "auth.test": {"user_id": BOT, "bot_id": "B0BOT", "team_id": TEAM, "team": "t", "user": "rec", "url": "u"},
            "files.getUploadURLExternal": {"upload_url": f"{self.address}/upload", "file_id": f"F{number}"},
            "files.completeUploadExternal": {"files": fields.get("files")},
            "conversations.open": {"channel": {"id": f"D{fields.get('users', '')}"}},
            "chat.postMessage": {"ts": f"{number}.000100", "channel": fields.get("channel")},
            "apps.connections.open": {"url": self.address.replace("http", "ws") + "/socket"},
            "files.info": {"file": self.known.get(fields.get("file", ""))},
        }.get(method, {})

    def _wrong(self, method: str, fields: Fields) -> str:
        """What Slack would refuse in a call; "" when nothing."""
        try:
            if method in ("chat.postMessage", "chat.update"):
                return _wrong_message(method, fields)
            if method == "views.publish":
                View(**fields["view"]).validate_json()
                return "" if fields["user_id"].startswith("U") else "user_not_found"
        except SlackObjectFormationError as error:
            return f"invalid_blocks: {error}"
        if method == "files.info":
            return "" if fields.get("file") in self.known else "file_not_found"
        if method == "files.getUploadURLExternal":
            return "" if fields.get("filename") and int(fields.get("length", 0)) > 0 else "invalid_arguments"
        if method == "files.completeUploadExternal":
            return "" if all(file["id"] in self.uploads for file in fields["files"]) else "file_not_found"
        known = ("auth.test", "conversations.open", "apps.connections.open")
        return "" if method in known else "unknown_method"


def _wrong_message(method: str, fields: Fields) -> str:
    blocks = fields.get("blocks", [])
    for block in Block.parse_all(blocks):
        block.to_dict()
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    actions = [[e["action_id"] for e in b["elements"]] for b in blocks if b["type"] == "actions"]
    thread = fields.get("thread_ts")
    wrong = {
        "no_text": not fields.get("text"),
        "msg_too_long": len(fields.get("text", "")) > 40_000,
        "invalid_blocks: more than 50": len(blocks) > 50,
        "invalid_blocks: ids": len(set(ids)) < len(ids) or any(len(i) > 255 for i in ids),
        "invalid_blocks: action ids": any(len(set(a)) < len(a) or not 0 < len(a) <= 25 for a in actions),
        "invalid_thread_ts": thread is not None and not re.fullmatch(r"\d+\.\d{6}", thread),
        "channel_not_found": not re.fullmatch(r"[CDG]\w+", fields.get("channel", "")),
        "message_not_found": method == "chat.update" and not fields.get("ts"),
    }
    return next((error for error, is_so in wrong.items() if is_so), "")


def signed(
    body: Fields | bytes, form: bool = False, secret: str = SECRET, at: float | str | None = None, **headers: str
) -> Fields:
    """Content and headers of a request signed as Slack signs: an event as JSON, an interaction as the ``payload`` of a
    form, a command as a form."""
    if isinstance(body, bytes):
        content = body
    elif form:
        content = urlencode(body if "command" in body else {"payload": json.dumps(body)}).encode()
    else:
        content = json.dumps(body).encode()
    timestamp = str(int(time.time()) if at is None else at)
    signature = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + content, hashlib.sha256).hexdigest()
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    own = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={signature}", "Content-Type": kind}
    return {"content": content, "headers": own | headers}


def send(url: str, body: Fields | bytes, form: bool = False, **how: Any) -> httpx.Response:
    return httpx.post(url, **signed(body, form, **how), timeout=10, trust_env=False)


def stamp() -> str:
    return f"{next(numbers)}.000200"


def event(text: str, channel: str = "D1", user: str = "U1", **more: Any) -> Fields:
    """A message; in a direct channel unless another is named."""
    kind = {"channel_type": "im" if channel.startswith("D") else "channel"}
    inner = {"type": "message", "user": user, "text": text, "channel": channel, "ts": stamp(), **kind, **more}
    return {"type": "event_callback", "team_id": TEAM, "event_id": f"Ev{next(numbers)}", "event": inner}


def shared(api: Api, name: str, kind: str, **more: Any) -> Fields:
    """What an event tells of a file that lies at Slack."""
    url = f"{api.address}/files-pri/{name}"
    return {"id": f"F{name}", "name": name, "mimetype": kind, "size": 1000, "url_private_download": url, **more}


def press(
    action: Fields, block_id: str, channel: str = "D1", message: Fields | None = None, user: str = "U1"
) -> Fields:
    """A press on a button of a message, or of the Home tab without one."""
    place = {"channel": {"id": channel}, "message": message} if message else {"view": {"type": "home"}}
    pressed = {**action, "block_id": block_id, "action_ts": stamp()}
    body = {"type": "block_actions", "team": {"id": TEAM}, "user": {"id": user}, "trigger_id": f"t{next(numbers)}"}
    return body | place | {"actions": [pressed]}


def command(text: str, channel: str = "C1", user: str = "U1") -> Fields:
    sent = {"command": "/recommend", "text": text, "channel_id": channel, "user_id": user, "team_id": TEAM}
    return sent | {"trigger_id": f"t{next(numbers)}"}
