"""Titles: found by their words, and taken as titles only where the message means them as such.

"It" and "Her" are films and the commonest words of English. A title of ordinary words needs a sign: quotation marks,
capitals where others would write none, its year, or a cue right before it ("something like heat", "watched big").
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chatrec.catalog import Catalog
from chatrec.linker.english import CLOSED, PROPER, is_ordinary
from chatrec.linker.signs import Signs
from chatrec.linker.spelling import Spelling
from chatrec.linker.text import ARTICLES, Message, Token, compact, keys
from chatrec.linker.vocabulary import Vocabulary
from chatrec.types import Mention

_LONGEST = 12  # words in a title
_PARTS = frozenset(("part", "vol", "volume", "chapter", "episode"))  # "Kill Bill Vol. 2" is "kill bill 2" too
_SUBTITLE = re.compile(r"[:–—]|\s-\s|,? or:? |\.\.\.")  # what may be left out stands behind one of these
_WELL_KNOWN = 0.8  # share of the items that are less known
_YEAR = re.compile(r"\s*[(\[,]?\s*(?:from |of |in |the )?((?:1[89]|20)\d\d)\b(?!\s?(?:min|film|movie))[)\]]?")
_SMALL = frozenset(("the", "a", "an", "of", "in", "and", "to", "for", "on", "at", "with", "from", "by", "or"))


@dataclass(frozen=True)
class _Match:
    """Words that are the title (or the short name) of some items; ``corrected``: with a spelling put right."""

    tokens: Sequence[Token]
    items: Sequence[int]
    short: bool
    corrected: bool


class Titles:
    """An index of the titles of a catalogue. Words of the ``vocabulary`` mean something else, too."""

    def __init__(self, catalog: Catalog, vocabulary: Vocabulary) -> None:
        self._catalog, self._vocabulary = catalog, vocabulary
        self._whole: dict[str, list[int]] = defaultdict(list)
        self._short: dict[str, list[int]] = defaultdict(list)
        words: set[str] = set()
        for i, item in enumerate(catalog.items):
            whole = _bare(keys(item.title))
            words.update(whole)
            self._whole[compact(whole)].append(i)
            for short in _short_names(item.title, whole):
                self._short[short].append(i)
        self.words = frozenset(words)
        self._well_known = float(np.quantile(catalog.popularity, _WELL_KNOWN)) if len(catalog) else 0.0
        self._signs = Signs(catalog.schema)

    def find(self, message: Message, spelling: Spelling) -> Iterator[Mention]:
        """Every title that is meant as one; they may overlap."""
        tokens = message.tokens
        for start, first in enumerate(tokens):
            if first.key in ARTICLES:
                continue
            for end in range(start + 1, min(start + _LONGEST, len(tokens)) + 1):
                match = self._match(tokens[start:end], spelling)
                mention = self._mention(message, match, tokens[start - 1] if start else None) if match else None
                if mention:
                    yield mention

    def _match(self, tokens: Sequence[Token], spelling: Spelling) -> _Match | None:
        for key, corrected in spelling.readings([token.key for token in tokens]):
            if key in self._whole:
                return _Match(tokens, self._whole[key], False, corrected)
            if key in self._short:
                return _Match(tokens, self._short[key], True, corrected)
        return None

    def _mention(self, message: Message, match: _Match, before: Token | None) -> Mention | None:
        start, end = match.tokens[0].start, match.tokens[-1].end
        if before is not None and before.key in ARTICLES and message.text[before.end : start].isspace():
            start = before.start
        year = _YEAR.match(message.plain, end)
        dated = [i for i in match.items if year and self._year(i) == float(year[1])]
        certainty = 1.0 if dated else self._certainty(message, match, start, end)
        if not certainty:
            return None
        end = year.end() if year and dated else end
        article = before.key if start < match.tokens[0].start and before else ""
        ranked = sorted(dated or match.items, key=lambda i: (self._article(i) != article, -self._fame(i), i))
        items = [self._catalog.items[i] for i in ranked]
        return Mention(
            "title",
            start,
            end,
            message.text[start:end],
            items[0].title,
            (),
            tuple(i.item_id for i in items),
            confidence=round(certainty * (0.9 if match.corrected else 1.0) * (0.9 if match.short else 1.0), 3),
        )

    def _certainty(self, message: Message, match: _Match, start: int, end: int) -> float:
        """How sure it is that the words are meant as the title; 0 when they are not."""
        words = [token.key for token in match.tokens]
        cue = self._signs.cue(message, match.tokens[0].start)
        if self._signs.quoted(message, start, end):
            return 1.0
        common = all(is_ordinary(word) or word in self._vocabulary for word in words)
        shouted = common and (match.corrected or PROPER.issuperset(words))
        if self._signs.capitals(message, match.tokens, _SMALL) and not shouted:
            return 1.0 if cue == 3 else 0.95
        if common:
            return 0.0 if match.corrected else self._of_common_words(message, match, cue)
        famous = self._famous(match)
        if len(words) > 1:
            return 0.9 if famous or cue or not match.corrected else 0.0
        if cue == 3:
            return 1.0
        return 0.8 if cue or (famous and not self._signs.placed(message, start)) else 0.0

    def _of_common_words(self, message: Message, match: _Match, cue: int) -> float:
        """The same where every word is one of everyday English or of the schema."""
        words = [token.key for token in match.tokens]
        if CLOSED.issuperset(words) or self._signs.indefinite(message, match.tokens[0].start):
            return 0.0
        content = [word for word in words if word not in CLOSED]
        generic = all(word in self._vocabulary or word.isdigit() or self._signs.generic(word) for word in content)
        if cue == 3 or (cue == 2 and not generic):
            return (1.0 if cue == 3 else 0.85) if self._signs.closes(message, match.tokens[-1].end) else 0.0
        if generic or len(content) < 2 or not self._famous(match):
            return 0.0
        rest = len(message.tokens) - len(words) - (message.tokens[0].key in ARTICLES)
        return 0.75 if rest <= 0 or len(words) > 3 or (cue and len(words) == 2) or len(content) > 2 else 0.0

    def _famous(self, match: _Match) -> bool:
        return max(map(self._fame, match.items)) >= self._well_known

    def _fame(self, index: int) -> float:
        return float(self._catalog.popularity[index])

    def _year(self, index: int) -> float | None:
        column = self._catalog.schema.columns.get("year", "")
        year = self._catalog.items[index].attributes.get(column)
        return year if isinstance(year, float) else None

    def _article(self, index: int) -> str:
        first = keys(self._catalog.items[index].title)[:1]
        return first[0] if first and first[0] in ARTICLES else ""


def _bare(words: list[str]) -> list[str]:
    return words[1:] if len(words) > 1 and words[0] in ARTICLES else words


def _short_names(title: str, whole: list[str]) -> set[str]:
    """Other keys of a title: without its subtitle, the subtitle alone, without "part"."""
    names = [_bare(keys(part)) for part in _SUBTITLE.split(title)]
    names = [name for i, name in enumerate(names) if len(names) > 1 and name and (i == 0 or len(name) > 1)]
    names += [[word for word in name if word not in _PARTS] for name in (*names, whole)]
    return {compact(name) for name in names if name and len(compact(name)) > 2} - {compact(whole)}
