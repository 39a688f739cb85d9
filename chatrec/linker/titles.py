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
_ANOTHER = re.compile(r"\s*\(\d{4}\)|\s\d{1,4}(?=\s*(?:$|[.,!?()]))")  # "Taken 3", "It (2017)": not this one
_YEARS_OFF = 1  # release dates differ from country to country
_LONG = 7  # letters from which a word with one slip is still clear
_SLIP, _SHORT = 0.9, 0.95  # factors of certainty for a slip and for a short name
_EXACT = 0.1  # popularity that an exact match makes up for


@dataclass(frozen=True)
class _Match:
    """Words that are the title of the first ``whole`` items and a short name of the others, but for some slips."""

    tokens: Sequence[Token]
    items: Sequence[int]
    whole: int
    slips: int


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
        for key, slips in spelling.readings([token.key for token in tokens]):
            whole, short = self._whole.get(key, []), self._short.get(key, [])
            if whole or short:
                return _Match(tokens, (*whole, *short), len(whole), slips)
        return None

    def _mention(self, message: Message, match: _Match, before: Token | None) -> Mention | None:
        start, end = match.tokens[0].start, match.tokens[-1].end
        article = before.key if before and before.key in ARTICLES and message.text[before.end : start] == " " else ""
        if before and (article in ("the", "teh") or (article and article == self._article(match.items[0]))):
            start = before.start
        year = _YEAR.match(message.plain, end)
        dated = [i for i in match.items if year and abs((self._year(i) or 0) - float(year[1])) <= _YEARS_OFF]
        if not dated and _ANOTHER.match(message.plain, end):
            return None
        exact = any(self._year(i) == float(year[1]) for i in dated) if year else False
        certainty = 1.0 if exact else self._certainty(message, match, start, article)
        if not certainty:
            return None
        end = year.end() if year and dated else end
        items = [self._catalog.items[i] for i in self._ranked(match, dated or match.items, article)]
        text, ids = message.text[start:end], tuple(item.item_id for item in items)
        confidence = certainty * _SLIP**match.slips * (1.0 if match.whole else _SHORT)
        return Mention("title", start, end, text, items[0].title, (), ids, confidence=round(confidence, 3))

    def _ranked(self, match: _Match, items: Sequence[int], article: str) -> list[int]:
        """The best known first; a title that is typed exactly, article and all, counts as a little better known."""

        def standing(index: int) -> float:
            exact = (self._article(index) == article.replace("teh", "the")) + (index in match.items[: match.whole])
            return self._fame(index) + _EXACT * exact

        return sorted(dict.fromkeys(items), key=lambda index: (-standing(index), index))

    def _certainty(self, message: Message, match: _Match, start: int, article: str) -> float:
        """How sure it is that the words are meant as the title; 0 when they are not."""
        words, end = [token.key for token in match.tokens], match.tokens[-1].end
        cue = self._signs.cue(message, match.tokens[0].start)
        if self._signs.quoted(message, start, end):
            return 1.0
        common = all(is_ordinary(word) or word in self._vocabulary for word in words)
        unsaid = common and (match.slips or PROPER.issuperset(words))
        if self._signs.capitals(message, match.tokens) and not unsaid:
            return 0.0 if self._signs.part_of_name(message, match.tokens, cue) else 1.0 if cue == 3 else 0.95
        if common:
            return 0.0 if match.slips else self._of_common_words(message, match, cue, article)
        if len(words) > 1:
            return 0.9 if cue or self._famous(match) or not match.slips else 0.0
        if cue == 3:
            return 1.0
        clear = self._famous(match) and not self._signs.placed(message, start)
        slip = match.slips > 1 or (match.slips and len(words[0]) < _LONG)
        return 0.8 if (cue or clear) and not (slip and len(message.tokens) > 1) else 0.0

    def _of_common_words(self, message: Message, match: _Match, cue: int, article: str) -> float:
        """The same where every word is one of everyday English or of the schema."""
        words = [token.key for token in match.tokens]
        if CLOSED.issuperset(words) or len(words[0]) == len(words) == 1 or article in ("a", "an"):
            return 0.0
        content = [word for word in words if word not in CLOSED]
        generic = all(word in self._vocabulary or word.isdigit() or self._signs.generic(word) for word in content)
        if cue == 3 or (cue == 2 and not generic):
            return (1.0 if cue == 3 else 0.85) if self._signs.closes(message, match.tokens[-1].end) else 0.0
        if generic or len(content) < 2 or not self._famous(match):
            return 0.0
        alone = len(message.tokens) == len(words) + bool(article) and article == self._article(match.items[0])
        cued = cue and self._signs.closes(message, match.tokens[-1].end)
        return 0.75 if alone or cued or len(words) > 3 or len(content) > 2 else 0.0

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
    named = (name for name in names if not all(word in _PARTS or word.isdigit() for word in name))
    return {compact(name) for name in named if len(compact(name)) > 2} - {compact(whole)}
