"""Voice messages and pictures, for every channel: a file becomes what the user said, or a question back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from channels.messages import Message
from channels.queue import TooMany
from channels.sayings import Sayings
from chatrec import media
from chatrec.errors import BadInput
from chatrec.media import MAX_BYTES, Heard, Seen

WAITING = 8  # files that may be worked on at once, over all conversations; a long one takes ten seconds
CHOICES = 3  # items that are asked about
READ = ("utter_seen_nothing", "utter_seen_item", "utter_seen_several")
LOOKED = ("utter_alike_nothing", "utter_alike_item", "utter_alike_several")


class Attachments:
    """Understands files, each in a thread, so that nobody waits for somebody else's."""

    def __init__(self, understand: Callable[[bytes], Heard | Seen] = media.understand) -> None:
        self._understand = understand
        self._busy = 0

    async def read(self, data: bytes, says: Sayings, caption: str = "") -> str | Message:
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
        if isinstance(found, Seen):
            return seen(found, says, caption)
        says.hear(found.text)
        return heard(found, says, caption)


def allow(size: int | None) -> None:
    """Turn a file away by its size, before and while it is downloaded. Raises: BadInput."""
    if (size or 0) > MAX_BYTES:
        raise BadInput(f"a file may have at most {MAX_BYTES // 1_000_000} MB: send a smaller one")


def heard(found: Heard, says: Sayings, caption: str = "") -> str | Message:
    """The text of a recording, after that of its caption; a question when it is not sure."""
    said = f"{caption} {found.text}".strip()
    if found.sure:
        return said
    if not found.text:
        return says("utter_heard_nothing")
    return says("utter_heard_unsure", heard=found.text, said=said)


def seen(found: Seen, says: Sayings, caption: str = "") -> Message:
    """Which item a picture shows, asked; the answer says what the caption does, or asks for the like."""
    nothing, one, several = LOOKED if found.looked else READ
    choices, wish = found.matches[:CHOICES], caption.strip() or says("utter_seen_wish")["text"]
    if not choices:
        return says(nothing)
    asked = [says(several if choices[1:] else one, item=match.heading, wish=wish) for match in choices]
    return asked[0] | {"buttons": [button for each in asked for button in each.get("buttons", ())]}
