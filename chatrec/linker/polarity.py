"""Which mentions a message turns down, which ones are alternatives, and what is wanted more or less of.

A cue such as "no" reaches the next mention of its clause and what is coordinated with it: in "no romance or musicals,
just a thriller" it reaches two mentions of three. Words of dislike ("I hated …") turn down tags and people, but say
nothing about whether an item may be shown: that is for the dialogue to decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from chatrec.linker.text import Message
from chatrec.types import Constraint, Mention, Value

_ADVERB = r"(?:\w+ ){0,2}?"
_NOT = r"(?:do|did|does|would|could|is|was|am|are|were|have|has|ca|'m|'re|i'm)(?: ?n'?t| not| never)"

# Looks like a "no" and is none.
_HARMLESS = (
    r"not (?:only|just|sure|bad|necessarily|yet|quite|exactly|that i)",
    r"no (?:idea|problem|worries|thanks?|preference|matter|doubt|clue|way|need|particular|specific)",
    r"no(?=[,.!;:?])",
    r"no (?:i|i'd|i'm|a|an|the|give|show|let|that|that's|it|it's|maybe|make|we|you|wait|sorry|what|but|how|thats|"
    r"some(?:thing|where|one)?|ok|okay|actually|rather|maybe|perhaps|another|this|can|could)",
    r"nothing (?:but|else|special)",
    r"no (?:less|fewer|more|later|longer) than|no longer",
    r"why not|why do ?n'?t",
    r"(?:do|have|is|are|ca|could|wo)n'?t (?:you|there|it|that|they|this)",
    r"(?:can'?t|cannot|could ?n'?t|can not) (?:find|decide|wait|remember|get enough|choose|think)",
    r"(?:have ?n'?t|has ?n'?t|have not|'ve not|had ?n'?t|never|never did|not|did ?n'?t|did not) "
    r"(?:actually |even |yet |really |ever )?(?:seen?|saw|watched|heard?|been)|did(?:n'?t| not) watch",
    r"(?:do|did)(?:n'?t| not) (?:mind|know|remember|get)|does ?n'?t matter",
    r"not enough|n'?t enough|enough to|enough for",
    r"not (?:averse|opposed|against)|(?:can'?t|cannot) go wrong|who (?:does|would) ?n'?t",
)
_DISLIKE = (
    rf"{_NOT} {_ADVERB}(?:like|love|enjoy|care(?: much)? for|stand|bear|take)",
    rf"(?:{_NOT}|not) {_ADVERB}(?:fan of|fond of|into|keen on|interested in)",
    r"(?:could|can)(?: ?n'?t| not) (?:finish|get (?:through|into))",
    r"never (?:liked?|loved?|enjoyed|been a fan of|been into)|(?:never|rarely|seldom|hardly ever) (?:watch|do|go for)",
    r"hat(?:e|es|ed|ing)|dislike[sd]?|detest\w*|loath\w*|despis\w*",
    r"(?:sick|tired|bored|weary) (?:of|with|by)|fed up with|had enough of|allergic to",
)
_EXCLUDE = (
    r"not|no|none of|never|nothing|without|w/o|except(?: for)?|excluding|exclude|avoid(?:ing)?|skip|remove|drop|minus",
    r"scrap|non(?=-)|non|stop|quit|ban|ditch|leave out|(?:rather|prefer\w*) [^.,;:!?]{1,40}? (?:than|over)",
    r"neither|nor|instead of|rather than|other than|apart from|aside from",
    r"(?:any\w+|every\w+|all) (?:but|except)(?! not| i| no)",
    r"(?:seen|watched|read|tried) (?:all|every\w*|most)\b",
    r"enough(?: of| with)?|\w+n't|(?:do|does|did|is|are|was|wo|ca|should|would)nt|cannot|forget(?: about)?|hold the",
)
_NEGATION = re.compile(
    rf"\b(?:(?P<harmless>{'|'.join(_HARMLESS)})|(?P<dislike>{'|'.join(_DISLIKE)})|(?P<exclude>{'|'.join(_EXCLUDE)}))(?!\w)"
)

# Ends what a "no" reaches.
_STOP = re.compile(
    r"[.;:!?\n,()]|\b(?:but|instead|though|because|cause|cuz|since|i|i'm|i'd|we|give|show|find|maybe|prefer|please)\b|"
    r"\bas\b.*\bas\b"
)
_REQUEST = re.compile(r"^\s*(?:show|give|find)\b")  # "don't show me …" goes on; elsewhere such a word begins anew
_MILD = re.compile(r"\b(?:too|so|very|that|as)(?: much| many)?\s*$")
_TURNED_DOWN_BEHIND = re.compile(
    r"\s*(?:films?|movies?|ones)?\s*"
    r"(?:(?:is|are|was|were|'s)\s?(?:n'?t| not) (?:really |exactly )?(?:for )?(?:my|me|our|us)\b|"
    r",? but (?:i|we) (?:do|did)(?: ?n'?t| not)\b(?= *(?:$|[.,!]))|(?:is|are) (?:a (?:\w+ )?no\b(?! )|out\b(?! there))|"
    r"leaves? me cold|puts? me off|bores? me|\? no(?:pe)?(?: thanks?| thank you| way)?\s*(?:$|[.,!?]))"
)
_DEGREE = re.compile(
    r"(?:\b(?P<lack>not enough|too little|too few)|n'?t enough|\b(?P<less>less|fewer|too(?: much| many)?)|"
    r"(?<!no )(?<!any )\b(?P<more>more))\s+(?:of )?$"
)

# Before a mention that says what a list is, not what is wanted.
_REMARK = re.compile(r"\b(?:those|these|they|that|this|it)(?:'s|'re| is| are| was| were| look\w*) (?:\w+ ){0,2}$")

# Between two mentions that hang together; \w* is a noun such as "films".
_LINK = re.compile(
    r"\s*(?:films?|movies?|ones|stuff|flicks?)?\s*"
    r"(?:(?P<comma>,)|,?\s*(?P<word>or|and|nor|&|/)(?![\w])\s*"
    r"(?:any|anything|other|a|an|the|some|even|too|much|more|with|by|from|in|in the|from the|maybe)?|-)?\s*"
)

_MASK = "\x00"  # stands for the letters of a mention, so that a cue inside a title is none
_REACH = 7  # words between a cue and what it turns down
_LOOK_BACK = 24  # characters that may hold "not enough" and the like


def judge(message: Message, mentions: Sequence[Mention], steps: Mapping[str, float]) -> tuple[Mention, ...]:
    """The mentions with negation, comparison and alternatives applied, in their order.

    ``mentions``: from left to right. ``steps``: number slot -> least difference of two values (1 for whole numbers).
    """
    plain = _masked(message.plain, mentions)
    links = [_link(plain, mentions[i], mentions[i + 1]) for i in range(len(mentions) - 1)]
    turned_down = _turned_down(plain, mentions, links)
    judged = [
        _deny(mention, turned_down[i], steps) if i in turned_down else _compare(mention, plain)
        for i, mention in enumerate(mentions)
    ]
    return tuple(_without_contradictions(_alternatives(message.text, judged, links), plain))


def _masked(plain: str, mentions: Sequence[Mention]) -> str:
    for mention in mentions:
        plain = plain[: mention.start] + _MASK * (mention.end - mention.start) + plain[mention.end :]
    return plain


def _link(plain: str, left: Mention, right: Mention) -> str:
    """How two neighbours hang together: "" (not at all), "next" (side by side), "," or a conjunction."""
    if right.start < left.end:
        return "next"
    found = _LINK.fullmatch(plain, left.end, right.start)
    return (found["word"] or found["comma"] or "next") if found else ""


def _counted(mention: Mention) -> bool:
    """Whether a mention is about a number; "no horror and under two hours" denies one kind only."""
    return (
        bool(mention.direction) and not mention.constraints or any(c.op in ("min", "max") for c in mention.constraints)
    )


def _turned_down(plain: str, mentions: Sequence[Mention], links: Sequence[str]) -> dict[int, str]:
    """Index of a mention -> the words that turn it down."""
    found: dict[int, str] = {}
    for cue in _NEGATION.finditer(plain):
        first = next((i for i, m in enumerate(mentions) if m.start >= cue.end()), None)
        if first is None or cue["harmless"] or (cue.group() == "without" and _when(plain, cue.end(), mentions[first])):
            continue
        if _reaches(plain[cue.end() : mentions[first].start]):
            for i in _reached(mentions, links, first, cue.group()):
                if cue["dislike"] is None or mentions[i].entity not in ("title", "ordinal"):
                    found[i] = plain[cue.start() : mentions[first].start]
    for i, mention in enumerate(mentions):
        if mention.entity not in ("title", "ordinal") and _TURNED_DOWN_BEHIND.match(plain, mention.end):
            found.setdefault(i, "not ")
    return found


def _when(plain: str, start: int, mention: Mention) -> bool:
    """Whether something else is meant, and the mention only says when or in what: "without mosquitoes in July"."""
    gap = plain[start : mention.start].rstrip()
    within = mention.text.lower().startswith("in ") or gap.endswith(" in")
    return within and bool(gap.removesuffix(" in"))


def _reaches(gap: str) -> bool:
    gap = _REQUEST.sub("", gap)
    return _STOP.search(gap) is None and len(gap.split()) <= _REACH and _MASK not in gap


def _reached(mentions: Sequence[Mention], links: Sequence[str], first: int, cue: str) -> list[int]:
    """The mention behind a cue and those that hang on it."""
    reached, last = [first], first
    for i in range(first, len(links)):
        word, same = links[i], _counted(mentions[i]) == _counted(mentions[i + 1])
        tight = word == "next" and same and not (mentions[i].entity == "mood" and cue.startswith("not"))
        listed = word == "," and same and any(w in ("or", "and", "nor") for w in _run(links, i))
        if not (tight or listed or word in ("or", "nor") or (word in ("and", "&", "/") and same)):
            break
        last = i + 1
    return reached + list(range(first + 1, last + 1))


def _run(links: Sequence[str], start: int) -> Sequence[str]:
    """The links from ``start`` on until something does not hang together."""
    end = next((i for i in range(start, len(links)) if not links[i]), len(links))
    return links[start:end]


def _deny(mention: Mention, words: str, steps: Mapping[str, float]) -> Mention:
    soft = _MILD.search(words) is not None
    wording = f"not {mention.text.lower()}"
    denied = tuple(c for old in mention.constraints for c in _opposite(old, mention, steps, soft, wording))
    return replace(mention, negated=True, constraints=_bounded(denied), direction=-mention.direction)


def _opposite(
    old: Constraint, mention: Mention, steps: Mapping[str, float], soft: bool, text: str
) -> tuple[Constraint, ...]:
    """What must hold instead of a constraint. What a mood avoids is not wanted either when the mood is not."""
    if old.soft:
        return (replace(old, op="not", text=text),) if old.op == "is" else ()
    step = steps.get(old.slot, 0.0)
    if old.op == "min":
        return (Constraint(old.slot, "max", (float(old.values[0]) - step,), text),)
    if old.op == "max":
        return (Constraint(old.slot, "min", (float(old.values[0]) + step,), text),)
    return (replace(old, op="not", text=text, soft=soft),)


def _bounded(denied: tuple[Constraint, ...]) -> tuple[Constraint, ...]:
    """Outside of a span ("not from the 80s") is no bound: its whole numbers are excluded one by one."""
    if [c.op for c in denied] != ["max", "min"]:
        return denied
    low, high = float(denied[0].values[0]) + 1, float(denied[1].values[0]) - 1
    return (replace(denied[0], op="not", values=tuple(float(v) for v in range(int(low), int(high) + 1))),)


def _compare(mention: Mention, plain: str) -> Mention:
    """ "less violent", "too long", "more action": what is wanted less or more of."""
    degree = _DEGREE.search(plain, max(0, mention.start - _LOOK_BACK), mention.start)
    if degree is None or not mention.constraints or mention.item_ids:
        return mention
    if degree["lack"] or degree["more"]:
        return replace(mention, direction=1)
    if _counted(mention):  # "too old": by how much is for the dialogue to decide
        bound = mention.constraints[0]
        return replace(mention, entity=bound.slot, constraints=(), direction=1 if bound.op == "max" else -1)
    wording = f"less {mention.text.lower()}"
    less = tuple(replace(c, op="not", text=wording, soft=True, sign="") for c in mention.constraints if c.op == "is")
    return replace(mention, constraints=less, negated=True, direction=-1)


def _alternatives(text: str, mentions: list[Mention], links: Sequence[str]) -> list[Mention]:
    """ "thriller or horror" is one wish with two values; both mentions carry it."""
    judged, start = list(mentions), 0
    for i in range(len(mentions)):
        if i < len(links) and links[i] in ("or", ",") and _slots(mentions[i]) == _slots(mentions[i + 1]):
            continue
        wish = _one_of(mentions[start : i + 1], text) if "or" in links[start:i] else ()
        if wish:
            judged[start : i + 1] = [replace(mention, constraints=wish) for mention in mentions[start : i + 1]]
        start = i + 1
    return judged


def _slots(mention: Mention) -> set[str]:
    return {constraint.slot for constraint in mention.constraints}


def _one_of(mentions: Sequence[Mention], text: str) -> tuple[Constraint, ...]:
    """One constraint for several wishes about one slot; empty when they can't be put in one."""
    wishes = [m.constraints for m in mentions]
    first = wishes[0][0] if wishes[0] else None
    if first is None or any(len(w) > 2 or any(c.slot != first.slot or c.soft for c in w) for w in wishes):
        return ()
    wording = text[mentions[0].start : mentions[-1].end]
    if all(len(w) == 1 and w[0].op == "is" for w in wishes):
        values = tuple(dict.fromkeys(v for w in wishes for v in w[0].values))
        return (Constraint(first.slot, "is", values, wording),)
    if all([c.op for c in w] == ["min", "max"] for w in wishes):
        years = {float(y) for low, high in wishes for y in range(int(low.values[0]), int(high.values[0]) + 1)}
        if max(years) - min(years) == len(years) - 1:
            return (
                Constraint(first.slot, "min", (min(years),), wording),
                Constraint(first.slot, "max", (max(years),), wording),
            )
        return (Constraint(first.slot, "is", tuple(sorted(years)), wording),)
    return ()


def _without_contradictions(mentions: Sequence[Mention], plain: str) -> list[Mention]:
    """What is asked for is not turned down as well. Of the same word the last wins ("not really horror, I want a proper
    horror film"). Otherwise the wish does ("horror without gore"), unless it is a remark on a list ("those are all
    animated, I don't want cartoons")."""
    values = [_values(mention) for mention in mentions]

    def gives_way(i: int, j: int) -> bool:
        one, other = mentions[i], mentions[j]
        if one.negated == other.negated or not values[i] or not values[i] <= values[j]:
            return False
        if one.text.lower() == other.text.lower():
            return i < j
        asked = other if one.negated else one
        return one.negated != (_REMARK.search(plain, 0, asked.start) is not None)

    places = range(len(mentions))
    return [mentions[i] for i in places if not any(gives_way(i, j) for j in places)]


def _values(mention: Mention) -> set[tuple[str, Value]]:
    """The values that a mention asks for or turns down."""
    firm = [c for c in mention.constraints if c.op in ("is", "not") and not c.soft]
    return {(c.slot, value) for c in firm for value in c.values}
