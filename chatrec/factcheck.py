"""Does a sentence about an item say only what its row and the evidence support?

Nothing here knows how sentences are written, so any text can be judged, a language model's too. The text is read from
left to right against all that the catalogue has a word for: titles, people, tags and their synonyms, words for numbers.
At each place the longest phrase that the catalogue knows is taken, and it must be true in one of its meanings; numbers
must be the row's; and a capitalised word inside a sentence that belongs to none of this names something that the
catalogue does not know, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from chatrec.catalog import Catalog, fold
from chatrec.schema import Slot
from chatrec.types import Evidence, Item

_TOKEN = re.compile(r"\d+(?:\.\d+)?(?:s\b)?|[^\W_]+(?:['’][^\W\d_]+)*|[,;:()/]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
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
    """What a phrase can stand for: ``slot`` is empty for a title. ``value``: an item's id, a value as the row spells
    it, or a schema's word for a range of numbers. ``spelling``: the phrase with its capitals."""

    slot: str
    value: str
    spelling: Phrase
    named: bool


@dataclass(frozen=True)
class _Vocabulary:
    """``lengths``: first word -> lengths of the phrases that begin with it, longest first. ``plain``: words that tags
    and the noun are made of, which name nothing in particular. ``labels``: column -> its label."""

    phrases: Mapping[Phrase, tuple[_Meaning, ...]]
    lengths: Mapping[str, tuple[int, ...]]
    plain: frozenset[str]
    labels: Mapping[str, Phrase]


def check(sentence: str, item: Item, evidence: Sequence[Evidence], catalog: Catalog) -> tuple[str, ...]:
    """What the sentence says that neither the item's row nor the evidence supports; empty when all of it is true.

    Titles must be the item's own or cited by the evidence; names, tags and numbers must stand in the item's row, a
    name in the column whose label comes before it ("directed by"), a number in the slot whose words are around it.
    """
    return tuple(_Reading(sentence, item, evidence, catalog).problems())


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
        token, meanings = self.tokens[at], list(self._meanings(at))
        length = max((length for length, _ in meanings), default=1)
        if any(length == size and self._true(meaning) for size, meaning in meanings):
            return length, True
        if length == 1 and (_NUMBER.match(token.text) or token.key in _NUMERALS):
            return 1, self._number_true(at)
        unknown = token.capital and not token.opens and token.key != "i"
        return length, not meanings and not unknown

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
        telling = [w for w in words if w.key not in ORDINARY | self.known.plain and w.key.isalpha()]
        return len(telling) > 1 or (capitals and (len(telling) > 0 or not words[0].opens))

    def _true(self, meaning: _Meaning) -> bool:
        if not meaning.slot:
            return meaning.value in self.titles
        slot = self.catalog.schema.slots[meaning.slot]
        if slot.type == "number":
            low, high = slot.words[meaning.value]
            number = self.numbers.get(slot.columns[0])
            return number is not None and (low is None or number >= low) and (high is None or number <= high)
        columns = self.columns & set(slot.columns) or slot.columns
        return any(meaning.value in self.item.attributes.get(column, ()) for column in columns)

    def _number_true(self, at: int) -> bool:
        token = self.tokens[at]
        if _DECADE.fullmatch(token.text):
            decades = {f"{number // 10 * 10:g}s" for number in self.numbers.values()}
            return token.text in decades | {d[-3:] for d in decades if len(d) == 5}
        if token.text == "100" and at and self.tokens[at - 1].key in ("of", "/"):
            return True
        roles = [s.columns[0] for s in self.catalog.schema.slots.values() if s.type == "number" and self._about(s, at)]
        number = _NUMERALS.get(token.key) or float(_NUMBER.match(token.text)[0])
        return number in {self.numbers.get(column) for column in roles or self.numbers}

    def _about(self, slot: Slot, at: int) -> bool:
        """Whether the words around a number are those of the slot: its unit, or its reason template."""
        before, _, after = (tuple(t.key for t in _tokens(part)) for part in slot.reason.partition("{value}"))
        units = {fold(unit) for unit in (slot.unit, *slot.units) if unit}
        if units.intersection(self._keys(at + 1, 1)):
            return True
        if after:
            return self._keys(at + 1, len(after)) == after
        return at > 0 and self._keys(at - 1, 1) == before[-1:]


def _tokens(text: str) -> list[_Token]:
    """Words, numbers and the punctuation that parts phrases; full stops count only in what comes after them."""
    found, end = [], 0
    for match in _TOKEN.finditer(text):
        opens = not found or bool(_OPENERS & {found[-1].text, *text[end : match.start()]})
        found.append(_Token(match[0], fold(match[0]).replace("’", "'"), opens))
        end = match.end()
    return found


@lru_cache(maxsize=8)
def _vocabulary(catalog: Catalog) -> _Vocabulary:
    phrases: dict[Phrase, dict[_Meaning, None]] = {}
    plain = {t.key for noun in (catalog.schema.noun, catalog.schema.plural) for t in _tokens(noun)}
    for words, slot, value, named in _spellings(catalog):
        tokens = _tokens(words)
        key = tuple(t.key for t in tokens)
        if key:
            phrases.setdefault(key, {})[_Meaning(slot, value, tuple(t.text for t in tokens), named)] = None
            plain |= set() if named else set(key)
    lengths: dict[str, set[int]] = {}
    for key in phrases:
        lengths.setdefault(key[0], set()).add(len(key))
    return _Vocabulary(
        {key: tuple(meanings) for key, meanings in phrases.items()},
        {first: tuple(sorted(sizes, reverse=True)) for first, sizes in lengths.items()},
        frozenset(plain),
        {column: tuple(t.key for t in _tokens(label)) for column, label in catalog.schema.labels.items()},
    )


def _spellings(catalog: Catalog) -> Iterator[tuple[str, str, str, bool]]:
    """Everything the catalogue has a word for: ``(words, slot, value, whether a name)``."""
    for item in catalog.items:
        yield item.title, "", item.item_id, True
        yield catalog.heading(item), "", item.item_id, True
        if ":" in item.title or "," in item.title:
            yield re.sub(r"[:,]", "", item.title), "", item.item_id, True
    for slot in catalog.schema.slots.values():
        for word in slot.words if slot.type == "number" else ():
            yield word, slot.name, word, False
        for value in catalog.values(slot.name) if slot.type in ("tags", "people") else ():
            for words in (value, *slot.synonyms.get(value, ())):
                yield words, slot.name, value, slot.type == "people"
