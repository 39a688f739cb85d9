"""The English that turns a mention down, asks for more or less of it, or lists it with others."""

from __future__ import annotations

import re

_ADVERB = r"(?:\w+ ){0,2}?"
_NOT = r"(?:do|did|does|would|could|is|was|am|are|were|have|has|ca|'m|'re|i'm)(?: ?n'?t| not| never)"

# Looks like a "no" and is none.
_HARMLESS = (
    r"not (?:only|just|sure|bad|necessarily|yet|quite|exactly|that i)",
    r"no (?:idea|problem|worries|thanks?|preference|matter|doubt|clue|way|need|particular|specific)",
    r"no(?=[,.!;:?])",
    r"no (?:i|i'd|i'm|a|an|the|give|show|let|that|that's|it|it's|maybe|make|we|you|wait|sorry|what|but|how|thats)",
    r"nothing (?:but|else|special)",
    r"no (?:less|fewer|more|later|longer) than|no longer",
    r"why not|why do ?n'?t",
    r"(?:do|have|is|are|ca|could|wo)n'?t (?:you|there|it|that|they|this)",
    r"(?:can'?t|cannot|could ?n'?t|can not) (?:find|decide|wait|remember|get enough|choose|think)",
    r"(?:have ?n'?t|has ?n'?t|have not|'ve not|had ?n'?t|never|never did|not|did ?n'?t|did not) "
    r"(?:actually |even |yet |really |ever )?(?:seen?|saw|watch|watched|heard?|been)",
    r"(?:do|did)(?:n'?t| not) (?:mind|know|remember|get)|does ?n'?t matter",
    r"not enough|n'?t enough|enough to|enough for",
)
_DISLIKE = (
    rf"{_NOT} {_ADVERB}(?:like|love|enjoy|care(?: much)? for|stand|bear|take)",
    rf"(?:{_NOT}|not) {_ADVERB}(?:fan of|fond of|into|keen on|interested in)",
    r"(?:could|can)(?: ?n'?t| not) (?:finish|get (?:through|into))",
    r"never (?:liked?|loved?|enjoyed|been a fan of|been into)",
    r"hat(?:e|es|ed|ing)|dislike[sd]?|detest\w*|loath\w*|despis\w*",
    r"(?:sick|tired|bored|weary) (?:of|with|by)|fed up with|had enough of|allergic to",
)
_EXCLUDE = (
    r"not|no|none of|never|nothing|without|w/o|except(?: for)?|excluding|exclude|avoid(?:ing)?|skip|remove|drop|minus",
    r"neither|nor|instead of|rather than|other than|apart from|aside from|(?:anything|everything|all) (?:but|except)",
    r"enough(?: of| with)?|\w+n't|(?:do|does|did|is|are|was|wo|ca|should|would)nt|cannot|forget(?: about)?|hold the",
)
NEGATION = re.compile(
    rf"\b(?:(?P<harmless>{'|'.join(_HARMLESS)})|(?P<dislike>{'|'.join(_DISLIKE)})|(?P<exclude>{'|'.join(_EXCLUDE)}))(?!\w)"
)

# Ends what a "no" reaches.
STOP = re.compile(
    r"[.;:!?\n,()]|\b(?:but|instead|though|because|cause|cuz|since|i|i'm|i'd|we|give|show|find|maybe|prefer|please)\b|"
    r"\bas\b.*\bas\b"
)
REQUEST = re.compile(r"^\s*(?:show|give|find)\b")  # "don't show me …" goes on; elsewhere such a word begins anew
MILD = re.compile(r"\b(?:too|so|very|that|as)(?: much| many)?\s*$")
TURNED_DOWN_BEHIND = re.compile(
    r"\s*(?:films?|movies?|ones)?\s*"
    r"(?:(?:is|are|was|were|'s)\s?(?:n'?t| not) (?:really |exactly )?(?:for )?(?:my|me|our|us)\b|"
    r"leaves? me cold|puts? me off|bores? me|\? no\b)"
)
DEGREE = re.compile(
    r"(?:\b(?P<lack>not enough|too little|too few)|n'?t enough|\b(?P<less>less|fewer|too(?: much| many)?)|"
    r"(?<!no )(?<!any )\b(?P<more>more))\s+(?:of )?$"
)

# Between two mentions that hang together; \w* is a noun such as "films".
LINK = re.compile(
    r"\s*(?:films?|movies?|ones|stuff|flicks?)?\s*"
    r"(?:(?P<comma>,)|,?\s*(?P<word>or|and|nor|&|/)(?![\w])\s*"
    r"(?:any|anything|other|a|an|the|some|even|too|much|more|with|by|from|in|in the|from the|maybe)?|-)?\s*"
)
