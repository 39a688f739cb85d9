"""A reason in words, made of evidence and of the templates in ``schema.toml``; nothing here knows about films.

A ``reason`` template is a predicate about "it", and how it begins says where it goes:
``it is {value}``: an adjective before the noun, in lower case ("a horror film");
``it is from {value}``, ``it has {value}``: behind the noun ("a film from 1979", "a film with {value}");
any other verb, ``it runs {value} minutes``: a relative clause ("a film that runs 97 minutes").
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
WELL_KNOWN = 0.8  # quantile of popularity: better known than four of five
ADJECTIVE = "it is {value}"

_NEAR = ("close to", "similar to", "along the lines of")
_PRAISE = ("well known and well liked", "widely known and well received")
_VOWEL = re.compile(r"(?!(?:uni|use|usu|eu|one|once)\w*)[aeiou]|hour|hono|heir|8|1[18]\b", re.IGNORECASE)
_SPELT = re.compile(r"[AEFHILMNORSX](?:[A-Z]|\b)")  # read letter by letter: "an R-rated film", "an FBI film"
_THE = re.compile(r"United |(?:.* )?(?:Republic|Kingdom|States|Union|Emirates|Islands|Netherlands|Philippines)\b")


@dataclass(frozen=True)
class _Parts:
    """The clauses of a sentence, empty without evidence. ``because`` is ``close`` worded as an opening."""

    what: str
    close: str
    because: str
    people: str
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
    body = _clauses(parts.what, _clauses(parts.close, parts.people, by=", and "))
    rest = _clauses(parts.what, parts.people, parts.rated)
    if variant % 3 == 2 and parts.because and rest:
        return _finish(f"{parts.because}: {rest}")
    if variant % 3 == 1 and parts.rated:
        return _finish(f"{parts.rated}: {body}")
    return _finish(_clauses(body, parts.rated, by="; "))


def _thin(evidence: Sequence[Evidence], item: Item, catalog: Catalog, variant: int) -> str:
    """Nothing but the rating, or not even that: what the item is, and how it is received."""
    what, rated = _what(_leading_tags(item, catalog), item, catalog), _rated(evidence, catalog)
    known = catalog.popularity[catalog.index(item.item_id)] >= np.quantile(catalog.popularity, WELL_KNOWN)
    if not rated:
        return _finish(what or "It ranks well overall, though no single thing explains it")
    praise = _PRAISE[variant // 2 % 2] if known else ""
    if variant % 2 and what:
        return _finish(_clauses(_clauses(what, praise), rated, by="; "))
    return _finish(_clauses(praise, _clauses(what, rated), by=": "))


def _leading_tags(item: Item, catalog: Catalog) -> list[Evidence]:
    """The row's own leading tags (genre, for films), to say what the item is when nothing else does."""
    slot = next((s for s in catalog.schema.slots.values() if s.type == "tags"), None)
    values = item.attributes.get(slot.columns[0], ()) if slot else ()
    return [Evidence("constraint", value, slot.name) for value in values[:2]]


def _parts(evidence: Sequence[Evidence], item: Item, catalog: Catalog, near: str) -> _Parts:
    told = {e.value for e in evidence if e.kind == "constraint"}
    asked = {e.slot for e in evidence if e.kind == "constraint"}
    close, because = _closeness(evidence, catalog, near)
    return _Parts(
        what=_what([e for e in evidence if e.kind in ("constraint", "novelty")], item, catalog),
        close=close,
        because=because,
        people=_people([e for e in evidence if e.kind == "people" and e.value not in told], evidence, item, catalog),
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


def _rated(evidence: Sequence[Evidence], catalog: Catalog) -> str:
    rating = next((e for e in evidence if e.kind == "reception"), None)
    if rating is None:
        return ""
    slot = catalog.schema.slots.get(rating.slot or "")
    template = slot.reason if slot and slot.reason else "it is rated {value} of 100"
    return template.replace("{value}", rating.value).removeprefix("it is ")


def _what(evidence: Sequence[Evidence], item: Item, catalog: Catalog) -> str:
    """``a horror and sci-fi film from 1979, with Sigourney Weaver``; empty without evidence."""
    adjectives, predicates = [], []
    for slot in catalog.schema.slots.values():
        values = [e.value for e in evidence if e.slot == slot.name][:MAX_VALUES]
        if values and slot.reason == ADJECTIVE:
            adjectives += [_lower(v) for v in values]
        elif values:
            predicates += _predicates(slot, values, item, catalog)
    if not adjectives and not predicates:
        return ""
    text = with_article(f"{listing(adjectives)} {catalog.schema.noun}".strip())
    for position, predicate in enumerate(predicates):
        text += _behind_noun(predicate, first=position == 0)
    new = any(e.kind == "novelty" for e in evidence)
    return f"{text}, a change from what you have liked so far" if new else text


def _predicates(slot: Slot, values: Sequence[str], item: Item, catalog: Catalog) -> list[str]:
    """What is said about "it": the slot's template, or for people the role of each as the columns are labelled."""
    if slot.type != "people":
        template = slot.reason or f"it has {with_article(slot.label)} of {{value}} {slot.unit}".strip()
        return [template.replace("{value}", listing([f"the {v}" if _THE.match(v) else v for v in values]))]
    roles: dict[str, list[str]] = {}
    for name in values:
        column = next(c for c in slot.columns if name in item.attributes.get(c, ()))
        roles.setdefault(catalog.schema.labels.get(column, "with"), []).append(name)
    return [f"it is {role} {listing(names)}" for role, names in roles.items()]


def _behind_noun(predicate: str, first: bool) -> str:
    comma = "" if first else ","
    for verb, instead in (("it is ", ""), ("it has ", "with ")):
        if predicate.startswith(verb):
            return f"{comma} {instead}{predicate.removeprefix(verb)}"
    return f"{comma} {'that' if first else 'which'} {predicate.removeprefix('it ')}"


def _lower(value: str) -> str:
    """In lower case but for abbreviations: ``sci-fi``, ``LGBT``."""
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in value.split(" "))


def _clauses(*clauses: str, by: str = ", ") -> str:
    return by.join(clause for clause in clauses if clause)


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
