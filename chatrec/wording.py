"""A reason in words, made of evidence and of the templates in ``schema.toml``; nothing here knows about films.

The leading tags of a catalogue (its first slot of that type, genre for films) say what kind of thing an item is and go
before the noun: "a horror film". Of the other slots each ``reason`` is a clause, and how it begins says where it goes:
``it is from {value}``, ``it has {value}``: behind the noun, "a film from 1979", "a film with {value}";
``it runs {value} minutes``, any other verb: a relative clause, "a film that runs 97 minutes";
``critics give it {value} of 100``: not about "it", so it stays a clause and is set behind a semicolon.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from chatrec.catalog import Catalog, fold
from chatrec.schema import Slot
from chatrec.types import Evidence, Item

MAX_WORDS = 25
MAX_VALUES = 3  # of one slot: a fourth genre convinces nobody
NOTHING = "It ranks well overall, though no single thing explains it"
WELL_KNOWN = 0.8  # quantile of popularity: better known than four of five

_NEAR = ("close to", "similar to", "along the lines of")
_PRAISE = ("well known and well liked", "widely known and well received")
_VOWEL = re.compile(r"(?!(?:uni(?![dmn])|use|usu|eu|one|once)\w*)[aeiou]|hour|hono|heir|8|1[18]\b", re.IGNORECASE)
_SPELT = re.compile(r"[AEFHILMNORSX](?:[A-Z]|\b)")  # read letter by letter: "an R-rated film", "an FBI film"
_THE = re.compile(r"United |(?:.* )?(?:Republic|Kingdom|States|Union|Emirates|Islands|Netherlands|Philippines)\b")


@dataclass(frozen=True)
class _Parts:
    """What a sentence is made of, empty without evidence: ``what`` the item is, how ``close`` it is to what, which
    ``people`` it shares; ``because`` is ``close`` worded as an opening; ``clauses`` stand alone, ``rated`` is one too.
    """

    what: str
    close: str
    because: str
    people: str
    clauses: str
    rated: str


def sentence(evidence: Sequence[Evidence], item: Item, catalog: Catalog, variant: int = 0) -> str:
    """The reason in one English sentence of about 25 words at most; what comes last in ``evidence`` gives way first.

    ``variant``: any integer; neighbours in a list take consecutive ones, so that they do not read alike. Without
    evidence about taste or wishes the sentence says what the item is, and that it is well known only if it is.
    """
    for count in range(len(evidence), 1, -1):
        text = _write(evidence[:count], item, catalog, variant)
        if len(text.split()) <= MAX_WORDS:
            return text
    return _write(evidence[:1], item, catalog, variant)


def listing(values: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(p for p in (", ".join(values[:-1]), *values[-1:]) if p)


def with_article(phrase: str) -> str:
    """``a film``, ``an action film``, ``an R-rated film``."""
    return f"{'an' if _VOWEL.match(phrase) or _SPELT.match(phrase) else 'a'} {phrase}"


def _write(evidence: Sequence[Evidence], item: Item, catalog: Catalog, variant: int) -> str:
    if all(e.kind == "reception" for e in evidence):
        return _thin(evidence, item, catalog, variant)
    parts = _parts(evidence, item, catalog, _NEAR[variant % len(_NEAR)])
    if variant % 3 == 2 and parts.because:
        body = _join(parts.because, _join(parts.what, parts.people), by=": ")
        return _finish(_join(body, parts.clauses, parts.rated, by="; "))
    body = _join(parts.what, _join(parts.close, parts.people, by=", and "))
    if variant % 3 == 1 and parts.what:
        return _finish(_join(parts.rated, _join(body, parts.clauses, by="; "), by=": "))
    return _finish(_join(body, parts.clauses, parts.rated, by="; "))


def _thin(evidence: Sequence[Evidence], item: Item, catalog: Catalog, variant: int) -> str:
    """Nothing but the rating, or not even that: what the item is, and how it is received."""
    (what, _), rated = _what(_kind(item, catalog), item, catalog), _rated(evidence, catalog)
    known = catalog.popularity[catalog.index(item.item_id)] >= np.quantile(catalog.popularity, WELL_KNOWN)
    praise = _PRAISE[variant // 2 % 2] if known and rated else ""
    if variant % 2 and praise:
        return _finish(_join(_join(what, praise), rated, by="; "))
    if variant % 2:
        return _finish(_join(rated, what, by=": ") or NOTHING)
    return _finish(_join(_join(praise, what, by=": "), rated, by="; ") or NOTHING)


def _leading(catalog: Catalog) -> Slot | None:
    return next((slot for slot in catalog.schema.slots.values() if slot.type == "tags"), None)


def _kind(item: Item, catalog: Catalog) -> list[Evidence]:
    """The row's own leading tags and maker, to say what the item is when nothing else does."""
    slot = _leading(catalog)
    values = item.attributes.get(slot.columns[0], ()) if slot else ()
    return [*(Evidence("constraint", value, slot.name) for value in values[:2]), *_maker(item, catalog)]


