"""Which catalogue a message is about.

Three voices are heard: words that belong to one catalogue alone (its noun, the ``topic`` of its schema), how much of
the message a catalogue's linker understands, and how near the message is to the ``examples`` of each schema (logistic
regression on sentence vectors, as for intents). A conversation stays where it is unless another catalogue speaks up
clearly: how clearly depends on what the message does. docs/decisions.md, "Which catalogue", has the figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sklearn.linear_model import LogisticRegression

from chatrec import phrases
from chatrec.catalog import Catalog, fold
from chatrec.dialogue import State
from chatrec.encoder import Encoder, encode_items
from chatrec.linker.text import Spelling, mended, read
from chatrec.types import Constraint, Mention

WORD, NOUN = 1.0, 0.5  # what a word of the topic counts, and what the catalogue's own noun counts more
UNDERSTOOD = 1.0  # a message that a linker understands whole
NEAR = 1.0  # a message that is surely about a catalogue, by its sentence vector
OPENING = frozenset(
    {
        "ask_recommendation",
        "start_over",
        "choose_domain",
        "nlu_fallback",
        "provide_preference",
        "correct_profile",
        "help",
    }
)
SETTLED, FOLLOWING, ANSWERING, GOING_ON = 0.35, 0.9, 1.2, 2.0  # how far another catalogue must be ahead; see ``route``
WEIGHT = {  # how telling a mention is; else 1
    "ordinal": 0.0,
    "policy": 0.0,
    "relation": 0.3,
    "mood": 0.5,
    "title": 0.8,
    "known": 0.8,
}
_GOES_ON = re.compile(  # "one about a doctor", "and the food?": more of what is being talked about
    r"^\W*(?:(?:and|but|or|ok|maybe|then) )*(?:ones?\b(?! (?:week|day|night|month|person|way))|the \w+\W*\?\W*$)"
)
LONG = 4  # words of a title that are no accident
NAMING = 4  # letters of a noun that is known with a slip in it, too
MINED = 40  # examples made from a catalogue's own values
_WILL = re.compile(r"\bill(?= (?:take|have|go|get|try|watch|buy|see|choose|pick|grab|order|check|let|think|do|be)\b)")
_TURNED_DOWN = (
    r"\b(?:not|no more|instead of|rather than|enough(?: of| with)?|(?:done|finished) with|(?:tired|sick) of) "
    r"(?:an? |the |any )?(?:{words})\b"
)
_POINTING = r"\b(?:that|this|those|these|the|same)\s+(?:(?:same|first|second|third|fourth|fifth|last)\s+)?(?:{words})\b"


class Router:
    """Built once from all catalogues of a bot. ``names``: where a conversation begins comes first. ``cache``: a folder
    for the vectors of the examples."""

    def __init__(self, catalogs: Mapping[str, Catalog], encoder: Encoder, cache: Path) -> None:
        self.names = tuple(catalogs)
        self._encoder = encoder
        self._words = {name: _topic(catalog) for name, catalog in catalogs.items()}
        self._nouns = {name: re.compile(rf"\b(?:{_either(_nouns(catalog))})\b") for name, catalog in catalogs.items()}
        self._pointing = {name: _pattern(_nouns(catalog)) for name, catalog in catalogs.items()}
        self._turned_down = re.compile(
            _TURNED_DOWN.format(words=_either(n for c in catalogs.values() for n in _nouns(c)))
        )
        nouns = {word for catalog in catalogs.values() for noun in _nouns(catalog) for word in noun.split()}
        self._spelling = Spelling((noun for noun in nouns if len(noun) >= NAMING), few=True)
        self._near = _classifier(catalogs, encoder, cache) if len(catalogs) > 1 else None

    def route(self, text: str, intent: str, mentions: Sequence[Mention], state: State) -> str:
        """The catalogue that a message is about. ``mentions``: what every catalogue's linker found in it. An opening
        goes to the best one, unless the conversation has settled with a list; a message that usually follows on, or
        answers a question, moves it only when there is little doubt."""
        if self._near is None or phrases.takes_back(text) or self._points_at_the_list(text, mentions, state):
            return state.catalog
        own = [m for m in mentions if m.catalog == state.catalog]
        whole = _understood(text, own, _unmistakable(own, mentions)) == 1
        if state.shown and whole and not self.speaks_of_another(phrases.cut(text, own), state):
            return state.catalog  # "brand new", "united states" about films; not "I want to watch something, germany"
        scores = self.scores(text, mentions, state.catalog)
        if intent not in OPENING:  # "cheaper" is about nothing that the conversation has not come to yet
            known = {state.catalog, *state.parked}
            scores = {n: s if n in known or self._words[n].search(_plain(text)) else 0.0 for n, s in scores.items()}
        if any(m.entity == "title" for m in own):  # "a fan of palo alto" is about the film, and sounds like a trip
            heard = {m.catalog for m in mentions}
            scores = {n: s if n in heard or self._words[n].search(_plain(text)) else 0.0 for n, s in scores.items()}
        best = max(self.names, key=lambda name: (scores[name], name == state.catalog))
        opening = SETTLED if state.shown else 0.0
        margin = opening if intent in OPENING else FOLLOWING
        if state.pending or (state.shown and _GOES_ON.search(_plain(text))):
            margin = ANSWERING if state.pending else GOING_ON
        return best if scores[best] - scores[state.catalog] > margin else state.catalog

    def _points_at_the_list(self, text: str, mentions: Sequence[Mention], state: State) -> bool:
        """Whether the message speaks of an item by its place ("I know the fifth one") and of no other catalogue."""
        placed = state.shown and any(m.entity == "ordinal" and m.catalog == state.catalog for m in mentions)
        return bool(placed) and not self.speaks_of_another(text, state)

    def speaks_of_another(self, text: str, state: State) -> bool:
        """Whether a word of the topic of another catalogue is in the text."""
        others = (words for name, words in self._words.items() if name != state.catalog)
        return any(words.search(_plain(text)) for words in others)

    def names_one(self, text: str) -> bool:
        """Whether the message has a word of some catalogue's topic."""
        return any(words.search(_plain(text)) for words in self._words.values())

    def scores(self, text: str, mentions: Sequence[Mention], current: str) -> dict[str, float]:
        """How much speaks for each catalogue."""
        plain = self._wanted(text, current)
        near = dict.fromkeys(self.names, 0.0)
        if not phrases.is_vague(plain):
            likely = self._near.predict_proba(self._encoder.encode([plain]))[0]
            near |= dict(zip(self._near.classes_, likely.tolist(), strict=True))
        spoken = {name: [m for m in mentions if m.catalog == name] for name in self.names}
        said = {name: self._wanted(_without_others(text, mentions, name), current) for name in self.names}
        return {
            name: WORD * min(2, len(set(self._words[name].findall(said[name]))))
            + NOUN * bool(self._nouns[name].search(said[name]))
            + UNDERSTOOD * _understood(text, spoken[name])
            + NEAR * near[name]
            for name in self.names
        }

    def _wanted(self, text: str, current: str) -> str:
        """The text without what it asks for no more ("enough films") and only points at ("like in that film")."""
        return self._pointing[current].sub(" ", self._turned_down.sub(" ", self._spelt(text)))

    def _spelt(self, text: str) -> str:
        """How words are looked for: misspelt nouns put right ("a fiml"), and "ill take it" is no illness."""
        return _plain(mended(read(text), self._spelling, ())[0].text)


