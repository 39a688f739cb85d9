"""Places in the list that was shown: "the second one", "number 3", "first two", "both"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatrec.linker.text import Message
from chatrec.schema import Schema
from chatrec.types import Mention

_WORDS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_POSITIONS = {word: place for place, word in enumerate(_WORDS, 1)} | {"last": -1, "top": 1, "bottom": -1}
_FIGURES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COUNTS = {word: count for count, word in enumerate(_FIGURES, 1)}
_NOUNS = "one option choice pick suggestion recommendation result title item entry movie"
_PLACE = rf"(?P<place>{'|'.join(_POSITIONS)}|(?:[1-9]|10)(?:st|nd|rd|th))"
_FIGURE = rf"(?P<figure>10|[1-9]|{'|'.join(_FIGURES)})"
# What may stand behind "the second" when it means one of the list; "the second world war" has another word there.
_NEXT = (
    r"(?=\s*(?:$|[^\w\s'’-]|['’]s\b|(?:and|or|but|than|to|with|by|on|in|from|for|is|was|are|were|isn|wasn|looks?|sounds?|"
    r"seems?|has|had|have|please|pls|too|that|which|already|again|appeals?|instead|any|as|if|about|because|so|did|does|"
    r"got|it|not)\b))"
)
_SEVERAL_NEXT = r"(?=\s*(?:$|[^\w\s]|(?:and|or|but|look|sound|are|were|i|side|again|please)\b))"
_BOTH = re.compile(
    r"(?<!\bwe )(?<!\bthey )(?<!\byou )\bboth\b(?=\W*(?:$|of (?:them|these|those)|look|sound|are|were|please))"
)
_ALONE = re.compile(rf"^\W*(?:the )?{_PLACE}(?: (?:please|pls|then))?\W*$")
# A message of nothing but such words may name places in bare figures: "difference between 1 and 3?"
_BARE = re.compile(
    r"^(?:\W|\d|(?:the|and|or|not|no|pls|please|i|ll|take|pick|choose|show|me|tell|about|why|more|like|is|go|for|what|"
    r"which|how|s|compare|difference|differ|between|vs|versus|to|than|seen|both|are|do)\b)+$"
)
_DIGIT = re.compile(r"(?<![\d.,:/#])(?<!\bno )\b(?P<figure>10|[1-9])\b(?![.,:/]\d|\+|%|-)")


class Ordinals:
    """``value`` of a mention is the place from 1, or from the end when negative. Words that stand for several places
    ("first two", "both") give one mention for each, over the same words."""

    def __init__(self, schema: Schema) -> None:
        noun, plural = re.escape(schema.noun), re.escape(schema.plural)
        nouns = "|".join((*_NOUNS.split(), noun, plural))
        self._several = re.compile(
            rf"\b(?P<side>first|last|top) (?P<count>{'|'.join(_FIGURES[1:])}|[2-9])\b"
            rf"(?: (?:ones|{plural}))?{_SEVERAL_NEXT}"
        )
        self._patterns = (
            re.compile(rf"\b{_PLACE} (?:(?:{nouns})s?)\b(?!\W+(?:that )?(?:i|we) )"),
            re.compile(rf"\b(?:the|your|that|like|about|why|or|and|not|vs|versus|than|seen) {_PLACE}{_NEXT}"),
            re.compile(rf"\b{_PLACE}(?= (?:or|and) (?:the )?(?:{'|'.join(_POSITIONS)}|\d(?:nd|rd|th)))"),
            re.compile(rf"(?:#\s?|\b(?:number|no\.?|nr\.?|option|{noun}|movie) ){_FIGURE}\b(?!\s?[%/+.]|\s\w+s\b)"),
        )

    def find(self, message: Message) -> Iterator[Mention]:
        """Every ordinal in a message."""
        plain = message.plain
        for found in self._several.finditer(plain):
            count, first = _number(found["count"]), found["side"] != "last"
            for place in range(1, count + 1) if first else range(-count, 0):
                yield _mention(message, found.start(), found.end("count"), place)
        for found in _BOTH.finditer(plain):
            yield from (_mention(message, *found.span(), place) for place in (1, 2))
        patterns = (*self._patterns, _ALONE, *([_DIGIT] if _BARE.match(plain) else []))
        for found in (found for pattern in patterns for found in pattern.finditer(plain)):
            group = "figure" if "figure" in found.groupdict() else "place"
            yield _mention(message, *found.span(group), _number(found[group]))


def _number(word: str) -> int:
    if word in _POSITIONS:
        return _POSITIONS[word]
    return _COUNTS[word] if word in _COUNTS else int(re.sub(r"\D", "", word))


def _mention(message: Message, start: int, end: int, place: int) -> Mention:
    return Mention("ordinal", start, end, message.text[start:end], place)