def _maker(item: Item, catalog: Catalog) -> list[Evidence]:
    """The first name of the row: tells apart what would read alike."""
    slot = next((slot for slot in catalog.schema.slots.values() if slot.type == "people"), None)
    names = item.attributes.get(slot.columns[0], ()) if slot else ()
    return [Evidence("constraint", name, slot.name) for name in names[:1]]


def _parts(evidence: Sequence[Evidence], item: Item, catalog: Catalog, near: str) -> _Parts:
    told = {e.value for e in evidence if e.kind == "constraint"}
    asked = {e.slot for e in evidence if e.kind == "constraint"}
    close, because = _closeness(evidence, catalog, near)
    said = [e for e in evidence if e.kind in ("constraint", "novelty")]
    leading = _leading(catalog)
    if said and not close and {e.slot for e in said} <= {leading and leading.name}:
        said += _maker(item, catalog)
    what, clauses = _what(said, item, catalog)
    return _Parts(
        what=what,
        close=close,
        because=because,
        people=_people([e for e in evidence if e.kind == "people" and e.value not in told], evidence, item, catalog)
        or _shared(evidence, item, catalog),
        clauses=_join(*clauses, _alike(evidence, catalog), by="; "),
        rated=_rated([e for e in evidence if e.slot not in asked], catalog),
    )


def _closeness(evidence: Sequence[Evidence], catalog: Catalog, near: str) -> tuple[str, str]:
    """``close to Alien, which you liked`` and, to open with, ``here because you liked Alien``."""
    anchors, history = (
        listing([_title(i, catalog) for e in evidence if e.kind == kind for i in e.item_ids])
        for kind in ("anchor", "history")
    )
    if anchors and history:
        text = f"{near} {anchors} and {near.split()[-1]} {history}, which you liked"
        return text, text
    if history:
        many = sum(e.kind == "history" for e in evidence) > 1
        return f"{near} {history}, {'both of ' if many else ''}which you liked", f"here because you liked {history}"
    return (f"{near} {anchors}",) * 2 if anchors else ("", "")


def _people(shared: Sequence[Evidence], evidence: Sequence[Evidence], item: Item, catalog: Catalog) -> str:
    """``also directed by Ridley Scott`` behind the only title named; else ``directed by Ridley Scott, like Alien``."""
    if not shared:
        return ""
    first = shared[0]
    slot, other = catalog.schema.slots[first.slot or ""], catalog.item(first.item_ids[0])
    column = next(c for c in slot.columns if all(first.value in i.attributes.get(c, ()) for i in (item, other)))
    same = [e.value for e in shared if e.item_ids == first.item_ids]
    names = [name for name in same if all(name in i.attributes.get(column, ()) for i in (item, other))]
    text = f"{catalog.schema.labels.get(column, 'with')} {listing(names)}"
    named = {i for e in evidence if e.kind in ("anchor", "history") for i in e.item_ids}
    return f"also {text}" if named == {other.item_id} else f"{text}, like {_title(other.item_id, catalog)}"


