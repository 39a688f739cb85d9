"""Titles: found by their words, and taken as titles only where the message means them as such.

"It" and "Her" are films and the commonest words of English. A title of ordinary words needs a sign: quotation marks,
capitals where others would write none, its year, a cue right before it ("something like heat", "watched big"), or
another title beside it ("jaws or alien").
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from chatrec.catalog import Catalog
from chatrec.linker.english import CLOSED, FIGURES, PROPER, is_ordinary
from chatrec.linker.signs import Signs
from chatrec.linker.text import ARTICLES, Message, Spelling, Token, compact, entries, keys
from chatrec.linker.vocabulary import Vocabulary
from chatrec.types import Mention

_LONGEST = 12  # words in a title
_PARTS = frozenset(("part", "vol", "volume", "chapter", "episode"))  # "Kill Bill Vol. 2" is "kill bill 2" too
_DIGITS = {word: str(figure) for figure, word in enumerate(FIGURES, 1)}  # "Ocean's Eleven" is "ocean's 11" too
# What may be left out stands behind one of these …
_SUBTITLE = re.compile(r"[:–—]|\s-\s|,\s+or\s|\sor:\s|\sor\s(?=\()|\.\.\.")
_PARTING = re.compile(r",\s+|\s+(?:and|of) the\s+")  # … or one of these, if each side has two words
_YEAR = re.compile(  # "Heat (1995)", "Heat, 1995", "Heat from 1995"; not "war, from 2007" or "war 2007 or later"
    r"(?:\s*[(\[,]\s*|\s+(?:from |of |in |the )?)((?:1[89]|20)\d\d)\b"
    r"(?!\s?(?:min|film|movie|[-–+]|(?:or|and) (?:later|newer|older|earlier|up|onwards?|after|before)))[)\]]?"
)
_ANOTHER = re.compile(r"\s*\(\d{4}\)|\s\d{1,4}(?=\s*(?:$|[.,!?()]))")  # "Taken 3", "It (2017)": not this one
_LIST = re.compile(
    r"%?\s*(?:,|&|/|\bv(?:s|ersus)?\b\.?|(?:,\s*)?\b(?:and|or|than|(?:but )?not)\b)\s*"
)  # between two titles
_BROKEN = re.compile(r"[,;.!?] ")
_YEARS_OFF = 1  # release dates differ from country to country
_WELL_KNOWN, _RENOWNED = 0.65, 0.95  # share of the items that are less known
_CLEAR = 3  # words of a title that was liked from which it may be misspelt
_PHRASE = 4  # words of a title that are no accident beside another
_LONG, _ENOUGH = 7, 6  # letters from which a word with one slip is still clear; the same if it is all that was said
_SLIP, _SHORT = 0.9, 0.95  # factors of certainty for a slip and for a short name
_EXACT = 0.1  # popularity that an exact match makes up for


@dataclass(frozen=True)
class _Match:
    """Words that are the title of the first ``whole`` items and a short name of the others, but for some slips.
    ``alone``: the message says nothing else, or goes on with "but". ``article``: the one before the words, if ``start``
    includes it."""

    tokens: Sequence[Token]
    items: tuple[int, ...]
    whole: int
    slips: int
    start: int
    article: str
    alone: bool

    @property
    def words(self) -> list[str]:
        return [token.key for token in self.tokens]

    @property
    def end(self) -> int:
        return self.tokens[-1].end


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
            for key in entries(whole):
                self._whole[key].append(i)
            for key in _short_names(item.title, whole):
                self._short[key].append(i)
        self.words = frozenset(words)
        self._names = Spelling(self._whole)
        shares = (_WELL_KNOWN, _RENOWNED)
        self._well_known, self._renowned = np.quantile(catalog.popularity, shares) if len(catalog) else (0.0, 0.0)
        self._signs = Signs(catalog.schema)

    def find(self, message: Message, spelling: Spelling) -> list[Mention]:
        """Every title that is meant as one; they may overlap."""
        meant, rest = [], []
        judged: set[int] = set()  # where titles end that somebody liked or hated
        for match in self._matches(message, spelling):
            if self._judged(message, match, judged):
                judged.add(match.end)
                meant.append(self._named(message, match, match.items[: match.whole], match.end, 1.0))
                continue
            mention = self._mention(message, match)
            meant.append(mention) if mention else rest.append(match)
            if mention and self._signs.judged(message, match.tokens[0].start, fans=True):
                judged.add(match.end)
        return meant + [
            self._named(message, match, match.items, match.end, 1.0)
            for match in rest
            if self._listed(message, match, meant)
        ]

    def _matches(self, message: Message, spelling: Spelling) -> Iterator[_Match]:
        tokens = message.tokens
        for start, first in enumerate(tokens):
            if first.key not in ARTICLES or (start and tokens[start - 1].key in ARTICLES):  # "The A-Team"
                for end in range(start + 1, min(start + _LONGEST, len(tokens)) + 1):
                    match = self._match(message, start, end, spelling)
                    if match:
                        yield match

    def _match(self, message: Message, start: int, end: int, spelling: Spelling) -> _Match | None:
        tokens = message.tokens[start:end]
        words = [token.key for token in tokens]
        for key, slips in chain(spelling.readings(words), self._names.name(words)):
            whole, short = self._whole.get(key, []), self._short.get(key, [])
            listed = slips and _BROKEN.search(message.text, tokens[0].start, tokens[-1].end)  # two things of a list
            if (whole or short) and not listed:
                items = tuple(dict.fromkeys((*whole, *short)))
                place, article = self._article_before(message, start, items[0])
                rest = message.tokens[end:]
                alone = start == bool(article) and (not rest or rest[0].key == "but")
                return _Match(tokens, items, len(whole), slips, place, article, alone)
        return None

    def _article_before(self, message: Message, first: int, index: int) -> tuple[int, str]:
        """Where a title begins whose word ``first`` is the first behind an article, and that article. An "a" counts
        only if it is the item's own."""
        tokens = message.tokens
        before = tokens[first - 1] if first else None
        if before is None or before.key not in ARTICLES or message.text[before.end : tokens[first].start] != " ":
            return tokens[first].start, ""
        article = before.key.replace("teh", "the")
        own = article == "the" or article == self._article(index)
        return (before.start, article) if own else (tokens[first].start, "")

    def _mention(self, message: Message, match: _Match) -> Mention | None:
        """The title that a match is, or None if it is not meant as one."""
        year = _YEAR.match(message.plain, match.end)
        dated = [i for i in match.items if year and abs((self._year(i) or 0) - float(year[1])) <= _YEARS_OFF]
        if not dated and _ANOTHER.match(message.plain, match.end):
            return None
        exact = any(self._year(i) == float(year[1]) for i in dated) if year else False
        certainty = 1.0 if exact else self._certainty(message, match)
        end = year.end() if year and dated else match.end
        return self._named(message, match, dated or match.items, end, certainty) if certainty else None

    def _named(self, message: Message, match: _Match, items: Sequence[int], end: int, certainty: float) -> Mention:
        ranked = [self._catalog.items[i] for i in self._ranked(match, items)]
        confidence = certainty * _SLIP**match.slips * (1.0 if match.whole else _SHORT)
        text, ids = message.text[match.start : end], tuple(item.item_id for item in ranked)
        return Mention("title", match.start, end, text, ranked[0].title, (), ids, confidence=round(confidence, 3))

    def _ranked(self, match: _Match, items: Sequence[int]) -> list[int]:
        """The best known first; a title that is typed exactly, article and all, counts as a little better known."""

        def standing(index: int) -> float:
            exact = (self._article(index) == match.article) + (index in match.items[: match.whole])
            return self._fame(index) + _EXACT * exact

        return sorted(items, key=lambda index: (-standing(index), index))

    def _certainty(self, message: Message, match: _Match) -> float:
        """How sure it is that the words are meant as the title; 0 when they are not."""
        words, cue = match.words, self._signs.cue(message, match.tokens[0].start)
        if match.start == message.tokens[0].start and self._signs.chosen(message, match.end):
            cue = max(cue, 2)
        if self._signs.quoted(message, match.start, match.end):
            return 1.0
        judged = not match.slips and self._signs.judged(message, match.tokens[0].start)
        if judged and all(map(str.isdigit, words)) and self._signs.closes(message, match.end):
            return 1.0  # "I loved 1917"
        common = all(is_ordinary(word) or word in self._vocabulary for word in words)
        if match.slips and self._is_everyday(match.items[0]):
            return 0.0  # "anythign else?" and "somewhre warm" ask for no film
        if match.slips and self._another(message, match):
            return 0.0  # "a scarry movie"
        unsaid = common and (match.slips or PROPER.issuperset(words))
        if self._signs.capitals(message, match.tokens) and not unsaid:
            sure = 1.0 if cue == 3 else 0.97 if judged else 0.95  # people named in part are 0.96 sure
            return 0.0 if self._signs.part_of_name(message, match.tokens, cue) else sure
        if common and cue < 2 and self._signs.placed(message, match.start):
            return 0.0
        if common:
            return 0.0 if match.slips else self._of_common_words(message, match, cue)
        if len(words) > 1:
            return 0.9 if cue or self._famous(match) or not match.slips else 0.0
        return 0.97 if judged and match.whole else self._of_one_word(message, match, cue)

    def _of_one_word(self, message: Message, match: _Match, cue: int) -> float:
        """The same for a word that everyday English lacks."""
        if cue == 3:
            return 1.0
        if match.slips > 1 or (match.slips and len(match.words[0]) < (_ENOUGH if match.alone else _LONG)):
            return 0.0
        clear = self._famous(match) and not self._signs.placed(message, match.start)
        return 0.8 if cue or clear or (match.alone and match.whole and not match.slips) else 0.0

    def _of_common_words(self, message: Message, match: _Match, cue: int) -> float:
        """The same where every word is one of everyday English or of the schema."""
        words, closes = match.words, self._signs.closes(message, match.end)
        content = [word for word in words if word not in CLOSED]
        if len(words[0]) == len(words) == 1:
            return 0.8 if match.alone and message.text[match.start].isupper() else 0.0  # "W."
        if not content or self._another(message, match):
            return 0.0
        if match.whole and not self._own_article(match):
            return 0.0
        generic = all(word in self._vocabulary or word.isdigit() or self._signs.generic(word) for word in content)
        if cue == 3 or (cue == 2 and not generic):
            return (1.0 if cue == 3 else 0.85) if closes else 0.0
        if words[-1].isdigit() and len(content) > 1 and self._signs.cue(message, match.tokens[-1].start) < 3:
            return 0.8 if closes else 0.0
        if (generic and not (match.alone and len(content) > 1)) or not self._famous(match):
            return 0.0
        if match.alone and (len(content) > 1 or (match.whole and (len(words) > 2 or match.article))):
            return 0.75
        return 0.75 if len(content) > 1 and ((cue and closes) or len(words) > 3 or len(content) > 2) else 0.0

    def _is_everyday(self, index: int) -> bool:
        """Whether a title is all small words, or one word of everyday English."""
        words = _bare(keys(self._catalog.items[index].title))
        return CLOSED.issuperset(words) or (len(words) == 1 and is_ordinary(words[0]))

    def _own_article(self, match: _Match) -> bool:
        """Whether a title has the article it should have; one that everybody knows may lack it."""
        own = any(self._article(i) == match.article for i in match.items[: match.whole])
        return own or max(map(self._fame, match.items)) >= self._renowned

    def _another(self, message: Message, match: _Match) -> bool:
        """Whether an indefinite article that the title lacks stands before it: "a scary movie"."""
        return re.search(r"\ban?\s+$", message.before(match.start, 4)) is not None

    def _judged(self, message: Message, match: _Match, judged: Iterable[int]) -> bool:
        """Whether the words are a whole title that somebody liked or hated, or stand beside one: "I loved Rome and
        Paris" tells of two places, whatever else the words could ask for. Not "I liked drama"."""
        word = match.words[0]
        plain = len(match.words) == 1 and is_ordinary(word) and word not in PROPER
        slipped = match.slips and len(match.words) < _CLEAR
        if plain or slipped or not match.whole or CLOSED.issuperset(match.words):
            return False
        valued = len(match.words) > 1 or word in self._vocabulary  # "a fan of Hitchcock" is one of the director
        said = self._signs.judged(message, match.start, fans=valued) or any(
            end < match.start and _LIST.fullmatch(message.plain, end, match.start) for end in judged
        )
        return said and self._signs.closes(message, match.end) and not _YEAR.match(message.plain, match.end)

    def _listed(self, message: Message, match: _Match, meant: Iterable[Mention]) -> bool:
        """Whether words that alone would be no title stand beside one: "jaws or alien"."""
        words, phrase = match.words, match.whole and len(match.words) >= _PHRASE
        other = any(map(self._vocabulary.lists, words)) and not self._signs.capitals(message, match.tokens)
        other = other and not phrase
        if match.slips or other or CLOSED.issuperset(words):
            return False
        places = [(title.end, match.start) for title in meant] + [(match.end, title.start) for title in meant]
        beside = any(left < right and _LIST.fullmatch(message.plain, left, right) for left, right in places)
        return bool(beside) and (phrase or self._famous(match)) and self._signs.closes(message, match.end)

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
    """Other keys of a title: without its subtitle, the subtitle alone, without "part", with figures."""
    parts = [_bare(keys(part)) for part in _SUBTITLE.split(title)]
    names = [part for i, part in enumerate(parts) if len(parts) > 1 and part and (i == 0 or len(part) > 1)]
    sides = [_bare(keys(side)) for side in _PARTING.split(title)]
    names += sides if len(sides) == 2 and min(map(len, sides)) > 1 else []
    names += [[word for word in name if word not in _PARTS] for name in (*names, whole)]
    names += [[_DIGITS.get(word, word) for word in name] for name in (*names, whole)]
    named = (name for name in names if not all(word in _PARTS or word.isdigit() for word in name))
    return {key for name in named for key in entries(name) if len(compact(name)) > 2} - entries(whole)