def _unmistakable(own: Sequence[Mention], mentions: Iterable[Mention]) -> list[Mention]:
    """The titles among a catalogue's mentions that no other catalogue has, and the places in a list."""
    elsewhere = {m.start for m in mentions if m.entity == "title" and m not in own}
    return [m for m in own if m.entity == "ordinal" or (m.entity == "title" and m.start not in elsewhere)]


def _plain(text: str) -> str:
    return _WILL.sub("i'll", fold(text))


def _without_others(text: str, mentions: Sequence[Mention], name: str) -> str:
    """The message without what is other catalogues': titles that are long enough to be meant (the pillow of "I liked
    One flat pillow for a stiff neck" is nothing to buy), and values of several words ("time travel")."""
    others = (m for m in mentions if m.catalog != name and len(m.text.split()) >= (LONG if m.entity == "title" else 2))
    return phrases.cut(text, others)


def _understood(text: str, mentions: Sequence[Mention], sure: Sequence[Mention] = ()) -> float:
    """The share of the words that say something which lie within mentions, each as telling as it is, or ``sure``."""
    telling = [word for word in re.finditer(r"\w+", text) if phrases.topic(word.group())]
    if not telling:
        return 0.0
    covered = [
        max(
            (1.0 if m in sure else _weight(m) for m in mentions if m.start <= word.start() and word.end() <= m.end),
            default=0.0,
        )
        for word in telling
    ]
    return sum(covered) / len(telling)