def _shared(evidence: Sequence[Evidence], item: Item, catalog: Catalog) -> str:
    """``also made by Lenovo``, ``also a heist film``: what it has in common with the title named before."""
    what, _ = _what([e for e in evidence if e.kind == "shared"], item, catalog)
    return f"also {what.removeprefix(with_article(catalog.schema.noun)).strip()}" if what else ""


def _alike(evidence: Sequence[Evidence], catalog: Catalog) -> str:
    """``people who liked Alien liked it too``"""
    liked = listing([_title(i, catalog) for e in evidence if e.kind == "others" for i in e.item_ids])
    return f"people who liked {liked} liked it too" if liked else ""


def _rated(evidence: Sequence[Evidence], catalog: Catalog) -> str:
    rating = next((e for e in evidence if e.kind == "reception"), None)
    if rating is None:
        return ""
    slot = catalog.schema.slots.get(rating.slot or "")
    template = slot.reason if slot and slot.reason else "it is rated {value} of 100"
    return template.replace("{value}", rating.value).removeprefix("it is ")


def _what(evidence: Sequence[Evidence], item: Item, catalog: Catalog) -> tuple[str, list[str]]:
    """``a horror and sci-fi film from 1979, with Sigourney Weaver``, and the clauses that do not fit in there."""
    kinds, clauses = [], []
    for slot in catalog.schema.slots.values():
        values = [e.value for e in evidence if e.slot == slot.name][:MAX_VALUES]
        if values and slot == _leading(catalog) and slot.adjective:
            kinds += [_lower(v) for v in values]
        elif values:
            clauses += _about(slot, values, item, catalog)
    inside = [clause for clause in clauses if clause.startswith("it ")]
    text = with_article(_join(listing(kinds), catalog.schema.noun, by=" ")) if kinds or inside else ""
    for position, clause in enumerate(inside):
        text += _behind_noun(clause, first=position == 0)
    if any(e.kind == "novelty" for e in evidence):
        text += ", a change from what you have liked so far"
    return text, [clause for clause in clauses if clause not in inside]


def _about(slot: Slot, values: Sequence[str], item: Item, catalog: Catalog) -> list[str]:
    """The slot's template with the values in it; for people the role of each, as the columns are labelled."""
    if slot.type != "people":
        template = slot.reason or f"it has {with_article(slot.label)} of {{value}} {slot.unit}".strip()
        return [template.replace("{value}", listing([_said(v, slot) for v in values]))]
    roles: dict[str, list[str]] = {}
    for name in values:
        column = next(c for c in slot.columns if name in item.attributes.get(c, ()))
        roles.setdefault(catalog.schema.labels.get(column, "with"), []).append(name)
    return [f"it is {role} {listing(names)}" for role, names in roles.items()]


def _said(value: str, slot: Slot) -> str:
    value = _lower(value) if slot.small else value
    return f"the {value}" if _THE.match(value) else value


def _behind_noun(clause: str, first: bool) -> str:
    comma = "" if first else ","
    for verb, instead in (("it is ", ""), ("it has ", "with ")):
        if clause.startswith(verb):
            return f"{comma} {instead}{clause.removeprefix(verb)}"
    return f"{comma} {'that' if first else 'which'} {clause.removeprefix('it ')}"


def _lower(value: str) -> str:
    """In lower case but for abbreviations: ``sci-fi``, ``LGBT``."""
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in value.split(" "))


def _join(*parts: str, by: str = ", ") -> str:
    return by.join(part for part in parts if part)


def _finish(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}".rstrip(".") + "."


def _title(item_id: str, catalog: Catalog) -> str:
    """The title; with the year when another item has the same title."""
    item = catalog.item(item_id)
    return catalog.heading(item) if fold(item.title) in _twins(catalog) else item.title


@lru_cache(maxsize=8)
def _twins(catalog: Catalog) -> frozenset[str]:
    titles = Counter(fold(item.title) for item in catalog.items)
    return frozenset(title for title, count in titles.items() if count > 1)
