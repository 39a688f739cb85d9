"""Does a sentence about an item say only what its row and the evidence support?

Nothing here knows how sentences are written, so any text can be judged, a language model's too. The text is read from
left to right against all that the catalogue has a word for: titles, people, tags and their synonyms, words for numbers.
At each place the longest phrase that the catalogue knows is taken, and it must be true in one of its meanings; numbers
must be the row's; and a capitalised word inside a sentence that belongs to none of this names something that the
catalogue does not know, and is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from chatrec.catalog import Catalog, fold
from chatrec.schema import Slot
from chatrec.types import Evidence, Item

_TOKEN = re.compile(r"(?:(?<!\w)-)?\d+(?:\.\d+)?(?:s\b)?|[^\W_]+(?:['’][^\W\d_]+)*|[,;:()/]")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_DECADE = re.compile(r"(?:\d\d)?\d0s")
_OPENERS = frozenset(".!?;:")
_SMALL = "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMERALS = {word: float(n) for n, word in enumerate(f"{_SMALL} eighteen nineteen".split(), start=2)}
_NUMERALS |= {word: 10.0 * n for n, word in enumerate(_TENS.split(), start=2)}
# Words that only hold a sentence together. Many are titles or synonyms as well ("It", "Close", "You"); alone and
# without a capital, or with the capital of a first word, they are taken as words.
ORDINARY = frozenset(
    re.findall(
        r"\w+",
        """a about after all along also although an and another any are as asked at because been before both but by
        can change close critics did different do else explains fits for found from gave gives great had has
        have he here him his how i if in into is it its just kind know known like liked likes lines little look
        loved made makes me might more most much my no not of on one only or other our out overall people ranks
        rated rating reason received recommend runs same score scored seen shared she similar since single so
        some something still such than that the their them then there these they thing this those though to too
        unlike up us was watched we well were what when where which while who why widely will wish with without
        worth would you your""",
    )
)

# What is said of the user and of other people, and the kind of evidence that it takes; a title that follows must be
# cited by evidence of that kind.
_CLAIMS = (
    (re.compile(r"\b(?:people|others|everybody|those) who (?:like|liked|love|loved|enjoyed) ", re.I), "others"),
    (re.compile(r"\bbecause you (?:liked|loved|enjoyed) ", re.I), "history"),
    (re.compile(r"\b(?:which|that) you (?:liked|loved|enjoyed)", re.I), "history"),
    (re.compile(r"\ba change from\b|\bsomething (?:new|different) for you\b", re.I), "novelty"),
)

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class _Token:
    text: str
    key: str
    opens: bool

    @property
    def capital(self) -> bool:
        return self.text[0].isupper()


@dataclass(frozen=True)
class _Meaning:
    """What a phrase can stand for. ``slot`` is empty for a title. ``values``: an item's id, or values that the row must
    all have, or the schema's word for a range of numbers. ``spelling``: the phrase with its capitals."""

    slot: str
    values: Phrase
    spelling: Phrase
    named: bool


@dataclass(frozen=True)
class _Use:
    """Words around a number that tell which column it is of; ``scale``: how many of the column's unit one is."""

    column: str
    before: Phrase
    after: Phrase
    scale: float

    def around(self, tokens: Sequence[_Token], at: int) -> bool:
        before = tuple(t.key for t in tokens[max(at - len(self.before), 0) : at])
        return before == self.before and tuple(t.key for t in tokens[at + 1 : at + 1 + len(self.after)]) == self.after


@dataclass(frozen=True)
class _Vocabulary:
    """``lengths``: first word -> lengths of the phrases that begin with it, longest first. ``plain``: words that tags
    and the noun are made of, or that only hold a sentence together. ``labels``: column -> its label."""

    phrases: Mapping[Phrase, tuple[_Meaning, ...]]
    lengths: Mapping[str, tuple[int, ...]]
    plain: frozenset[str]
    labels: Mapping[str, Phrase]
    uses: tuple[_Use, ...]


def check(sentence: str, item: Item, evidence: Sequence[Evidence], catalog: Catalog) -> tuple[str, ...]:
    """What the sentence says that neither the item's row nor the evidence supports; empty when all of it is true.

    Titles must be the item's own or cited by the evidence; names, tags and numbers must stand in the item's row, a
    name in the column whose label comes before it ("directed by"), a number in the slot whose words are around it.
    What the user or other people are said to like needs evidence of that kind.
    """
    claims = _unfounded(sentence, item, evidence, catalog)
    return (*_Reading(sentence, item, evidence, catalog).problems(), *claims)


