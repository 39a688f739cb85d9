"""What of a catalogue a message speaks of, in three steps.

1. ``text.read`` splits the message into words. ``Spelling`` offers corrections, but never for a word English has
   (``english``).
2. Seven finders look for mentions, each in its own way and without knowing of the others: ``vocabulary`` (the schema's
   words, moods and comparisons), ``numbers`` (with ``amounts``), ``ordinals``, ``titles`` (with ``signs``), ``people``,
   ``known``, ``ages``.
   Of mentions that overlap, the longest and then the most certain stays.
3. ``polarity`` reads what stands between them: what is turned down, what is one wish with "or", and what is wanted more
   or less of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from chatrec.catalog import Catalog
from chatrec.linker.ages import Ages
from chatrec.linker.amounts import NUMBER
from chatrec.linker.known import Known
from chatrec.linker.numbers import Numbers
from chatrec.linker.ordinals import Ordinals
from chatrec.linker.people import People
from chatrec.linker.polarity import judge
from chatrec.linker.rules import Rules
from chatrec.linker.text import Message, Spelling, read
from chatrec.linker.titles import Titles
from chatrec.linker.vocabulary import Vocabulary
from chatrec.types import Mention

_NO_WISH = re.compile(  # words about something else, whatever they look like
    rf"\b(?:{NUMBER})[ -]?(?:years?|yrs?|months?)[ -]olds?\b|\b(?:aged?|turning|turns) \d+|\b\d+ ?(?:am|pm)\b|"
    r"\btop \d+|\(\d{4}\)|\b(?:watch|chat|search|viewing)(?:ing)? history\b|\bmy name(?: i|')s \w+|"
    r"\bhow [a-z]+ (?:is|are|was|were|do|does|did)\b|\b(?:as|so) long as\b|\blong (?:time )?ago\b|"
    r"\b(?:no|any) longer\b(?! than)|\bgets? old\b|\b(?:crazy|mad) about\b|\bfans? of\b|\blive[ -]action\b|"
    r"\b(?:let'?s|might we|can we) talk\b|\btalk (?:about (?!it\b)|me through)|\bfrom scratch\b|\bworth a shot\b|"
    r"\bsleep on it\b|\bcheck(?:ing)? up on\b|\bon my feet\b|\bmind (?:at|to) rest\b|\bcouple (?:of|more|days)\b|"
    r"\b(?:you|have|you'?d) proposed?\b|\b(?:be|was|wasn'?t|not) clear\b|\bclear (?:it|my|all|the|everything|that)\b|"
    r"\b(?:hours?|minutes) of my life\b|\bsize (?:is |of )?\d+(?:\.5)?(?:(?:,| and)? not \d+)?|"
    r"\b(?:i|you|we|he|she|it|they) may\b|\bmay (?:i|we|have|be)\b|"
    r"\bnew (?:york|jersey|orleans|england|wave|here|to me)\b|\bwhat'?s new\b"
)

_FROM = re.compile(r"(?<!far )(?<!away )\b(?:from|leaving|departing) (?:the )?$")
_MONTH = re.compile(
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|spring|summer|autumn|fall|winter)", re.IGNORECASE
)
_FACT = re.compile(r"\b(?:i'?m|i am|we'?re|we are|i have|i'?ve|i got)\b[^.,;!?]*$")  # "I'm pregnant" wishes for nothing


class Linker:
    """Links messages to one catalogue. Built once (about a second for ten thousand items); all words come from the
    catalogue and its schema."""

    def __init__(self, catalog: Catalog) -> None:
        schema = catalog.schema
        self._name = schema.name
        self._vocabulary, self._numbers, self._ordinals = Vocabulary(catalog), Numbers(catalog), Ordinals(schema)
        self._people = [People(catalog, slot.name) for slot in schema.slots.values() if slot.type == "people"]
        self._titles, self._rules = Titles(catalog, self._vocabulary), Rules(catalog.policy)
        self._known, self._ages = Known(schema), Ages(schema)
        self._places = schema.places
        names = [finder.words for finder in (self._known, self._vocabulary, self._titles, *self._people)]
        self._spelling = Spelling(frozenset().union(*names))

    def link(self, text: str) -> tuple[Mention, ...]:
        """The mentions in a message, from left to right. They do not overlap, except that words which stand for
        several places of a list ("first two", "both") give one mention for each, and that those of rules ("for vegans")
        stand beside whatever else the words mean, unless they only tell of somebody ("I'm vegan"). Any text will do;
        nothing raises."""
        message = read(text)
        found = [*self._vocabulary.find(message, self._spelling), *self._numbers.find(message)]
        found += [*self._ordinals.find(message), *self._titles.find(message, self._spelling)]
        for people in self._people:
            found += people.find(message, self._spelling)
        found = [*_wishes(message, found), *self._ages.find(message), *self._known.find(message, self._spelling)]
        found = [m for m in found if not (self._places and _is_origin(message, m))]
        chosen = judge(message, _best(found), self._numbers.steps)
        rules = list(self._rules.find(message))
        facts = [r for r in rules if _FACT.search(message.before(r.end))]
        chosen = tuple(m for m in chosen if not any(f.start <= m.start and m.end <= f.end for f in facts))
        return tuple(replace(mention, catalog=self._name) for mention in (*chosen, *rules))


def _wishes(message: Message, found: Iterable[Mention]) -> list[Mention]:
    """Without what lies within words about something else ("my 4 year old", "how long is it")."""
    spans = [other.span() for other in _NO_WISH.finditer(message.plain)]
    return [m for m in found if not any(_within(m, start, end) for start, end in spans)]


def _is_origin(message: Message, mention: Mention) -> bool:
    """Whether a mention is where somebody starts ("a weekend trip from Berlin"), unless it is a month."""
    named = mention.entity == "title" or any(c.op == "is" for c in mention.constraints)
    return named and not _MONTH.match(mention.text) and _FROM.search(message.before(mention.start)) is not None


def _within(mention: Mention, start: int, end: int) -> bool:
    """Whether a mention lies in a stretch of text, unless it is a value or a title that is just that ("New York")."""
    named = mention.entity == "title" or any(c.op == "is" for c in mention.constraints)
    value = (mention.start, mention.end) == (start, end) and named
    return start <= mention.start and mention.end <= end and not value


def _best(found: Iterable[Mention]) -> list[Mention]:
    """Of mentions that overlap the longest, then the most certain one; from left to right. Different places that the
    same words stand for stay together."""
    found = sorted(found, key=lambda m: (m.start - m.end, -m.confidence, m.entity != "title"))
    taken = bytearray(max((m.end for m in found), default=0))
    places: dict[tuple[int, int], set[object]] = {}
    kept: list[Mention] = []
    for mention in found:
        span, ordinal = (mention.start, mention.end), mention.entity == "ordinal"
        another = ordinal and mention.value not in places.get(span, {mention.value})
        if another or not any(taken[mention.start : mention.end]):
            kept.append(mention)
            taken[mention.start : mention.end] = b"\1" * (mention.end - mention.start)
            if ordinal:
                places.setdefault(span, set()).add(mention.value)
    return sorted(kept, key=lambda m: (m.start, m.value if m.entity == "ordinal" else 0))
