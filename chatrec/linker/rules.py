"""Which rules of the catalogue's policy a message puts in force ("I'm allergic to nuts"), or takes back ("I'm not
pregnant any more")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from chatrec.linker.text import Message, Spelling, compact, keys
from chatrec.policy import Policy
from chatrec.types import Mention

_DENIED = re.compile(  # before what is not so; at most two words stand between
    r"\b(?:not|no|nor|never|neither|without|non|isn'?t|aren'?t|ain'?t|wasn'?t|don'?t|doesn'?t|didn'?t|haven'?t|hasn'?t|"
    r"(?P<forget>forget(?: that| about)?:?)|no longer|nobody|none of us)(?: [\w']+){0,2}? ?$"
)
_DENIED_BEHIND = re.compile(
    r"[ ,]*(?:(?:any ?more|any longer)\b|"
    r"(?:(?:but|though) )?(?:i|we|i'm|we're|that|it|this) ?(?:'m|am|are|is|'s|do|does)? ?"
    r"(?:n'?t|not)\b(?! eat| have| want)|doesn'?t apply|is (?:wrong|not true|not so)|isn'?t (?:true|so|right))"
)
_CLAUSE = re.compile(r"[.;!?\n,]|\b(?:but|and|because|so)\b")
_UNIT = re.compile(  # behind "under 12", which is no age then
    r" ?(?:[€$£%]|(?:euros?|eur|dollars?|usd|bucks|pounds?|quid|minutes?|mins?|hours?|hrs?|h|days?|weeks?|months?|km|"
    r"miles|kg|people|of)\b)"
)
_FOR = re.compile(r"(?:for|with)\b")


class Rules:
    """Finds the ``who`` phrases of all rules, misspelt or not."""

    def __init__(self, policy: Policy) -> None:
        self._rules: dict[str, list[str]] = {}
        for rule in policy.rules.values():
            for phrase in rule.who:
                self._rules.setdefault(compact(keys(phrase)), []).append(rule.name)
        phrases = [keys(phrase) for rule in policy.rules.values() for phrase in rule.who]
        self._longest = max(map(len, phrases), default=0)
        self._spelling = Spelling(word for phrase in phrases for word in phrase)

    def find(self, message: Message) -> Iterator[Mention]:
        """A mention for each rule spoken of, by the longest words that speak of it. They may overlap."""
        found: dict[str, Mention] = {}
        tokens = message.tokens
        for start in range(len(tokens)):
            for end in range(start + 1, min(start + self._longest, len(tokens)) + 1):
                words = [token.key for token in tokens[start:end]]
                names = next((self._rules[k] for k, _ in self._spelling.readings(words) if k in self._rules), ())
                mention = _mention(message, tokens[start].start, tokens[end - 1].end) if names else None
                for name in names if mention else ():
                    if name not in found or len(mention.text) > len(found[name].text):
                        found[name] = replace(mention, value=name)
        yield from found.values()


def _mention(message: Message, start: int, end: int) -> Mention | None:
    """None when the words are about something else: an amount ("under 12 euros"), or what is not for somebody ("horror
    is not for my kids"), which says nothing about who listens."""
    text, clause = message.plain[start:end], _CLAUSE.split(message.plain[:start])[-1]
    before = _DENIED.search(clause)
    about_it = before and not before["forget"] and _FOR.match(text)
    if about_it or (text[-1:].isdigit() and _UNIT.match(message.plain, end)):
        return None
    denied = before or _DENIED_BEHIND.match(message.plain, end)
    return Mention("policy", start, end, message.text[start:end], negated=bool(denied))
