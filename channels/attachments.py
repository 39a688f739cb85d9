"""Voice messages and pictures, for every channel: a file becomes what the user said, or a question back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from channels.messages import Message, bot_says
from channels.queue import TooMany
from chatrec import media
from chatrec.errors import BadInput
from chatrec.media import MAX_BYTES, Heard, Match, Seen

WAITING = 8  # files that may be worked on at once, over all conversations; a long one takes ten seconds
CHOICES = 3  # items that are asked about
UNHEARD = "I couldn't hear any words in that. Please say it again, or type it."
UNSEEN = (
    "I can't tell what that is. I read the text on posters, covers and packs; I don't know things by their looks. "
    "What is it called?"
)


class Attachments:
    """Understands files, each in a thread, so that nobody waits for somebody else's."""

    def __init__(self, understand: Callable[[bytes], Heard | Seen] = media.understand) -> None:
        self._understand = understand
        self._busy = 0

    async def read(self, data: bytes, caption: str = "") -> str | Message:
        """What the user says with a file, as text to go on with; or, where that is not sure, what the bot asks back.

        ``caption``: what was written along with it. Raises: BadInput, whose message is for the user; TooMany;
        ModelMissing.
        """
        if self._busy >= WAITING:
            raise TooMany("Too many files are being looked at. Please try again in a moment.")
        self._busy += 1
        try:
            found = await asyncio.to_thread(self._understand, data)
        finally:
            self._busy -= 1
        return heard(found, caption) if isinstance(found, Heard) else seen(found, caption)


def allow(size: int | None) -> None:
    """Turn a file away by its size, before and while it is downloaded. Raises: BadInput."""
    if (size or 0) > MAX_BYTES:
        raise BadInput(f"a file may have at most {MAX_BYTES // 1_000_000} MB: send a smaller one")


def heard(found: Heard, caption: str = "") -> str | Message:
    """The text of a recording, after that of its caption; a question when it is not sure."""
    said = f"{caption} {found.text}".strip()
    if found.sure:
        return said
    if not found.text:
        return _asks(UNHEARD)
    return _asks(
        f"I heard “{found.text}”, but I'm not sure. Is that right? If not, say it again or type it.",
        ("Yes, that's right", said),
    )


def seen(found: Seen, caption: str = "") -> Message:
    """Which item a picture shows, asked; the answer says what the caption does, or asks for the like."""
    if not found.matches:
        return _asks(UNSEEN)
    said = caption.strip() or "Something like"
    choices = found.matches[:CHOICES]
    buttons = [(_yes(match, len(choices)), f"{said} {match.heading}") for match in choices]
    if len(choices) == 1:
        return _asks(f"Is it {choices[0].heading}?", *buttons)
    return _asks("Is it one of these?", *buttons)


def _yes(match: Match, choices: int) -> str:
    return "Yes, that's it" if choices == 1 else match.heading


def _asks(text: str, *buttons: tuple[str, str]) -> Message:
    message = bot_says(text)
    if buttons:
        message["buttons"] = [{"title": title, "payload": payload} for title, payload in buttons]
    return message
