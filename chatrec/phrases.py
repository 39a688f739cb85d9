"""What English phrases do in a conversation: for or against, more of the same, no preference, nothing to go by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

from chatrec.linker.english import is_ordinary
from chatrec.types import Mention

_SIMILAR = re.compile(
    r"(?:\b(?:more|something|anything|s[ou]m\w*thi?n\w*|one|ones|films?|movies?|stuff|things?|else|similar|just|much|bit|feels?|"
    r"want|show me|vibes?|kind|sort)\s+(?:\w+\s+){0,3}?(?:like|to|as|of)|^\s*like|\bsimilar to|\bin the style of|"
    r"\breminds? me of|\bsame \w+ as)\s+(?:a |the |that |this )?[\"'“]?$",
    re.IGNORECASE,
)
_MORE_LIKE_IT = re.compile(
    r"\b(?:more|others?|another|some(?:thing)?|any(?:thing)?|ones?|stuff|similar)\s+(?:\w+\s+)?(?:like|to|of)\s+"
    r"(?:it|that|this)(?:\s+(?:one|kind|sort|type))?\s*(?:$|[,.;!?]|please|pls)",
    re.IGNORECASE,
)
_DISLIKE = re.compile(
    r"\b(?:hat(?:e|ed)|dis(?:like|liked)|boring|bored|awful|terrible|horrible|rubbish|crap|bad|worst|sucks?|sucked|meh|"
    r"overrated|disappoint\w*|could ?n.?t stand|(?:not|(?:is|was|are|were)n.?t) (?:really |quite |so )?"
    r"(?:my|for me|good|great|fond|keen|into|a fan)|"
    r"(?:did|do|does)(?:n.?t| not) (?:really |much )?(?:like|love|enjoy|care))\b",
    re.IGNORECASE,
)
_TASTE = re.compile(
    r"\b(?:i|we) (?:really |absolutely |just |also |do |always )?(?:love|like|adore|enjoy|hate|dislike|detest|prefer)\b"
    r"|\b(?:i'?m|i am|we'?re|we are) (?:a |an |big |huge |real )*fans? of\b",
    re.IGNORECASE,
)
_LIKE = re.compile(
    r"\b(?:lov(?:e|ed|ing)|luv\w*|lik(?:e|ed)|enjoy\w*|great|good|brilliant|amazing|awesome|excellent|fantastic|superb|"
    r"favou?rites?|perfect|masterpiece|wonderful|cool|best|fun|adore\w*|fan of)\b|👍|❤|😍",
    re.IGNORECASE,
)
_COMPARING = re.compile(
    r"\b(?:more|something|anything|stuff|things?|ones?|films?|movies?|similar|just|looks?|feels?)\s+like\b",
    re.IGNORECASE,
)
_ONE = re.compile(r"\b(?:it|that|that one|this one)\b(?!'s (?:all|it)\b)", re.IGNORECASE)
_BACK = re.compile(
    r"\W*(?:(?:no|nope|oops|wait|sorry|ok|please|can you|can we|let'?s)\W+)*(?:go(?:ing)? back|undo|back(?: up)?|"
    r"(?:drop|scrap|cancel) (?:that|it|this)|"
    r"take (?:that|it) back|(?:back to )?(?:the )?(?:previous|last|earlier) (?:list|one|ones)|revert|step back)"
    r"(?:\W+(?:that|it|one|once|a step|please|pls|again|to the (?:previous|last|earlier) (?:list|one|ones)))*\W*$",
    re.IGNORECASE,
)
_ADDING = re.compile(r"\b(?:also|too|as well|plus|and|but|both|with)\b", re.IGNORECASE)
_JOINING = re.compile(
    r"\b(?:also|as well|plus|still)\b|\btoo\b(?=\W*(?:$|[,.;!?]|please|pls))|^\W*(?:and|but)\b", re.IGNORECASE
)
_REPLACING = re.compile(r"\binstead\b(?! of)|\brather\b(?! (?:of|more|less|worse|\w+er)\b)", re.IGNORECASE)
_REQUEST = re.compile(
    r"\b(?:recom\w*|suggest\w*|show|find|give|look(?:ing)?|want|wanna|need|watch\w*|see|fancy|any(?:thing)?|"
    r"some(?:thing)?|what\w*|which|got|best|ideas?|mood|films?|movies?|flicks?)\b",
    re.IGNORECASE,
)
_POINTING = re.compile(r"\b(?:it|them|they|these|those|ones?)\b", re.IGNORECASE)
_KNOWN = re.compile(
    r"(?<!not )(?<!n't )(?<!never )(?<!n’t )\b(?:seen|saw|watched|know|knew|tried|read|already)\b", re.IGNORECASE
)
_ANEW = re.compile(
    r"\b(?:start\w*|over|again|anew|reset|restart|scratch|new|fresh|forget|beginning|different|else|other|clear)\b",
    re.I,
)
_DROPPING = re.compile(
    r"^\W*(?:(?:please|can you|could you|ok|and|also|no)\W+)*(?:forget|remove|delete|drop|scrap|erase|unmark|take)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?;]+\s+|\n+")
_NO_PREFERENCE = re.compile(
    r"\b(?:any(?:thing)?|whatever|don.?t (?:care|mind|know)|dunno|no (?:idea|preference|clue)|not sure|surprise me|"
    r"you (?:choose|pick|decide)|doesn.?t matter|either|all of them|idk|skip|nothing special)\b",
    re.IGNORECASE,
)
_GENERIC = frozenset(
    re.findall(
        r"\S+",
        """a an the i im i'm i'd id me my we us you your to of for in on at and or so just please pls can could would
        should will do does did have has had is are was be been it that this these those there what whats which who how
        some any something somethin smth sth anything one ones thing stuff good great nice best decent cool fun new
        make watch watching see look looking find get give show tell want wanna wants need like love recommend
        recommendation recommendations suggest suggestion suggestions recomend sugest know not no don't dont really
        very today tonight tonite 2nite nite wats whats gimme lemme yo dude mate bro
        now evening night weekend help hi hello hey idea ideas bored pick choose choice maybe let's lets think feel
        feeling mood kind sort type kinda movie movies film films flick flicks about with if got up go
        but not after before between since than more less much many only without nothing none except other others else
        another instead actually also too then by from over under like similar similiar same as ok okay yes yeah hmm
        set made during whole seen saw watched loved liked hated enjoyed old long short again list next first start
        starting begin beginning reset restart scratch anew fresh
        drop scrap remove forget didn't didn doesn't doesn isn't isn wasn't wasn t s""",
    )
)


_LONG = tuple(word for word in _GENERIC if len(word) > 5)


def stance(text: str) -> Literal["like", "dislike"] | None:
    """Whether the words are for or against, or neither. Negated praise ("didn't like it") is against; "more like it"
    is neither."""
    if _DISLIKE.search(text):
        return "dislike"
    return "like" if _LIKE.search(_COMPARING.sub(" ", text)) else None


def tells_taste(text: str) -> bool:
    """Whether somebody says what they like or dislike at all times, and not only what they would like now."""
    return _TASTE.search(text) is not None


def speaks_of_one(text: str) -> bool:
    """Whether the words point at one thing without naming it ("hated it"), and not at a list ("none of these")."""
    return _ONE.search(text) is not None


def joins(text: str) -> bool:
    """Whether the message says in so many words that a wish comes on top ("also a comedy", "and funny too")."""
    return _JOINING.search(text) is not None


def replaces(text: str) -> bool:
    """Whether the message says in so many words that a wish takes the place of another ("a western instead", but not
    "rather longer")."""
    return (
        re.search(r"\binstead\b(?! of)|\brather\b(?! (?:of|more|less|worse|\w+er)\b)", text, re.IGNORECASE) is not None
    )


def requests(text: str, *nouns: str) -> bool:
    """Whether the message is a request of its own ("some westerns", "a film with Brad Pitt"), and not a remark on what
    was shown ("make it French", "Brad Pitt, please"). ``nouns``: what one asks for."""
    if _POINTING.search(text):
        return False
    return _REQUEST.search(text) is not None or names(text, *nouns)


def names(text: str, *nouns: str) -> bool:
    """Whether one of the nouns is in the text."""
    return any(re.search(rf"\b{re.escape(noun)}\b", text, re.IGNORECASE) for noun in nouns)


def points(text: str) -> bool:
    """Whether the words point at what was shown ("none of these")."""
    return _POINTING.search(text) is not None


def restarts(text: str) -> bool:
    """Whether the words themselves speak of beginning again."""
    return _ANEW.search(text) is not None


def knows(text: str) -> bool:
    """Whether the words tell that one has met something before ("seen it already")."""
    return _KNOWN.search(text) is not None


def sentence(text: str, position: int) -> str:
    """The sentence that the position is in."""
    start = max((found.end() for found in _SENTENCE.finditer(text, 0, position)), default=0)
    after = _SENTENCE.search(text, position)
    return text[start : after.start() if after else len(text)]


def cut(text: str, mentions: Iterable[Mention]) -> str:
    """The text without what it mentions."""
    for mention in sorted(mentions, key=lambda m: -m.start):
        text = f"{text[: mention.start]} {text[mention.end :]}"
    return text


def no_preference(text: str) -> bool:
    """Whether the words decline to answer a question ("don't care", "surprise me")."""
    return bool(_NO_PREFERENCE.search(text))


def leaves_it_to_us(text: str) -> bool:
    """Whether the words ask for anything at all ("surprise me", "you choose")."""
    return re.search(r"\bsurprise (?:me|us)\b|\byou (?:choose|pick|decide)\b", text, re.IGNORECASE) is not None


def asks_for_similar(before: str) -> bool:
    """Whether what stands before a title or an ordinal asks for more like it ("something like", not "I like")."""
    return _SIMILAR.search(before) is not None


def asks_for_more_like_it(text: str) -> bool:
    """Whether the words ask for more like what they have just named ("I love the second one, more like it")."""
    return _MORE_LIKE_IT.search(text) is not None


def takes_back(text: str) -> bool:
    """Whether the message undoes what was said last: "no, go back"."""
    return _BACK.match(text) is not None


def adds(text: str) -> bool:
    """Whether the message adds to what was said ("also", "but", "with") rather than saying it anew."""
    return _ADDING.search(text) is not None


def drops(text: str) -> bool:
    """Whether the message only takes something away ("forget that I hate horror"), and puts nothing in its place."""
    return _DROPPING.search(text) is not None


def topic(text: str) -> str:
    """The words of a request that say what to search by: "space travel" of "something about space travel, please"."""
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+", _NO_PREFERENCE.sub(" ", text))
    return " ".join(word for word in words if not _generic(word.lower().replace("’", "'")))


def _generic(word: str) -> bool:
    """Whether the word, or the long word that it misspells ("reccomend"), says nothing to search by."""
    if word in _GENERIC or len(word) < 6 or is_ordinary(word):
        return word in _GENERIC
    return extractOne(word, _LONG, scorer=OSA.distance, score_cutoff=1 + len(word) // 8) is not None


def is_vague(text: str) -> bool:
    """Whether a request says nothing to search by ("recommend me something good")."""
    return not topic(text)
