"""What a schema's own words mean: tags and their synonyms, moods, words for numbers, comparisons, relations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from chatrec.catalog import Catalog
from chatrec.linker.english import CLOSED, ITEMS, is_ordinary
from chatrec.linker.text import Message, Spelling, entries, keys
from chatrec.schema import Mood, Schema, Slot
from chatrec.types import Constraint, Mention

_LONGEST = 6  # words in a phrase of a schema
_LISTING = frozenset(("and", "or"))  # "in french or german": the "in" counts for both
_NOUN_WITHIN = 4  # words behind "old" that may hold what is old
_DERIVED = 0.9  # confidence in a form that the schema does not list
_CORRECTED = 0.8  # in a corrected spelling
_OWNED = re.compile(r"(?<!for )(?<!with )\b(?:my|your|our|his|her|their) $")
_BROKEN = re.compile(  # "my kettle died": another is wanted
    r"\s+(?:has |have |had |just |finally |is |are |all )*(?:died|dead|bro?ken?|packed (?:up|in)|gave (?:up|out)|"
    r"given up|worn out|knackered|conked|bust(?:ed)?|kaput|on (?:its|their) last)\b"
)
_LIKING = frozenset(("love", "loves", "like", "likes"))  # "I love …" is no wish for romance


@dataclass(frozen=True)
class Sense:
    """What a phrase asks for. The constraints have no wording yet."""

    entity: str
    value: str | None
    constraints: tuple[Constraint, ...] = ()
    direction: int = 0
    confidence: float = 1.0


class Vocabulary:
    """The phrases of a schema, in their plural and comparative forms too. A value of a tag means itself.

    Where two slots claim a phrase, the one that stands first in the schema gets it; where two values of one slot do
    ("scandinavian"), either will do. ``words`` are the single words that phrases are made of.
    """

    def __init__(self, catalog: Catalog) -> None:
        schema = catalog.schema
        self._senses: dict[str, Sense] = {}
        self._nouns = ITEMS.union(*(keys(phrase) for phrase in (schema.noun, schema.plural, *schema.topic)))
        self._counted = {"period"} | {slot.name for slot in schema.slots.values() if slot.type == "number"}
        self.words: frozenset[str] = frozenset()
        for phrase, sense in _senses(catalog):
            words = keys(phrase)
            self.words |= set(words)
            plural = not sense.direction and (sense.entity != "mood" or len(words) > 1)
            for key in sorted(entries(words)):
                self._add(key, sense, plural)

    def __contains__(self, word: str) -> bool:
        """Whether a single word is a phrase of the schema, or a form of one."""
        return word in self._senses

    def lists(self, word: str) -> bool:
        """Whether the schema itself has the word: "aliens", but not "alien"."""
        return word in self._senses and self._senses[word].confidence == 1.0

    def find(self, message: Message, spelling: Spelling) -> Iterator[Mention]:
        """Every phrase of the schema in a message, overlapping ones too."""
        tokens = message.tokens
        leads: dict[int, str] = {}  # index of the token behind a phrase of several words -> its first word
        for start in range(len(tokens)):
            lead = leads.get(start - 1) if tokens[start - 1].key in _LISTING else None
            for end in range(start + 1, min(start + _LONGEST, len(tokens)) + 1):
                words = [token.key for token in tokens[start:end]]
                for key, slips in chain(spelling.readings([lead, *words]) if lead else (), spelling.readings(words)):
                    if key in self._senses and slips < 2 and self._meant(message, start, end, self._senses[key]):
                        place = tokens[start].start, tokens[end - 1].end
                        yield self._mention(message, *place, self._senses[key], slips > 0)
                        leads |= {end: words[0]} if len(words) > 1 else {}
                        break

    def _meant(self, message: Message, start: int, end: int, sense: Sense) -> bool:
        """False for "us" where the schema knows "U.S.", for "r" that is no "R", for what somebody has ("my family", but
        "my sore knee"), and for a word about a number that belongs to something else ("a new phone", "a long day")."""
        first = message.tokens[start]
        if end == start + 1 and (len(first.key) == 1 or first.key == "us" or first.key in CLOSED - self.words):
            written = message.text[first.start : first.end]
            return written.isupper() or (first.key == "us" and message.before(first.start, 4).endswith("the "))
        if sense.entity in self._counted and not sense.direction and self._of_something_else(message, end):
            return False
        owned = end == start + 1 and _OWNED.search(message.before(first.start, 16))
        return not owned or _BROKEN.match(message.plain, first.end) is not None

    def _of_something_else(self, message: Message, end: int) -> bool:
        """Whether the word behind a phrase is a noun the catalogue has nothing to do with."""
        behind = message.tokens[end : end + _NOUN_WITHIN]
        gap = message.text[message.tokens[end - 1].end : behind[0].start] if behind else ""
        if gap != " " or behind[0].key in CLOSED or not is_ordinary(behind[0].key):
            return False
        return not any(token.key in self._nouns or token.key in self._senses for token in behind)

    def _add(self, key: str, sense: Sense, plural: bool) -> None:
        for form in _forms(key) if plural else {key}:
            new = sense if form == key else replace(sense, confidence=_DERIVED)
            old = self._senses.get(form)
            if old is None or old.confidence < new.confidence or (sense.direction and sense.value == old.value):
                self._senses[form] = new
            elif old.confidence == new.confidence and old.entity == sense.entity and not sense.direction:
                self._senses[form] = _either(old, new)

    def _mention(self, message: Message, start: int, end: int, sense: Sense, corrected: bool) -> Mention:
        text = message.text[start:end]
        confidence = sense.confidence * (_CORRECTED if corrected else 1.0)
        said = sense.value if corrected and sense.value else text  # "funyn" is shown back as it was understood
        constraints = tuple(replace(c, text=said.lower()) for c in sense.constraints)
        return Mention(
            sense.entity, start, end, text, sense.value, constraints, direction=sense.direction, confidence=confidence
        )


def _senses(catalog: Catalog) -> Iterator[tuple[str, Sense]]:
    schema = catalog.schema
    for slot in schema.slots.values():
        if slot.type == "tags":
            yield from _tags(slot, catalog)
        elif slot.type == "number":
            yield from _numbers(slot, schema)
    for mood in schema.moods.values():
        yield from _moods(mood)
    for relation in schema.relations.values():
        yield from ((word, Sense("relation", relation.name)) for word in relation.words)


def _tags(slot: Slot, catalog: Catalog) -> Iterator[tuple[str, Sense]]:
    for value in dict.fromkeys([*slot.synonyms, *catalog.values(slot.name)]):
        sense = Sense(slot.name, value, (Constraint(slot.name, "is", (value,)),))
        for phrase in (value, *slot.synonyms.get(value, ())):
            if phrase.casefold() not in _LIKING:
                yield phrase, sense
    for phrase, values in slot.combinations.items():
        yield phrase, Sense(slot.name, values[0], tuple(Constraint(slot.name, "is", (value,)) for value in values))


def _either(one: Sense, other: Sense) -> Sense:
    """A phrase for several values of a slot ("scandinavian") asks for any of them."""
    if len(one.constraints) != 1 or len(other.constraints) != 1 or one.constraints[0].op != "is":
        return one
    values = dict.fromkeys(one.constraints[0].values + other.constraints[0].values)
    return replace(one, constraints=(replace(one.constraints[0], values=tuple(values)),))


def _numbers(slot: Slot, schema: Schema) -> Iterator[tuple[str, Sense]]:
    entity = "period" if slot.columns[0] == schema.columns.get("year") else slot.name
    for word, (low, high) in slot.words.items():
        bounds = [Constraint(slot.name, "min", (low,))] if low is not None else []
        bounds += [Constraint(slot.name, "max", (high,))] if high is not None else []
        yield word, Sense(entity, word, tuple(bounds))
    for direction, words in ((1, slot.more), (-1, slot.less)):
        for word in words:
            yield word, Sense(slot.name, None, direction=direction)


def _moods(mood: Mood) -> Iterator[tuple[str, Sense]]:
    soft = [Constraint(slot, "is", values, soft=True, sign=mood.name) for slot, values in mood.prefer.items()]
    soft += [Constraint(slot, "not", values, soft=True, sign=mood.name) for slot, values in mood.avoid.items()]
    for word in mood.words:
        yield word, Sense("mood", mood.name, tuple(soft))
        for comparative in _comparatives(word):
            yield comparative, Sense("mood", mood.name, tuple(soft), direction=1)


def _comparatives(word: str) -> set[str]:
    """ "dark" -> "darker"; forms that English lacks do no harm, since nobody types them."""
    if " " in word or not word.isalpha():
        return set()
    forms = {word + "er", word + word[-1] + "er"}
    if word.endswith("e"):
        forms.add(word + "r")
    return forms | ({word[:-1] + "ier"} if word.endswith("y") else set())


def _forms(key: str) -> set[str]:
    """A phrase with its plural and its singular, misspelt plurals ("comedys") included."""
    if len(key) < 3:
        return {key, key + "s"}  # "uses" is not several of "us"
    forms = {key, key + "s", key + "es"}
    if key.endswith("y"):
        forms.add(key[:-1] + "ies")
    if key.endswith("ies"):
        forms.add(key[:-3] + "y")
    if key.endswith("s") and len(key) > 4:
        forms.add(key[:-1])
    return forms
