"""A message as the linker reads it: words with their places, and a plain copy of the same length."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|&")
_SENTENCE_START = re.compile(r"(?:^|[.!?:\n])[\s\"'“”‘’(]*$")
_LOOK_BACK = 6  # characters that may stand between the end of a sentence and the next word
_NUMERALS = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}
_QUOTES = str.maketrans("’‘“”´`", "''\"\"''")
ARTICLES = frozenset(("the", "a", "an", "teh"))


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
    """Words run together, so that "sci-fi", "sci fi" and "scifi" are one."""
    return "".join(words)


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
