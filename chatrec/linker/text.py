"""A message as the linker reads it: words with their places, a plain copy of the same length, and what a misspelt
word may have been meant to be."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

from rapidfuzz import process
from rapidfuzz.distance import OSA

from chatrec.linker.english import CLOSED, is_ordinary

ARTICLES = frozenset(("the", "a", "an", "teh"))
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|&")
_DOUBLED = re.compile(r"(.)\1")
_SENTENCE_START = re.compile(r"(?:^|[.!?:\n])[\s\"'“”‘’(]*$")
_LOOK_BACK = 6  # characters that may stand between the end of a sentence and the next word
_NUMERALS = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}
_QUOTES = str.maketrans("’‘“”´`", "''\"\"''")

_SHORTEST = 4  # letters of a word that may be misspelt; shorter ones have too many neighbours
_MANY = 7  # letters from which any slip is forgiven; in shorter words only those that do not make another word of them
_LEFT_OUT, _BESIDE = 5, 6  # letters from which one left out, or the key beside it, is forgiven
_TWO_SLIPS = 8  # letters from which two slips are forgiven
_SHORT_NAME, _LONG_NAME = 6, 12  # letters of all words of a name from which one and two slips are forgiven
_CLEAR_NAME = 20  # letters from which a name is clear whatever its words are
_CHOICES = 3  # words that one misspelt word may stand for
_MISSPELT = 2  # words of one stretch that may be corrected
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # of a keyboard
_GUESSES = 6  # spellings tried for one stretch of words
_MEMORY = 20_000  # words


@dataclass(frozen=True)
class Token:
    """One word, ``text[start:end]``. ``key`` is how it is looked up (see ``keys``). ``capital``: it starts with a
    capital letter and goes on with small ones. ``opens``: it is the first of a sentence, where all words do."""

    start: int
    end: int
    key: str
    capital: bool
    opens: bool


@dataclass(frozen=True)
class Message:
    """``plain`` is lower case, without accents and with straight quotes, and as long as ``text``, so places in one
    are places in the other. ``cased``: the writer uses capitals, and not for every word."""

    text: str
    plain: str
    tokens: tuple[Token, ...]
    cased: bool

    def before(self, start: int, reach: int = 48) -> str:
        """The last characters of ``plain`` before a place, at most ``reach``."""
        return self.plain[max(0, start - reach) : start]


def read(text: str) -> Message:
    """Split a message into words. Any text will do; nothing raises."""
    tokens = tuple(_token(text, found) for found in _WORD.finditer(text))
    inner = [t for t in tokens if not t.opens and t.key != "i"]
    small = sum(not t.capital for t in inner)
    return Message(text, plain(text), tokens, 4 * small >= len(inner))


def keys(text: str) -> list[str]:
    """The words of a text as they are looked up: folded, no apostrophes, ``&`` as "and", roman numerals as digits."""
    return [_key(found.group()) for found in _WORD.finditer(text)]


def compact(words: Iterable[str]) -> str:
    """Words run together, so that "sci-fi", "sci fi" and "scifi" are one. Small words, single letters and figures
    stay apart: "I ran" is not "Iran", nor is "1, 2" the same as "12"."""
    spaced = (word if len(word) > 1 and word not in CLOSED and not word.isdigit() else f" {word} " for word in words)
    return "".join(spaced).replace("  ", " ").strip()


def entries(words: Sequence[str]) -> set[str]:
    """What a name is listed under, so that "wall-e" is also found as "walle"."""
    return {compact(words), "".join(words)}


def plain(text: str) -> str:
    """Lower case, no accents, straight quotes; exactly as long as ``text``."""
    text = text.translate(_QUOTES)
    return text.lower() if text.isascii() else "".join(map(_plain_character, text))


@lru_cache(maxsize=4096)
def _plain_character(character: str) -> str:
    low = unicodedata.normalize("NFKD", character)[:1].lower()
    return low if len(low) == 1 else character


@lru_cache(maxsize=65536)
def _key(word: str) -> str:
    if word == "&":
        return "and"
    if not word.isascii():
        word = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    low = word.casefold().replace("'", "").replace("’", "")
    return _NUMERALS.get(low, low)


def _token(text: str, found: re.Match[str]) -> Token:
    start, word = found.start(), found.group()
    opens = _SENTENCE_START.search(text[max(0, start - _LOOK_BACK) : start]) is not None
    if start > _LOOK_BACK and opens:
        opens = _SENTENCE_START.search(" " + text[start - _LOOK_BACK : start]) is not None
    shouted = len(word) > 1 and word.isupper()
    return Token(start, found.end(), _key(word), word[0].isupper() and not shouted, opens)


class Spelling:
    """Looks for words of a vocabulary within one slip of a misspelt word (two in long words), a swap of neighbours
    counting as one: optimal string alignment. Only words of the same first letter and about the same length are
    compared. Numbers are never corrected, nor are words that English has. ``few``: the vocabulary is so small that any
    slip may be forgiven in short words, too."""

    def __init__(self, vocabulary: Iterable[str], few: bool = False) -> None:
        self._words, self._few = frozenset(vocabulary), few
        self._blocks: dict[tuple[str, int], list[str]] = defaultdict(list)
        for word in sorted(self._words):
            if len(word) >= _SHORTEST - 1 and word.replace(" ", "").isalpha():
                self._blocks[word[0], len(word)].append(word)
        self._memory: dict[str, list[tuple[str, int]]] = {}

    def readings(self, words: Sequence[str]) -> Iterator[tuple[str, int]]:
        """The words run together, as typed and then as they may have been meant, with the number of slips."""
        yield compact(words), 0
        options = [[(word, 0), *self.meant(word)] for word in words]
        if 0 < sum(len(choices) > 1 for choices in options) <= _MISSPELT:
            for choice in islice(product(*options), 1, _GUESSES):
                yield compact([word for word, _ in choice]), sum(slips for _, slips in choice)

    def meant(self, word: str) -> list[tuple[str, int]]:
        """The nearest words of the vocabulary and how many slips away; empty for a word that is not misspelt."""
        if len(word) < _SHORTEST or not word.isalpha() or word in self._words or is_ordinary(word):
            return []
        once = _DOUBLED.sub(r"\1", word)
        if once != word and is_ordinary(once):  # "morre" is "more", and not Mooré
            return [(once, 1)] if once in self._words else []
        sounded = word.replace("f", "ph")  # "headfones"
        return [(sounded, 1)] if sounded in self._words else self._remembered(word)

    def name(self, words: Sequence[str]) -> list[tuple[str, int]]:
        """For a vocabulary of whole names: those meant by several words that are words of their own, but no name
        together ("brad pit"). A short one of small or everyday words is no misspelt name."""
        key = compact(words)
        if len(words) < 2 or len(key) < _SHORT_NAME or not all(map(str.isalpha, words)):
            return []
        if len(key) < _CLEAR_NAME and (any(word in CLOSED for word in words) or all(map(is_ordinary, words))):
            return []
        return [(name, slips) for name, slips in self._remembered(key)[:1] if slips == 1 or len(key) >= _LONG_NAME]

    def _remembered(self, word: str) -> list[tuple[str, int]]:
        if word not in self._memory:
            if len(self._memory) >= _MEMORY:
                self._memory.clear()
            self._memory[word] = self._nearest(word)
        return self._memory[word]

    def _nearest(self, word: str) -> list[tuple[str, int]]:
        slips = 2 if len(word) >= _TWO_SLIPS else 1
        lengths = range(len(word) - slips, len(word) + slips + 1)
        near = [other for n in lengths for other in self._blocks.get((word[:1], n), ())]
        if len(word) < _MANY and not self._few:
            near = [other for other in near if _mistyped(word, other)]
        found = process.extract(word, near, scorer=OSA.distance, score_cutoff=slips, limit=None)
        found.sort(key=lambda one: (one[1], not _beside(word, one[0])))
        return [(other, int(distance)) for other, distance, _ in found[:_CHOICES]]


def _mistyped(word: str, other: str) -> bool:
    """Whether a word is another but for letters swapped, doubled wrongly or, within it, left out or typed with the key
    beside: "horor", "funy", "sience", "dictor". Any other letter, or one too many, makes too many words of others:
    "bench", "lumps", "reset"."""
    left_out = len(word) >= _LEFT_OUT and len(word) < len(other) and word[-1] == other[-1]
    if left_out or (len(word) >= _BESIDE and _beside(word, other)):
        return True
    return sorted(word) == sorted(other) or _DOUBLED.sub(r"\1", word) == _DOUBLED.sub(r"\1", other)


def _beside(word: str, other: str) -> bool:
    """Whether one letter is another's neighbour on a keyboard, and the rest is the same."""
    wrong = [a + b for a, b in zip(word, other, strict=False) if a != b]
    beside = (wrong[0], wrong[0][::-1]) if len(wrong) == 1 and len(word) == len(other) else ()
    return any(pair in row for pair in beside for row in _ROWS)


def mended(message: Message, spelling: Spelling, names: Container[str]) -> tuple[Message, Sequence[int]]:
    """The message with the misspelt words of ``spelling`` put right, and where each of its characters comes from.
    ``names``: words that only look misspelt ("Firth")."""
    text, places, last = "", [], 0
    for token in message.tokens:
        meant = [] if token.key in names else spelling.meant(token.key)
        if meant:
            word = meant[0][0]
            text += message.text[last : token.start] + word
            inside = (min(token.start + i, token.end - 1) for i in range(len(word) - 1))
            places += [*range(last, token.start), *inside, token.end - 1]
            last = token.end
    if not last:
        return message, range(len(message.text))
    return read(text + message.text[last:]), [*places, *range(last, len(message.text))]