def _weight(mention: Mention) -> float:
    return WEIGHT.get(mention.entity, 1.0) * mention.confidence


def _nouns(catalog: Catalog) -> list[str]:
    schema = catalog.schema
    return [schema.name, schema.name.removesuffix("s"), schema.noun, schema.plural]  # "movies", "movie"


def _topic(catalog: Catalog) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{_either([*_nouns(catalog), *catalog.schema.topic])})\b")


def _pattern(nouns: Iterable[str]) -> re.Pattern[str]:
    return re.compile(_POINTING.format(words=_either([*nouns, "one"])))


def _either(words: Iterable[str]) -> str:
    return "|".join(re.escape(fold(word)) for word in sorted(words, key=len, reverse=True))


def _classifier(catalogs: Mapping[str, Catalog], encoder: Encoder, cache: Path) -> LogisticRegression:
    examples = [(text, name) for name, catalog in catalogs.items() for text in _examples(catalog)]
    vectors = encode_items(encoder, [text for text, _ in examples], cache)
    return LogisticRegression(C=10, class_weight="balanced", max_iter=1000).fit(vectors, [name for _, name in examples])


def _examples(catalog: Catalog) -> list[str]:
    """The schema's own, and plain requests for its commonest values."""
    schema = catalog.schema
    mined = [
        f"{value} {schema.noun}" if i % 2 else value
        for slot in schema.slots.values()
        if slot.ask and slot.type == "tags"
        for i, value in enumerate(sorted(catalog.values(slot.name), key=lambda v: -len(catalog.values(slot.name)[v])))
    ]
    return [*schema.examples, *_nouns(catalog), *mined[:MINED]]


def carried(before: str, item_ids: Iterable[str], catalogs: Mapping[str, Catalog], after: str) -> tuple[Mention, ...]:
    """What the items spoken of in catalogue ``before`` ask for in catalogue ``after``, by that one's ``[[from]]``."""
    old, new = catalogs[before], catalogs[after]
    items = [old.item(item_id) for item_id in item_ids]
    found: list[Mention] = []
    for carry in (c for c in new.schema.carries if c.catalog == before and c.slot in old.schema.slots):
        known = {fold(value): value for value in new.values(carry.to)}
        values = [v for item in items for v in old.own(carry.slot, item)]
        meant = dict.fromkeys(w for v in values for w in carry.values.get(str(v), (str(v),)) if fold(w) in known)
        if meant:
            text = f"as in {items[0].title}"
            wish = Constraint(carry.to, "is", tuple(known[fold(w)] for w in meant), text, soft=bool(found))
            found.append(Mention(carry.to, 0, 0, text, None, (wish,), catalog=after))
    return tuple(found)


def points_back(text: str, catalog: Catalog) -> bool:
    """Whether the message points at the item in hand of a catalogue ("where that film is set", "like in it")."""
    plain = fold(text)
    return bool(
        _pattern(_nouns(catalog)).search(plain) or re.search(r"\b(?:like|as) in (?:it|there)\b|\bset in\b", plain)
    )
