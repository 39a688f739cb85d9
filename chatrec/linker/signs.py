"""Signs that words are meant as a title: what stands around them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatrec.linker.text import Message, Token
from chatrec.schema import Schema

# "{noun}" is what the catalogue holds. After these even a common word may be a title …
_MEANT = (
    r"(?:\b(?:s[ou]m\w+n\w*|anything|more|similar|just|else|stuff|ones?|much|is|(?:sort|kind) of|bit|feels?|{noun}) "
    r"like|^\W*like|\bsimilar to|\bsame \w+ as|\bremind(?:s|ed)? me of|\b(?:re)?watched|\bseen|\bsaw|\bcalled|\bnamed|"
    r"\btitled|(?<!other )(?<!rather )\bthan)"
)
# … after these unless the schema has another meaning for it …
_OFFERED = r"\b(?:(?:have|you) got|do you have|(?:re)?watch(?:ing)?|{noun})"
# … and after these if it is no common word.
_MENTIONED = (
    r"\b(?:lik(?:e|ed|es)|lov(?:e|ed|es)|enjoy(?:ed)?|ador(?:e|ed)|hated?|about|is|was|prefer(?:red)?|favou?rites?|finished|"
    r"fan of|into|recommend|try|tried|and|or|but|not|vs|versus|compare|know|as|remember|heard of|style of|good)"
)
_ARTICLE = r"(?P<article> (?:the|teh|that|an?))?\s+$"
_PLACE = re.compile(r"\b(?:in|to|from|at|near|of|by|with|for|my|your|his|her|our|their)\s+$")
_INDEFINITE = re.compile(r"\ban? $")
_CLOSED = re.compile(
    r"\W*$|\s*[.,;:!?)\"]|\s+(?:but|and|or|please|pls|though|yet|yesterday|today|again|with|is|was|recently|twice|already|"
    r"too|which|because|so|last|this|when|as|on|years?|it|i|than|instead|except)\b"
)


class Signs:
    """Reads the surroundings of words in a message."""

    def __init__(self, schema: Schema) -> None:
        self._nouns = tuple(dict.fromkeys((schema.plural, schema.noun, "movies", "movie")))
        noun = "|".join(map(re.escape, self._nouns))
        self._cues = tuple(
            re.compile((cue + _ARTICLE).replace("{noun}", f"(?:{noun})")) for cue in (_MEANT, _OFFERED, _MENTIONED)
        )

    def cue(self, message: Message, start: int) -> int:
        """How clearly the words before ``start`` announce a title: 3 clearly, 2, 1, or 0 not at all."""
        before = message.before(start)
        return next((3 - i for i, cue in enumerate(self._cues) if cue.search(before)), 0)

    @staticmethod
    def closes(message: Message, end: int) -> bool:
        """Whether the phrase ends there ("watched heat yesterday", not "watched heat rise")."""
        return _CLOSED.match(message.plain, end) is not None

    @staticmethod
    def placed(message: Message, start: int) -> bool:
        """Whether a preposition or a possessive makes a place or a thing of the word ("set in tokyo")."""
        return _PLACE.search(message.before(start, 12)) is not None

    @staticmethod
    def quoted(message: Message, start: int, end: int) -> bool:
        """Whether quotation marks stand around the words."""
        return (
            message.plain[start - 1 : start] in ('"', "'") and message.plain[end : end + 1] in ('"', "'") and start > 0
        )

    @staticmethod
    def indefinite(message: Message, start: int) -> bool:
        """Whether "a" or "an" stands before: "a love story" is no title."""
        return _INDEFINITE.search(message.before(start, 4)) is not None

    def generic(self, word: str) -> bool:
        """Whether the word names what the catalogue holds ("film")."""
        return word in self._nouns

    @staticmethod
    def capitals(message: Message, tokens: Sequence[Token], small: frozenset[str]) -> bool:
        """Whether the words are written with capitals where other words would not be."""
        big = [token for token in tokens if token.key not in small]
        return message.cased and all(t.capital for t in big) and any(not t.opens and not t.key.isdigit() for t in big)
