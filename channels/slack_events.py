"""What Slack's events and interactions say to the bot."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from channels import render
from channels.incoming import COMMANDS, WORDS, Incoming, read_text
from chatrec.errors import BadInput

SUBTYPES = (None, "file_share", "thread_broadcast")  # of messages that a person wrote
LINK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")


def read_message(event: Mapping[str, Any], team: str, me: str) -> Incoming | None:
    """A message that a person wrote, in the thread it stands in or starts; None for all others."""
    if event.get("subtype") not in SUBTYPES or event.get("bot_id") or not event.get("user") or event["user"] == me:
        return None
    channel, sent = event["channel"], event["ts"]
    thread = event.get("thread_ts") or ("" if is_direct(event) else sent)
    said = _incoming(team, event["user"], where(team, channel, thread), f"slack-{channel}-{sent}", float(sent))
    files = event.get("files") or []
    file = next(filter(_may_be_read, files), None)
    notice = "utter_file_unreadable" if files and file is None else "utter_file_first" if len(files) > 1 else ""
    said = replace(said, file=file, notice=notice)
    try:
        return replace(said, text=read_text(plain(event.get("text") or "", me)))
    except BadInput:
        return said if files else said.named("help")


def _may_be_read(file: Mapping[str, Any]) -> bool:
    """A recording or picture that lies at Slack; of another workspace's files an event does not tell what they are."""
    if file.get("file_access") == "check_file_info":
        return True
    return not file.get("is_external") and str(file.get("mimetype")).startswith(("audio/", "image/"))


def is_direct(event: Mapping[str, Any]) -> bool:
    return event.get("channel_type") == "im"


def is_addressed(event: Mapping[str, Any], me: str) -> bool:
    """A direct message or a mention."""
    return is_direct(event) or f"<@{me}>" in (event.get("text") or "")


def is_for_another(event: Mapping[str, Any]) -> bool:
    """A message that begins with the name of somebody."""
    return (event.get("text") or "").lstrip().startswith("<@")


def read_press(body: Mapping[str, Any], team: str, direct: str) -> Incoming | None:
    """A press on a card, on an answer to a question, or on the Home tab, which is answered in the channel ``direct``;
    None for what is no button of ours."""
    action, user = body["actions"][0], body["user"]["id"]
    kind, _, _ = action["action_id"].partition(".")
    message, channel = body.get("message"), (body.get("channel") or {}).get("id") or direct
    conversation = where(team, channel, (message or {}).get("thread_ts") or "")
    sent = action["action_ts"]
    said = _incoming(team, user, conversation, f"slack-{user}-{sent}-{action['action_id']}", float(sent))
    said = replace(said, pressed=body)
    with suppress(BadInput):
        if kind == "card":
            button = render.unpack(action["value"])
            return replace(said, text=WORDS[button.kind], button=button)
        if kind == "say":
            return replace(said, text=read_text(action["value"]))
        if kind == "ask" and action["value"] in COMMANDS:
            return said.named(action["value"])
    return None


def read_command(body: Mapping[str, str], team: str, direct: str) -> Incoming:
    """``/recommend``, with a wish or without one. It is answered in the direct messages, where nobody else reads."""
    said = _incoming(team, body["user_id"], where(team, direct, ""), f"slack-{body['trigger_id']}", time.time())
    with suppress(BadInput):
        return replace(said, text=read_text(plain(body.get("text") or "", "")))
    return said.named("recommend")


def read_home(event: Mapping[str, Any], team: str, event_id: str) -> Incoming:
    """Somebody opens the Home tab, which shows what is known about them."""
    user = event["user"]
    sent = float(event.get("event_ts") or time.time())
    return _incoming(team, user, f"slack:{team}:home:{user}", f"slack-{event_id}", sent).named("profile")


def where(team: str, channel: str, thread: str) -> str:
    """A conversation's name: one for each thread, one for each direct message."""
    return ":".join(part for part in ("slack", team, channel, thread) if part)


def address(conversation: str) -> tuple[str, str | None]:
    """The channel and the thread that a conversation's name holds; for a Home tab ``home`` and the user."""
    _, _, channel, *thread = conversation.split(":")
    return channel, thread[0] if thread else None


def plain(text: str, me: str) -> str:
    """Slack's text as it was typed: links by their label, entities unescaped, the bot's own name left out."""

    def word(found: re.Match) -> str:
        target, label = found[1], found[2]
        if target.startswith("@"):
            return "" if target == f"@{me}" else f"@{label or 'somebody'}"
        return "" if target.startswith("!") else label or target.removeprefix("#")

    shown = LINK.sub(word, text)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        shown = shown.replace(entity, character)
    return shown.strip()


def _incoming(team: str, user: str, conversation: str, message_id: str, sent: float) -> Incoming:
    return Incoming(f"slack:{team}:{user}", conversation, message_id, "", sent=sent)
