"""Words that look like a wish and tell of something else: "how long is it", "my wife says so", "worth three hours of my
life". What a schema lists as ``idioms`` is added to what everyday English has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from chatrec.linker.amounts import NUMBER
from chatrec.linker.text import Message, plain
from chatrec.schema import Schema
from chatrec.types import Mention

_KIN = (
    "wife|husband|partner|girlfriend|boyfriend|gf|bf|mum|mom|mam|mother|dad|father|son|daughter|kids?|child|children|"
    "parents|sister|brother|friends?|mates?|boss|colleagues?|aunt|uncle|nan|gran|grandmother|grandfather|grandma|"
    "grandpa|grandson|granddaughter|cousin|family|missus|fiancee?"
)
_TELLS = (  # what somebody does who is no company: an opinion, or what is over
    "says?|said|thinks?|thought|tells|told|swears?|swore|reckons?|insists?|voted|have voted|nods|nodded|agrees?|agreed|"
    r"picked|chose|gave|took|taught|did|made|kept|lives|loved|hated|laughed|"
    r"has (?:already )?(?:read|put|seen|voted|agreed)|is already|thanks|left|moved"
)
_ASIDE = (
    rf"(?:{NUMBER})[ -]?(?:years?|yrs?|months?)[ -]olds?\b|"
    r"(?:aged?|turning|turns) \d+|\d+ ?(?:am|pm)\b|"
    r"top \d+|(?:watch|chat|search|viewing)(?:ing)? history\b|my name(?: i|')s \w+|"
    r"how [a-z]+ (?:is|are|was|were|do|does|did)\b|(?:as|so) long as\b|long (?:time )?ago\b|"
    r"(?:no|any) longer\b(?! than)|gets? old\b|(?:crazy|mad) about\b|fans? of\b|live[ -]action\b|"
    r"(?:let'?s|might we|can we) talk\b|talk (?:about (?!it\b)|me through)|from scratch\b|worth a shot\b|"
    r"(?:to )?sleep on it\b|check(?:ing)? up on\b|on my feet\b|(?:my )?mind (?:at|to) rest\b|"
    r"couple (?:of|more|days)\b|(?:you|have|you'?d) proposed?\b|(?:be|was|wasn'?t|not) clear\b|"
    r"clear (?:it|my|all|the|everything|that)\b|size (?:is |of )?\d+(?:\.5)?(?:(?:,| and)? not \d+)?|"
    r"(?:i|you|we|he|she|it|they) may\b|may (?:i|we|have|be)\b|"
    r"new (?:york|jersey|orleans|england|wave|here|to me)\b|what'?s new\b|"
    rf"(?:(?:{NUMBER}) )?(?:hours?|minutes?) of (?:my|your) (?:\w+ )?(?:life|time|day)\b|"
    rf"(?:worth|sit \w+ for|stand \w+ for|sit still for|every) (?:{NUMBER}) (?:hours?|minutes?|mins?)\b|"
    rf"(?:my|our|the|his|her) (?:\w+ )?(?:{_KIN}) (?:{_TELLS})\b|"
    r"(?:^|(?<=[,.;!?] )|(?<=\band )|(?<=\bbut )|(?<=\bor )|(?<=otherwise ))"
    rf"(?:my|our|the|his|her) (?:{_KIN}) (?:will|would|won'?t|wouldn'?t)\b|"
    rf"(?:my|our|his|her) (?:{_KIN})(?:'s|s') (?:ex|boss)\b|"
    r"\w+ passports?\b|translat\w+ [^.?!]*|(?:the|what) time (?:is it |it is )?in \w+|"
    r"what(?:'?s| is) the capital of \w+(?: \w+)?|^capital of \w+|(?:by|all|half) the time\b|at the time\b|"
    r"(?:is|are|was|put \w+) at the top\b|(?:(?<=first )|(?<=second )|(?<=third ))at the top\b|to the top\b|"
    r"further (?:down|suggestions?|ideas?|options?|recommendations?|remedies|questions?|notice)\b|"
    r"(?:go|goes|going) further\b|further (?:\w+ )?(?:are|is) there\b|"
    r"new (?:search|question|topic|chat|start|rules?|releases?)\b|(?:the )?rest of (?:the|them|these|those|your)\b|"
    r"i'?m (?:\w+ )?afraid\b(?! of)|weight off\b|clean slate\b|fancy (?:a|an|some|going|doing|the|something)\b|"
    r"i(?:'d)? fancy\b|(?:way|note|letter) home\b|rub (?:\w+ )?(?:\w+ )?out\b|good ?night\b|good weekend\b|"
    r"(?:i'?m|i am|we'?re|we are|makes? (?:me|us|him|her|my \w+)|be) (?:so )?happy\b|happy (?:with|to)\b|"
    r"(?:read|talk|speak|type)s? (?:fast|faster|slow|slowly|quickly)\b|i'?m easy\b|in the first place\b|"
    r"(?:black|good) friday\b|post office\b|(?:let'?s|just|please) carry on\b|carry on (?:with|down)\b|"
    r"(?:have|got|need) to run\b|in writing\b|writ(?:e|ing) (?:it|this|that|them|everything) down\b|"
    r"(?:i|we)(?:'ve| have) read\b|read (?:me|it|that|this|them|through)\b|"
    r"(?:upsets?|wrecks?|messes|ruins|turns?|agrees? with|on|(?:gentle|gentler|kind|kinder|easy|easier) (?:on|to)) "
    r"(?:my|the|your) (?:stomach|tummy|gut)\b|(?:no|from|from your) memory\b"
)
_FROM = re.compile(r"(?<!far )(?<!away )\b(?:from|leaving|departing) (?:the )?$")
_MONTH = re.compile(
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|spring|summer|autumn|fall|winter)", re.IGNORECASE
)


class Asides:
    """Drops mentions that lie within words about something else, and the place where somebody starts."""

    def __init__(self, schema: Schema) -> None:
        self._places = schema.places
        idioms = (re.escape(plain(idiom)).replace(r"\#", r"\d+") + r"(?!\w)" for idiom in schema.idioms)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join((_ASIDE, *idioms))})|\(\d{{4}}\)")

    def without(self, message: Message, found: Iterable[Mention]) -> list[Mention]:
        """The mentions that are meant."""
        spans = [aside.span() for aside in self._pattern.finditer(message.plain)]
        meant = [m for m in found if not any(_within(m, start, end) for start, end in spans)]
        return [m for m in meant if not (self._places and _is_origin(message, m))]


def _is_origin(message: Message, mention: Mention) -> bool:
    """Whether a mention is where somebody starts ("a weekend trip from Berlin"), unless it is a month."""
    named = mention.entity == "title" or any(c.op == "is" for c in mention.constraints)
    return named and not _MONTH.match(mention.text) and _FROM.search(message.before(mention.start)) is not None


def _within(mention: Mention, start: int, end: int) -> bool:
    """Whether a mention lies in a stretch of text, unless it is a value or a title that is just that ("New York")."""
    named = mention.entity == "title" or any(c.op == "is" for c in mention.constraints)
    value = (mention.start, mention.end) == (start, end) and named
    return start <= mention.start and mention.end <= end and not value
