"""Talks to the running bot through the web chat's HTTP interface, as its page does."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterator
from typing import Any

import httpx

from chatrec.errors import BadInput, ChatRecError


class ChatClient:
    """One conversation with the bot at ``url``, such as ``http://localhost:5005/chat``.

    ``conversation``: at least 22 characters of A-Z a-z 0-9 _ -; the same id goes on with the same conversation, none
    begins a new one. ``user``: who is remembered, of the same form; the conversation itself when not given.
    ``seconds``: how long the bot may show no sign of life. Methods return the bot's messages of the turn in order:
    ``{"id", "from": "bot", "text"}``, some with ``buttons`` (``[{title, payload}]``) and
    ``custom`` (a list's cards).

    Raises :class:`BadInput` for what the bot refuses to take, :class:`ChatRecError` when no answer comes.
    """

    def __init__(
        self, url: str, conversation: str | None = None, seconds: float = 60.0, user: str | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.conversation = conversation or secrets.token_urlsafe(24)
        self.user = user or self.conversation
        self._http = httpx.Client(timeout=httpx.Timeout(seconds, connect=5.0), trust_env=False)

    def say(self, text: str) -> list[dict[str, Any]]:
        """Say something; returns the answer."""
        return self._turn({"text": text})

    def click(self, kind: str, item_id: str, impression_id: str) -> list[dict[str, Any]]:
        """Press a card's button: like, dislike, seen, more or why; returns the answer."""
        return self._turn({"button": {"kind": kind, "item_id": item_id, "impression_id": impression_id}})

    def history(self) -> list[dict[str, Any]]:
        """All that both sides said so far, as far as the bot remembers."""
        try:
            reply = self._http.get(f"{self.url}/history", params={"conversation": self.conversation})
        except httpx.HTTPError as error:
            raise self._silence(error) from None
        return self._checked(reply)["messages"]

    def close(self) -> None:
        self._http.close()

    def _turn(self, said: dict[str, Any]) -> list[dict[str, Any]]:
        message_id = secrets.token_hex(12)
        body = {"user": self.user, "conversation": self.conversation, "message_id": message_id, **said}
        try:
            while True:  # said again, it is not answered again
                taken = self._checked(self._http.post(f"{self.url}/messages", json=body))
                if taken["done"]:
                    return self._answered(message_id)
                answer = self._answer(message_id, taken["after"])
                if answer is not None:
                    return answer
        except httpx.HTTPError as error:
            raise self._silence(error) from None

    def _answered(self, message_id: str) -> list[dict[str, Any]]:
        """The bot's messages after ours, as it remembers them."""
        messages = self.history()
        ours = next((i for i, m in enumerate(messages) if m.get("message_id") == message_id), len(messages))
        return list(itertools.takewhile(lambda message: message["from"] == "bot", messages[ours + 1 :]))

    def _answer(self, message_id: str, after: int) -> list[dict[str, Any]] | None:
        """The bot's messages between the echo of ours and the end of our turn; None when the conversation has moved to
        another server meanwhile, whose positions are others."""
        said: list[dict[str, Any]] = []
        started = False
        params = {"conversation": self.conversation, "after": after}
        with self._http.stream("GET", f"{self.url}/stream", params=params) as stream:
            stream.raise_for_status()
            for name, data in _events(stream.iter_lines()):
                started = started or data.get("message_id") == message_id
                if name == "reset":
                    return None
                if name == "message" and started and data["from"] == "bot":
                    said.append(data)
                elif name == "done" and data["message_id"] == message_id:
                    return said
        raise ChatRecError("The bot stopped in the middle of an answer: start it again with `make run`.")

    def _checked(self, reply: httpx.Response) -> dict[str, Any]:
        if reply.status_code in (400, 413):
            raise BadInput(reply.json()["error"])
        reply.raise_for_status()
        return reply.json()

    def _silence(self, error: httpx.HTTPError) -> ChatRecError:
        if isinstance(error, httpx.TimeoutException):
            return ChatRecError(f"The bot at {self.url} takes too long to answer: see var/logs.")
        if isinstance(error, httpx.HTTPStatusError):
            return ChatRecError(f"The bot at {self.url} answers with HTTP {error.response.status_code}: see var/logs.")
        return ChatRecError(f"No bot answers at {self.url}: start it with `make run`.")


def _events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and data of each server-sent event; comments are left out."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield fields["event"], json.loads(fields["data"])
            fields = {}
