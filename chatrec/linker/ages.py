"""How old somebody is: "for my 9yo", "a six year old", "she's eight", "I'm 78". The schema says what that asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatrec.linker.amounts import NUMBER, number
from chatrec.linker.english import CLOSED
from chatrec.linker.text import Message
from chatrec.schema import Schema
from chatrec.types import Constraint, Mention

_PEOPLE = "son|daughter|boy|girl|kid|child|nephew|niece|grandson|granddaughter|brother|sister|mum|mom|dad|nan|gran|baby"
_SHE = (
    rf"(?:(?:s?he|they|who|(?:my|our|the) (?:\w+ )?(?:{_PEOPLE})s?)(?:'?s|'re| is| are| was| turns| turned)|"
    r"i(?:'?m| am| turn))"
)
_OLD = re.compile(
    rf"(?<![\w.,$€£/])(?P<age>{NUMBER})[ -]?(?:(?P<months>months?|mths?|weeks?)[ -]?old|(?:years?|yrs?|y)[ -]?old|"
    r"yo|y/o)s?\b"
    rf"|\b{_SHE} (?:(?:only|just|about|now|nearly|almost) )*(?P<is>\d\d?|(?!an?\b|one\b)(?:{NUMBER}))"
    rf"(?: (?:years?|yrs?) old)?(?=\s*(?:$|[,.;!?)]|and\b|so\b|but\b|now\b|next\b|not\b))"
    r"|\b(?:aged?|turning|turns) (?P<aged>\d\d?)\b"
)
_IS_A_THING = re.compile(r"[ -](?P<noun>[a-z]+)")  # "a 12 year old whisky"
_ACTING = frozenset(
    re.findall(
        r"\w+",
        """son daughter boy girl kid child nephew niece grandson granddaughter brother sister twins lad wants loves
        likes hates keeps needs gets got wont cant doesnt isnt hasnt finds watches coming cousin mum dad""",
    )
)
_OLDEST = 110


class Ages:
    """The values that a schema gives to ages of people, as in ``ages = { Children = { max = 12 } }`` of a slot."""

    def __init__(self, schema: Schema) -> None:
        self._slots = [slot for slot in schema.slots.values() if slot.ages]

    def find(self, message: Message) -> Iterator[Mention]:
        """A mention for every age that a value is for."""
        for found in _OLD.finditer(message.plain) if self._slots else ():
            group = next(name for name in ("age", "is", "aged") if found[name])
            years = 0.0 if found["months"] else number(found[group])
            if years <= _OLDEST and not self._of_a_thing(message, found):
                yield from self._mentions(message, found.start(group), found.end(), years)

    @staticmethod
    def _of_a_thing(message: Message, found: re.Match[str]) -> bool:
        """Whether the age is that of what stands behind it, or of "films 10 years old"."""
        if found["age"] and found.group().endswith("s old"):
            return True
        noun = _IS_A_THING.match(message.plain, found.end())
        return bool(found["age"] and noun and noun["noun"] not in CLOSED | _ACTING)

    def _mentions(self, message: Message, start: int, end: int, years: float) -> Iterator[Mention]:
        for slot in self._slots:
            for value, (low, high) in slot.ages.items():
                if (low is None or low <= years) and (high is None or years <= high):
                    text = message.text[start:end]
                    yield Mention(slot.name, start, end, text, value, (Constraint(slot.name, "is", (value,), text),))
                    return
