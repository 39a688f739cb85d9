"""The form in which messages reach the page, live and from the history alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Message = dict[str, Any]


def user_message(message_id: str, text: str, button: Mapping[str, str] | None) -> Message:
    """What the user typed or clicked."""
    message = {"from": "user", "message_id": message_id, "text": text}
    return message | {"button": dict(button)} if button else message


def forgets(message: Message) -> bool:
    """Whether the bot says that it has forgotten the user."""
    return (message.get("custom") or {}).get("kind") == "forgotten"


def file_name(message: Message) -> str:
    """What the file is called that the message's text is for platforms that have files; "" when it is no file."""
    custom = message.get("custom")
    return str(custom["name"]) if isinstance(custom, dict) and custom.get("kind") == "file" else ""


def bot_message(response: Mapping[str, Any]) -> Message:
    """A Rasa response as one message: ``text``, and where there are any, ``buttons`` and ``custom``; {} when empty."""
    text = "\n".join(str(response[key]) for key in ("text", "image", "attachment") if response.get(key))
    buttons = [
        {"title": str(b["title"]), "payload": str(b.get("payload") or b["title"])}
        for b in (response.get("buttons") or response.get("quick_replies") or [])
    ]
    extras = {key: value for key, value in (("buttons", buttons), ("custom", response.get("custom"))) if value}
    return {"from": "bot", "text": text} | extras if text or extras else {}
