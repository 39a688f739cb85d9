"""What a user says or presses, checked before anything else sees it."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import asdict, dataclass, replace
from typing import Any

from rasa.core.channels.channel import OutputChannel, UserMessage

from channels.messages import Message, user_message
from chatrec import tracing
from chatrec.errors import BadInput

MAX_CHARS = 1_000
KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")  # ids that a page or the store makes
CONVERSATION = re.compile(r"[A-Za-z0-9_-]{22,64}")  # 22 characters of base64 hold 128 bits: nobody guesses one

# What a button means to the dialogue, and what it says in the transcript.
INTENTS = {"like": "accept", "dislike": "reject", "seen": "seen", "more": "critique_feature", "why": "explain_why"} | {
    "forget": "correct_profile"  # a line of the profile
}
WORDS = {
    "like": "👍 I like this one",
    "dislike": "👎 Not this one",
    "seen": "I've seen this one",
    "more": "More like this one",
    "why": "Why this one?",
    "forget": "Forget that about me",
}

# What can be asked for by name, with a command or a button: the intent, and what it says in the transcript.
COMMANDS = {
    "start": ("greet", "Hello"),
    "recommend": ("ask_recommendation", "Recommend me something"),
    "profile": ("show_profile", "What do you know about me?"),
    "correct": ("correct_profile", "Something you know about me is wrong"),
    "export": ("export_data", "Give me all you know about me"),
    "forget": ("forget_me", "Forget everything about me"),
    "help": ("help", "What can you do?"),
}


@dataclass(frozen=True)
class Button:
    """A click on a card: what was clicked, on which item of which list."""

    kind: str
    item_id: str
    impression_id: str


@dataclass(frozen=True)
class Incoming:
    """One message of a user: typed, a command, or a click. ``message_id`` is the page's or platform's own and stays
    the same on a retry; ``user`` stays the same over all conversations. ``intent`` is what a command means.
    ``sent`` puts the messages of a conversation in order (a clock or a counter of the platform's). ``notice`` is the
    response said before the answer, and without a text instead of one. ``pressed`` is the platform's message whose
    button it was, ``file`` the platform's handle of a recording or picture, whose caption is ``text``. A turn that the
    bot begins has a button and no text."""

    user: str
    conversation: str
    message_id: str
    text: str
    button: Button | None = None
    intent: str = ""
    sent: float = 0.0
    notice: str = ""
    pressed: Any = None
    file: Any = None

    @property
    def typed(self) -> bool:
        """Whether the text is the user's own, and not what a button or a command says for them."""
        return not self.button and not self.intent

    def named(self, command: str) -> Incoming:
        """The message as a command means it."""
        intent, words = COMMANDS[command]
        return replace(self, text=words, intent=intent)

    def echo(self) -> Message:
        """The message as pages show it."""
        return user_message(self.message_id, self.text, asdict(self.button) if self.button else None)

    def to_rasa(self, output: OutputChannel, channel: str) -> UserMessage:
        """The message as Rasa takes it. A click or a command brings its own parse, so no wording can pass for one."""
        return UserMessage(
            self.text,
            output,
            self.conversation,
            parse_data=None if self.typed else self._parsed(),
            input_channel=channel,
            message_id=self.message_id,
            metadata={
                "user": self.user,
                "message_id": self.message_id,
                "source": "button" if self.button else "command" if self.intent else "text",
                **tracing.carrier(),
            },
        )

    def _parsed(self) -> dict[str, Any]:
        intent = self.intent or INTENTS[self.button.kind]
        entities = [{"entity": "feedback", "value": asdict(self.button)}] if self.button else []
        return {"text": self.text, "intent": {"name": intent, "confidence": 1.0}, "entities": entities}


def read_message(body: bytes) -> Incoming:
    """Read a posted message. Raises :class:`BadInput` with one line when anything about it is wrong."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise BadInput("The body must be JSON.") from None
    if not isinstance(data, dict):
        raise BadInput("The body must be a JSON object.")
    if ("text" in data) == ("button" in data):
        raise BadInput("Send either text or button.")
    conversation = read_conversation(data.get("conversation"))
    user = _matching(data, "user", CONVERSATION) if "user" in data else conversation
    message_id = _matching(data, "message_id", KEY)
    if "text" in data:
        return Incoming(user, conversation, message_id, read_text(data["text"]))
    button = read_button(data["button"])
    return Incoming(user, conversation, message_id, WORDS[button.kind], button)


def read_conversation(value: Any) -> str:
    """A conversation's id, or :class:`BadInput`."""
    return _matching({"conversation": value}, "conversation", CONVERSATION)


def read_text(text: Any) -> str:
    """Typed text without control characters and without leading slashes, which Rasa would read as an intent.
    Raises :class:`BadInput` when nothing is left."""
    if not isinstance(text, str):
        raise BadInput("text must be a string.")
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    said = re.sub(r"^[\s/]+", "", kept)[:MAX_CHARS].rstrip()
    if not said:
        raise BadInput("There are no words in it.")
    return said


def read_button(data: Any) -> Button:
    """A click: ``{kind, item_id, impression_id}``. Raises :class:`BadInput`."""
    if not isinstance(data, dict):
        raise BadInput("button must be an object.")
    kind, item_id = data.get("kind"), data.get("item_id")
    if not isinstance(kind, str) or kind not in INTENTS:
        raise BadInput(f"button.kind must be one of {', '.join(INTENTS)}.")
    if not isinstance(item_id, str) or not item_id.isprintable() or not 0 < len(item_id) <= 128:
        raise BadInput("button.item_id must be 1 to 128 printable characters.")
    return Button(kind, item_id, _matching(data, "impression_id", KEY))


def _matching(data: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadInput(f"{name} must match {pattern.pattern}.")
    return value
