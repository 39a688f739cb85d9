"""A conversation as Rasa's tracker remembers it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from rasa.shared.core.events import BotUttered, Event, UserUttered
from sanic import Sanic

from channels.messages import Message, bot_message, user_message
from channels.sayings import Sayings

KEPT = 200  # messages that a page gets back


async def events(app: Sanic, conversation: str) -> list[Event]:
    """All events of a conversation, oldest first; none for a new one."""
    tracker = await app.ctx.agent.tracker_store.retrieve_full_tracker(conversation)
    return list(tracker.events) if tracker else []


def messages(events: Iterable[Event], leave_out: Set[str], says: Sayings) -> list[Message]:
    """The latest messages of both sides, oldest first, as the page showed them; a turn that got no answer got an
    apology. The turns of the message ids in ``leave_out`` are missing: they are still going on."""
    said: list[Message] = []
    for turn in _turns(events):
        if turn[0]["from"] == "user" and "button" not in turn[0]:
            says.hear(turn[0]["text"])
        if turn[0].get("message_id") not in leave_out:
            said += turn if len(turn) > 1 or turn[0]["from"] == "bot" else [*turn, apology(says, turn[0]["message_id"])]
    return said[-KEPT:]


def apology(says: Sayings, message_id: str) -> Message:
    """What is said when there is no answer to a message."""
    return says("utter_no_answer", of=message_id)


def handled(events: Iterable[Event]) -> frozenset[str]:
    """Ids of the user's messages that got an answer."""
    turns = [turn for turn in _turns(events) if len(turn) > 1 and turn[0]["from"] == "user"]
    return frozenset(turn[0]["message_id"] for turn in turns if turn[0]["message_id"])


def heard(events: Iterable[Event]) -> Iterator[str]:
    """What users wrote or said, oldest first; not what buttons and commands say for them."""
    for event in events:
        if isinstance(event, UserUttered) and event.text and (event.metadata or {}).get("source", "text") == "text":
            yield event.text


def _turns(events: Iterable[Event]) -> Iterator[list[Message]]:
    """Each message of the user with the bot's answers to it. The bot may also speak first."""
    turn: list[Message] = []
    for event in events:
        if isinstance(event, UserUttered):
            if turn:
                yield turn
            turn = [user_message(event.message_id, event.text, _click(event))] if event.text else []
        elif isinstance(event, BotUttered) and (message := bot_message(event.message())):
            turn.append(message)
    if turn:
        yield turn


def _click(event: UserUttered) -> dict[str, str] | None:
    return next((e["value"] for e in event.entities if e.get("entity") == "feedback"), None)
