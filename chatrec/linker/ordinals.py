"""Places in the list that was shown: "the second one", "number 3", "first two", "both"."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from chatrec.linker.english import FIGURES
from chatrec.linker.text import Message
from chatrec.schema import Schema
from chatrec.types import Mention

_WORDS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_POSITIONS = {word: place for place, word in enumerate(_WORDS, 1)} | {"last": -1, "top": 1, "bottom": -1}
_COUNTS = {word: count for count, word in enumerate(FIGURES[:10], 1)}
_NOUNS = "one option choice pick suggestion recommendation result title item entry movie"
_LOOSE = (  # only after "the": "my first trip" is none
    "place tip idea film product shoe dish trip advice exercise thing pair hotel resort offer itinerary version piece"
)
_PLACE = rf"(?P<place>{'|'.join(_POSITIONS)}|(?:[1-9]|10)(?:st|nd|rd|th))"
_FIGURE = rf"(?P<figure>10|[1-9]|{'|'.join(_COUNTS)})"
# What may stand behind "the second" when it means one of the list; "the second world war" has another word there.
_NEXT_WORDS = """
and or but than to with by on in from for too that which if about because so as any also not when then only just really
actually originally practically nearly almost already again instead please pls n at over before after without it
is was are were isn isnt wasn wasnt has had have did does doesnt can could would will wont might may should
looks? sounds? seems? appeals? compares? differs? costs?
weighs? suits? moves? starts? lasts? takes? needs? works? feels? fits? comes? goes got wins
made filmed suitable safe worth ok okay better lol apart yesterday today tonight once side
"""
_NEXT = (
    rf"(?=\s*(?:$|[^\w\s'’-]|['’]s\b|(?:{'|'.join(_NEXT_WORDS.split())}"
    r"|(?:\w{2,}er|more \w+|less \w+) than|last (?:year|week|month|night|time|summer|winter)|"
    r"of (?:those|these|them))\b))"
)
_SEVERAL_NEXT = r"(?=\s*(?:$|[^\w\s]|(?:and|or|but|look|sound|are|were|i|side|again|please|with|for)\b))"
_BOTH = re.compile(
    r"(?<!\bus )(?<!\bwe )(?<!\bthey )(?<!\byou )\bboth\b"
    r"(?=\W*(?:$|of (?:them|these|those)|look|sound|are|were|please))"
)
_ALONE = re.compile(rf"^\W*(?:the )?{_PLACE}(?: (?:please|pls|then))?\W*$")
# Bare figures are places at the beginning and behind such words, if nothing is counted: "more like 1 and 3 but newer"
_FIGURES = re.compile(
    r"(?:^\W*|\w{2,}er, |\b(?:(?:more|me|what|how) about|like|than|why|seen|watched|not|put|take|pick|choose|between|"
    r"compare|go (?:for|with)) )"
    r"(?P<figures>(?:10|[1-9])(?:(?:, ?| ?(?:and|or|&|vs\.?|versus|to) )(?:10|[1-9]))*)(?![\w%+/:-]|[.,]\d|\s*[€$£%])"
    + _NEXT
)
_UPPERMOST = re.compile(r"\b(?:from|as in) the (?:top|bottom)$")  # "let's go from the top"
_DIGITS = re.compile(r"\d+")


class Ordinals:
    """``value`` of a mention is the place from 1, or from the end when negative. Words that stand for several places
    ("first two", "both") give one mention for each, over the same words. ``words``: what they are read by."""

    words = frozenset((*_WORDS[:5], "sounds", "looks", "please"))

    def __init__(self, schema: Schema, kinds: Container[str] = ()) -> None:
        """``kinds``: what the items may be called besides ("the second kettle")."""
        self._kinds = kinds
        noun, plural = re.escape(schema.noun), re.escape(schema.plural)
        nouns, loose = "|".join((*_NOUNS.split(), noun, plural)), "|".join(_LOOSE.split())
        self._several = re.compile(
            rf"\b(?P<side>first|last|top) (?P<count>{'|'.join(FIGURES[1:10])}|[2-9])\b"
            rf"(?: (?:ones|{plural}))?{_SEVERAL_NEXT}"
        )
        self._patterns = (
            re.compile(rf"\b{_PLACE} (?:(?:{nouns})s?)\b(?!\W+(?:that )?(?:i|we) )"),
            re.compile(rf"\b(?:the|your|that|like|about|why|or|and|n|not|vs|versus|than|seen|between) {_PLACE}{_NEXT}"),
            re.compile(rf"(?:^\W*|(?<!\bin )\b(?:the|your|that) ){_PLACE} (?:{loose})s?\b(?!\W+(?:that )?(?:i|we) )"),
            re.compile(rf"\b{_PLACE} (?:suggestion|recommendation|option|result)s?\b"),
            re.compile(rf"\b(?:the|your|that) {_PLACE} (?P<kind>[\w-]+)\b(?!\W+(?:that )?(?:i|we) )"),
            re.compile(rf"\bthe {_PLACE}(?= (?:(?:more|less) )?\w+ than\b)"),
            re.compile(rf"\b{_PLACE}(?= (?:or|and|n|&|vs|versus) (?:the )?(?:{'|'.join(_POSITIONS)}|\d(?:nd|rd|th)))"),
            re.compile(rf"\bis {_FIGURE}(?= (?:\w{{2,}}er|more \w+|less \w+) than\b)"),
            re.compile(  # "how much is 2", "who's in 3?"
                r"\b(?:how (?:much|long|old|far|big|heavy|good)|what|who|where)(?: ?'?s| is| does)? "
                rf"(?:is |in |about |does )?{_FIGURE}(?=\W*$| (?:about|cost|like)\b)"
            ),
            re.compile(rf"^\W*is {_FIGURE}(?= (?:any|good|worth|on|still)\b)"),
            re.compile(rf"\b(?:number|option) {_FIGURE}\b(?!\s?[%/+]|\.\d)"),
            re.compile(
                rf"(?:#\s?|\b(?:no\.?|nr\.?|{noun}|movie) ){_FIGURE}\b(?!\s?[%/+.]|\s(?!(?:is|was|has|as)\b)\w+s\b)"
            ),
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
        for listed in _FIGURES.finditer(plain):
            for found in _DIGITS.finditer(plain, *listed.span("figures")):
                yield _mention(message, *found.span(), int(found.group()))
        for found in (found for pattern in (*self._patterns, _ALONE) for found in pattern.finditer(plain)):
            group = "figure" if "figure" in found.groupdict() else "place"
            another = found.groupdict().get("kind") is not None and (
                found["place"] == "last" or found["kind"] not in self._kinds
            )
            if not another and not _UPPERMOST.search(plain[: found.end(group)]):
                yield _mention(message, *found.span(group), _number(found[group]))


def _number(word: str) -> int:
    if word in _POSITIONS:
        return _POSITIONS[word]
    return _COUNTS[word] if word in _COUNTS else int(re.sub(r"\D", "", word))


def _mention(message: Message, start: int, end: int, place: int) -> Mention:
    return Mention("ordinal", start, end, message.text[start:end], place)
