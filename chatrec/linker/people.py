"""People: by their whole name, or by a surname that everybody knows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from chatrec.catalog import Catalog
from chatrec.linker.english import is_ordinary
from chatrec.linker.text import Message, Spelling, Token, compact, entries, keys
from chatrec.types import Constraint, Mention

_LONGEST = 5  # words in a name
_SHORTEST = 4  # letters of a surname that stands alone
_LONG = 7  # letters of a misspelt name that still stands alone
_KNOWN = 0.9  # share of all people who are less known than one whose surname is enough
_TWICE = 2.0  # how much better known than their namesakes
_GIVEN = 12  # people with a given name for it to be no surname
_PARTICLES = frozenset(
    ("de", "di", "da", "del", "della", "van", "von", "der", "den", "la", "le", "du", "mac", "st", "bin")
)
_CREDIT = r"by|with|starring|stars|featuring|director|actor|actress"
_CREDITED = re.compile(rf"\b(?:{_CREDIT})\s+(?:the\s+)?$")
_CUE = re.compile(rf"\b(?:{_CREDIT}|from|of|and|or|like|love|(?:director|actor|actress)s? (?:is|are))\s+(?:the\s+)?$")
_CUE_BEHIND = re.compile(r"'s\b|\s+(?:and|or|brothers|sisters)\b")
_WHOLE, _SURNAME, _UNKNOWN = 0.97, 0.96, 0.85  # how sure a name is: whole, a famous surname, another surname
_SLIP = 0.9  # factor for every corrected slip


class People:
    """An index of the names in one ``people`` slot."""

    def __init__(self, catalog: Catalog, slot: str) -> None:
        self._slot = slot
        self._fame = _fame(catalog, slot)
        self._whole: dict[str, list[str]] = defaultdict(list)
        self._surnames: dict[str, list[str]] = defaultdict(list)
        given: Counter[str] = Counter()
        words: set[str] = set()
        for name in self._fame:
            parts = keys(name)
            if not parts:  # no Latin letters: nobody types it here
                continue
            words.update(parts)
            for key in entries(parts) | entries(_without_suffix(parts)):
                self._whole[key].append(name)
            if len(parts) > 1:
                given[parts[0]] += 1
                for key in entries(_surname(parts)):
                    self._surnames[key].append(name)
        for name, others in catalog.schema.slots[slot].synonyms.items():
            for other in others if name in self._fame else ():
                words.update(keys(other))
                self._whole |= {key: [name] for key in entries(keys(other))}
        self._given = frozenset(name for name, people in given.items() if people >= _GIVEN)
        self._known = float(np.quantile(list(self._fame.values()) or [0.0], _KNOWN))
        self.words = frozenset(words)
        self._names = Spelling(self._whole)

    def find(self, message: Message, spelling: Spelling) -> Iterator[Mention]:
        """Every name in a message, overlapping ones too."""
        tokens = message.tokens
        for start in range(len(tokens)):
            for end in range(start + 1, min(start + _LONGEST, len(tokens)) + 1):
                words = [token.key for token in tokens[start:end]]
                for key, slips in chain(spelling.readings(words), self._names.name(words)):
                    if slips and "," in message.text[tokens[start].start : tokens[end - 1].end]:
                        continue  # two things of a list
                    names, certainty = self._named(message, tokens[start:end], key, slips)
                    if names:
                        yield self._mention(message, tokens[start:end], names, certainty * _SLIP**slips)
                        break

    def _named(self, message: Message, tokens: Sequence[Token], key: str, slips: int) -> tuple[list[str], float]:
        """Who may be meant, best known first, and how sure it is."""
        if key in self._whole and (len(tokens) > 1 or self._may_stand_alone(message, tokens, self._whole[key], slips)):
            like_name = (message.cased and all(token.capital for token in tokens)) or (
                len(tokens) > 1 and _CREDITED.search(message.before(tokens[0].start))
            )
            if like_name or not all(is_ordinary(token.key) for token in tokens):
                return self._whole[key], _WHOLE
        if key in self._surnames and len(key) >= _SHORTEST:
            names = self._likeliest(self._surnames[key])
            if self._may_stand_alone(message, tokens, names, slips):
                return names, _SURNAME if self._fame[names[0]] >= self._known else _UNKNOWN
        return [], 0.0

    def _may_stand_alone(self, message: Message, tokens: Sequence[Token], names: list[str], slips: int) -> bool:
        """Whether one name is enough: famous and nobody else's, or said as a name ("by Black")."""
        said = _CUE.search(message.before(tokens[0].start)) or _CUE_BEHIND.match(message.plain, tokens[-1].end)
        written = message.cased and all(token.capital and not token.opens for token in tokens)
        cued, fame = said or len(tokens) == len(message.tokens), self._fame[names[0]]
        if slips and not said and len(compact(token.key for token in tokens)) < _LONG:
            return False
        if all(is_ordinary(token.key) or token.key in self._given for token in tokens):
            credited = _CREDITED.search(message.before(tokens[0].start)) is not None
            return credited and message.cased and all(token.capital for token in tokens) and fame >= self._known / 4
        enough = self._known / (4 if cued else 2 if written else 1)
        return bool(fame >= enough and (cued or len(names) == 1))

    def _likeliest(self, names: list[str]) -> list[str]:
        ranked = sorted(names, key=lambda name: (-self._fame[name], name))
        return [name for name in ranked if self._fame[name] * _TWICE > self._fame[ranked[0]]]

    def _mention(self, message: Message, tokens: Sequence[Token], names: list[str], confidence: float) -> Mention:
        place = tokens[0].start, tokens[-1].end
        text = message.text[slice(*place)]
        wish = Constraint(self._slot, "is", tuple(names), text)
        return Mention(self._slot, *place, text, names[0], (wish,), confidence=confidence)


def _fame(catalog: Catalog, slot: str) -> dict[str, float]:
    """Name -> how well known: the popularity of the person's items, less the more people share the credit."""
    fame: dict[str, float] = defaultdict(float)
    for item, popularity in zip(catalog.items, catalog.popularity.tolist(), strict=True):
        for column in catalog.schema.slots[slot].columns:
            names = item.attributes.get(column, ())
            for name in names if isinstance(names, tuple) else ():
                fame[name] += (popularity + 0.01) / len(names) ** 0.5
    return fame


def _without_suffix(parts: list[str]) -> list[str]:
    return parts[:-1] if parts[-1] in ("jr", "sr") and len(parts) > 2 else parts


def _surname(parts: list[str]) -> list[str]:
    """The last word of a name, with the particles before it ("di caprio", "van damme")."""
    parts = _without_suffix(parts)
    first = len(parts) - 1
    while first > 1 and parts[first - 1] in _PARTICLES:
        first -= 1
    return parts[first:]
