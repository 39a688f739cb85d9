"""Signs that words are meant as a title: what stands around them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatrec.linker.english import CLOSED
from chatrec.linker.text import Message, Token
from chatrec.schema import Schema

# "{noun}" is what the catalogue holds. After these even a common word may be a title …
_MEANT = (
    r"(?:\b(?:s[ou]m\w+n\w*|sm?th|anything|more|similar|just|else|stuff|ones?|much|is|(?:sort|kind) of|bit|"
    r"feels?|{noun}) like|^\W*like|\bs[iy]m\w+r to|\bsame \w+ as|"
    r"\bremind(?:s|ed)? me of|\b(?:re)?watched|\bseen|\bsaw|\bcalled|\bnamed|"
    r"\btitled|\b(?:plot|ending|cast|director|sequel) (?:of|to)|(?<!other )(?<!rather )\bthan)"
)
# … after these unless the schema has another meaning for it …
_OFFERED = (
    r"\b(?:(?:have|you) got|why not|do you have|(?:re)?watch(?:ing)?|(?:the|this|that|a) {noun}|"
    r"liked|loved|enjoyed|adored|hated|care for|fan of|such as)"
)
# … and after these if it is no common word.
_MENTIONED = (
    r"\b(?:likes?|loves?|enjoy|adore|hate|about|is|was|see|prefer(?:red)?|favou?rites?|finished|interested in|"
    r"check out|into|recommend|try|tried|"
    r"and|or|but|not|vs|versus|compare|know|as|remember|heard of|style of|"
    r"(?:think|opinion|thoughts) (?:of|on|about)|good)"
)
_JUDGED = r"\b(?:liked|loved|enjoyed|adored|hated)"  # what has been met, and not who is liked
_ARTICLE = r"(?P<article> (?:the|teh|that|an?))?\s+$"
_PLACE = re.compile(
    r"\b(?:in|to|from|at|near|of|by|with|for|my|your|his|her|our|their|a bit|a little|so|very|too|totally|kinda)\s+$"
)
_CHOSEN = re.compile(r"\s+(?:it is\b(?!\s+\w)|any good\b|worth (?:it|a watch|watching|seeing)\b)")
_WITHIN = frozenset(("of", "the"))  # words that a longer name may have between its capitals
_BREAKS = frozenset('.,;:!?()"/&+\n')
_SMALL = frozenset(("the", "a", "an", "of", "in", "and", "to", "for", "on", "at", "with", "from", "by", "or"))
_CLOSED = re.compile(
    r"\W*$|\s*[.,;:!?)\"%]|\s+(?:but|and|or|please|pls|though|yet|yesterday|today|again|with|is|was|recently|twice|already|"
    r"too|which|because|so|last|this|when|as|on|years?|it|i|than|instead|except|then)\b"
)


class Signs:
    """Reads the surroundings of words in a message."""

    def __init__(self, schema: Schema) -> None:
        self._nouns = tuple(dict.fromkeys((schema.plural, schema.noun, "movies", "movie")))
        self._places = schema.places
        noun = "|".join(map(re.escape, self._nouns))
        self._cues = tuple(
            re.compile((cue + _ARTICLE).replace("{noun}", f"(?:{noun})")) for cue in (_MEANT, _OFFERED, _MENTIONED)
        )

    def cue(self, message: Message, start: int) -> int:
        """How clearly the words before ``start`` announce a title: 3 clearly, 2, 1, or 0 not at all."""
        before = message.before(start)
        return next((3 - i for i, cue in enumerate(self._cues) if cue.search(before)), 0)

    @staticmethod
    def judged(message: Message, start: int, fans: bool = False) -> bool:
        """Whether the words are what somebody liked or hated once: "I loved Hitchcock" and not "I love Hitchcock".
        ``fans``: what they are a fan of counts, too."""
        said = rf"(?:{_JUDGED}|\bfan of)" if fans else _JUDGED
        return re.search(said + _ARTICLE, message.before(start)) is not None

    @staticmethod
    def closes(message: Message, end: int) -> bool:
        """Whether the phrase ends there ("watched heat yesterday", not "watched heat rise")."""
        return _CLOSED.match(message.plain, end) is not None

    def placed(self, message: Message, start: int) -> bool:
        """Whether a preposition or a possessive makes a place or a thing of the word ("set in tokyo"), which is no
        title then, unless titles are places."""
        return not self._places and _PLACE.search(message.before(start, 12)) is not None

    @staticmethod
    def quoted(message: Message, start: int, end: int) -> bool:
        """Whether quotation marks stand around the words."""
        return (
            message.plain[start - 1 : start] in ('"', "'") and message.plain[end : end + 1] in ('"', "'") and start > 0
        )

    @staticmethod
    def chosen(message: Message, end: int) -> bool:
        """Whether what opens a message is taken or asked about: "Matilda it is", "Hook any good?"."""
        return _CHOSEN.match(message.plain, end) is not None

    def generic(self, word: str) -> bool:
        """Whether the word names what the catalogue holds ("film")."""
        return word in self._nouns

    @staticmethod
    def capitals(message: Message, tokens: Sequence[Token]) -> bool:
        """Whether the words are written with capitals where other words would not be."""
        big = [token for token in tokens if token.key not in _SMALL]
        return message.cased and all(t.capital for t in big) and any(not t.opens and not t.key.isdigit() for t in big)

    @staticmethod
    def part_of_name(message: Message, words: Sequence[Token], cue: int) -> bool:
        """Whether the words belong to a longer name that is written with capitals, too: "Bird" in "Lady Bird"."""
        if len(words) > 1 and words[0].key not in _SMALL:
            return False
        tokens = message.tokens
        first, last = tokens.index(words[0]), tokens.index(words[-1])
        before = [] if cue else [t for t in tokens[max(0, first - 3) : first] if t.key not in _WITHIN][-1:]
        gaps = ((t, message.text[t.end : words[0].start]) for t in before)
        behind = [t for t in tokens[last + 1 : last + 4] if t.key not in _WITHIN][:1]
        after = ((t, message.text[words[-1].end : t.start]) for t in behind)
        return any(
            t.capital and t.key not in CLOSED and not set(gap) & _BREAKS for t, gap in (*gaps, *after) if gap != ""
        )