def _unfounded(sentence: str, item: Item, evidence: Sequence[Evidence], catalog: Catalog) -> Iterator[str]:
    """Claims about people that no evidence of their kind supports, or that name another title than it does."""
    for pattern, kind in _CLAIMS:
        cited = [catalog.item(i) for e in evidence if e.kind == kind for i in e.item_ids]
        titles = tuple(title for other in cited for title in (other.title, catalog.heading(other)))
        for found in pattern.finditer(sentence):
            founded = any(e.kind == kind for e in evidence)
            if found[0].endswith(" "):
                founded = sentence[found.end() :].startswith(titles)
            if not founded:
                yield f"{found[0].strip()!r} is not supported for {catalog.heading(item)}"


class _Reading:
    """One sentence being read."""

    def __init__(self, sentence: str, item: Item, evidence: Sequence[Evidence], catalog: Catalog) -> None:
        self.tokens = _tokens(sentence)
        self.item, self.catalog, self.known = item, catalog, _vocabulary(catalog)
        self.titles = {item.item_id} | {i for e in evidence for i in e.item_ids}
        self.numbers = {c: v for c, v in item.attributes.items() if isinstance(v, float)}
        self.columns: frozenset[str] = frozenset()  # where the names that follow must stand

    def problems(self) -> Iterator[str]:
        at = 0
        while at < len(self.tokens):
            length = self._role(at)
            if not length:
                length, true = self._judge(at)
                if not true:
                    words = " ".join(t.text for t in self.tokens[at : at + length])
                    yield f"{words!r} is not supported for {self.catalog.heading(self.item)}"
            at += length

    def _role(self, at: int) -> int:
        """Length of a column's label ("directed by") at this place. It holds until something but a name comes."""
        labels = self.known.labels
        found = max((label for label in labels.values() if label == self._keys(at, len(label))), key=len, default=())
        if found:
            self.columns = frozenset(c for c, label in labels.items() if label == found)
        elif self.tokens[at].key not in (",", "and") and not any(m.named for _, m in self._meanings(at)):
            self.columns = frozenset()
        return len(found)

    def _judge(self, at: int) -> tuple[int, bool]:
        """How many words belong together here, and whether they are true."""
        token, found = self.tokens[at], list(self._meanings(at))
        length = max((length for length, _ in found), default=1)
        meanings = [m for size, m in found if size == length]
        if token.capital and not token.opens and any(m.named for m in meanings):
            meanings = [m for m in meanings if m.spelling[0][0].isupper()]  # "Aliens" is not "aliens"
        if any(map(self._true, meanings)):
            return length, True
        if length == 1 and (_NUMBER.match(token.text) or token.key in _NUMERALS):
            return self._number(at)
        return length, not meanings and (token.opens or not token.capital or token.key == "i")

    def _meanings(self, at: int) -> Iterator[tuple[int, _Meaning]]:
        """Phrases that begin here and are meant as what they stand for, longest first."""
        for length in self.known.lengths.get(self.tokens[at].key, ()):
            for meaning in self.known.phrases.get(self._keys(at, length), ()):
                if self._meant(self.tokens[at : at + length], meaning):
                    yield length, meaning

    def _keys(self, at: int, length: int) -> Phrase:
        """The words from here on; empty when there are fewer, or none."""
        return tuple(t.key for t in self.tokens[at : at + length]) if at + length <= len(self.tokens) else ()

    def _meant(self, words: Sequence[_Token], meaning: _Meaning) -> bool:
        if len(words) == 1 and words[0].key in ORDINARY and (words[0].opens or not words[0].capital):
            return False
        if not meaning.named:
            return max(len(w.key) for w in words) > 2 or tuple(w.text for w in words) == meaning.spelling
        capitals = all(w.capital or not s[0].isupper() for w, s in zip(words, meaning.spelling, strict=True))
        telling = [w for w in words if w.key not in self.known.plain and w.key.isalpha()]
        return len(telling) > 1 or (capitals and (len(telling) > 0 or not words[0].opens))

    def _true(self, meaning: _Meaning) -> bool:
        if not meaning.slot:
            return meaning.values[0] in self.titles
        slot = self.catalog.schema.slots[meaning.slot]
        if slot.type == "number":
            low, high = slot.words[meaning.values[0]]
            number = self.numbers.get(slot.columns[0])
            return number is not None and (low is None or number >= low) and (high is None or number <= high)
        columns = self.columns & set(slot.columns) or slot.columns
        return {v for column in columns for v in self.item.attributes.get(column, ())}.issuperset(meaning.values)

    def _number(self, at: int) -> tuple[int, bool]:
        """A number with its unit ("2 hours", "93 of 100"): how many words, and whether it is the row's."""
        token = self.tokens[at]
        if _DECADE.fullmatch(token.text):
            decades = {f"{number // 10 * 10:g}s" for number in self.numbers.values()}
            return 1, token.text in decades | {d[-3:] for d in decades if len(d) == 5}
        number = _NUMERALS.get(token.key) or float(_NUMBER.match(token.text)[0])
        uses = [use for use in self.known.uses if use.around(self.tokens, at)]
        behind = max((len(use.after) for use in uses), default=0)
        columns = {use.column: use.scale for use in uses if len(use.after) == behind} or dict.fromkeys(
            self.numbers, 1.0
        )
        true = any(math.isclose(number * scale, self.numbers.get(c, math.nan)) for c, scale in columns.items())
        return 1 + behind, true


