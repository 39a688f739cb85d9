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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from chatrec.catalog import Catalog
from chatrec.linker.ages import Ages
from chatrec.linker.amounts import NUMERALS
from chatrec.linker.asides import Asides
from chatrec.linker.known import Known
from chatrec.linker.numbers import Numbers
from chatrec.linker.ordinals import Ordinals
from chatrec.linker.people import People
from chatrec.linker.polarity import judge
from chatrec.linker.rules import Rules
from chatrec.linker.text import Message, Spelling, mended, read
from chatrec.linker.titles import Titles
from chatrec.linker.vocabulary import Vocabulary
from chatrec.types import Mention

_FACT = re.compile(  # "I'm pregnant" wishes for nothing, "I'm looking for a vegan cheese" does
    r"\b(?:i'?m|i am|we'?re|we are|i have|i'?ve|i got)\b(?! (?:looking|searching|after|hunting|in the mood)\b)"
    r"[^.,:;!?]*$"
)


class Linker:
    """Links messages to one catalogue. Built once (about a second for ten thousand items); all words come from the
    catalogue and its schema."""

    def __init__(self, catalog: Catalog) -> None:
        schema = catalog.schema
        self._name, self._catalog = schema.name, catalog
        self._vocabulary, self._numbers = Vocabulary(catalog), Numbers(catalog)
        self._ordinals = Ordinals(schema, self._vocabulary)
        self._people = [People(catalog, slot.name) for slot in schema.slots.values() if slot.type == "people"]
        self._titles, self._rules = Titles(catalog, self._vocabulary), Rules(catalog.policy)
        self._known, self._ages, self._asides = Known(schema), Ages(schema), Asides(schema)
        names = [finder.words for finder in (self._known, self._vocabulary, self._titles, *self._people)]
        self.words = frozenset().union(*names)  # of the catalogue, in lower case
        self._spelling, self._no_slips = Spelling(self.words), self.words | NUMERALS
        self._fixed = Spelling(self._ordinals.words | self._numbers.words, few=True)

    def link(self, text: str) -> tuple[Mention, ...]:
        """The mentions in a message, from left to right. They do not overlap, except that words which stand for
        several places of a list ("first two", "both") give one mention for each, and that those of rules ("for vegans")
        stand beside whatever else the words mean, unless they only tell of somebody ("I'm vegan"). Any text will do;
        nothing raises."""
        message = read(text)
        found = [*self._vocabulary.find(message, self._spelling), *self._by_pattern(message)]
        found += self._titles.find(message, self._spelling)
        for people in self._people:
            found += people.find(message, self._spelling)
        found = self._asides.without(message, found)
        found += [*self._ages.find(message), *self._known.find(message, self._spelling)]
        chosen = self._either(judge(message, _best(found), self._numbers.steps))
        rules = [rule for rule in self._rules.find(message) if not _titled(rule, chosen)]
        facts = [r for r in rules if _FACT.search(message.before(r.end))]
        chosen = tuple(m for m in chosen if not any(f.start <= m.start and m.end <= f.end for f in facts))
        return tuple(replace(mention, catalog=self._name) for mention in (*chosen, *rules))

    def _either(self, mentions: Sequence[Mention]) -> Sequence[Mention]:
        """ "Pasta and olive oil" are two things to look for, since nothing is both."""
        thing = [(self._catalog.schema.thing, "is", False)]
        wished = [m for m in mentions if [(c.slot, c.op, c.soft) for c in m.constraints] == thing]
        wishes = list(dict.fromkeys(m.constraints[0] for m in wished))
        if len(wishes) < 2 or np.all([self._catalog.mask(wish) for wish in wishes], axis=0).any():
            return mentions
        both = tuple(dict.fromkeys(value for wish in wishes for value in wish.values))
        return [
            replace(m, constraints=(replace(m.constraints[0], values=both),)) if m in wished else m for m in mentions
        ]

    def _by_pattern(self, message: Message) -> Iterator[Mention]:
        """Numbers and ordinals, whose words are few: "the frst", "100 minnutes"."""
        put_right, places = mended(message, self._fixed, self._no_slips)
        for mention in (*self._numbers.find(put_right), *self._ordinals.find(put_right)):
            start, end = places[mention.start], places[mention.end - 1] + 1
            yield replace(mention, start=start, end=end, text=message.text[start:end])


def _titled(rule: Mention, chosen: Iterable[Mention]) -> bool:
    """Whether words that would put a rule in force are part of a title: "I liked Friends with Kids"."""
    span = (rule.start, rule.end)
    around = (m for m in chosen if m.entity == "title" and m.start <= rule.start and rule.end <= m.end)
    return any((m.start, m.end) != span for m in around)


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