def _tokens(text: str) -> list[_Token]:
    """Words, numbers and the punctuation that parts phrases; full stops count only in what comes after them."""
    found, end = [], 0
    for match in _TOKEN.finditer(text):
        opens = not found or bool(_OPENERS & {found[-1].text, *text[end : match.start()]})
        found.append(_Token(match[0], fold(match[0]).replace("’", "'"), opens))
        end = match.end()
    return found


def _keys(text: str) -> Phrase:
    return tuple(t.key for t in _tokens(text))


@lru_cache(maxsize=8)
def _vocabulary(catalog: Catalog) -> _Vocabulary:
    phrases: dict[Phrase, dict[_Meaning, None]] = {}
    plain = {*ORDINARY, *_keys(catalog.schema.noun), *_keys(catalog.schema.plural)}
    for words, slot, values, named in _spellings(catalog):
        key = _keys(words)
        if key:
            spelling = tuple(t.text for t in _tokens(words))
            phrases.setdefault(key, {})[_Meaning(slot, values, spelling, named)] = None
            plain |= set() if named else set(key)
    lengths: dict[str, set[int]] = {}
    for key in phrases:
        lengths.setdefault(key[0], set()).add(len(key))
    return _Vocabulary(
        {key: tuple(meanings) for key, meanings in phrases.items()},
        {first: tuple(sorted(sizes, reverse=True)) for first, sizes in lengths.items()},
        frozenset(plain),
        {column: _keys(label) for column, label in catalog.schema.labels.items()},
        (
            *(use for slot in catalog.schema.slots.values() if slot.type == "number" for use in _uses(slot)),
            _Use(catalog.schema.columns.get("reception", ""), (), ("of", "100"), 1.0),
        ),
    )


def _uses(slot: Slot) -> Iterator[_Use]:
    """A number's units, and what its reason puts around it: all that follows, else the word before."""
    for unit, scale in {slot.unit: 1.0, **slot.units}.items():
        if _keys(unit):
            yield _Use(slot.columns[0], (), _keys(unit), scale)
    before, _, after = (_keys(part) for part in slot.reason.partition("{value}"))
    if before or after:
        yield _Use(slot.columns[0], () if after else before[-1:], after, 1.0)


def _spellings(catalog: Catalog) -> Iterator[tuple[str, str, Phrase, bool]]:
    """Everything the catalogue has a word for: ``(words, slot, values, whether a name)``, as in :class:`_Meaning`."""
    for item in catalog.items:
        for words in {item.title, catalog.heading(item), re.sub(r"[:,]", "", item.title)}:
            yield words, "", (item.item_id,), True
    for slot in catalog.schema.slots.values():
        for word in slot.words if slot.type == "number" else ():
            yield word, slot.name, (word,), False
        for word, values in slot.combinations.items():
            yield word, slot.name, tuple(values), False
        for value in catalog.values(slot.name) if slot.type in ("tags", "people") else ():
            for words in (value, *slot.synonyms.get(value, ())):
                yield words, slot.name, (value,), slot.type == "people"
