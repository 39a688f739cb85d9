"""The wishes of a conversation: what a message asks for, and how that goes together with what was asked before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chatrec import phrases
from chatrec.catalog import Catalog
from chatrec.schema import Schema
from chatrec.types import Constraint, Mention

REPLACING = frozenset({"ask_recommendation", "reformulate", "start_over", "answer"})


def asked_for(
    mentions: Sequence[Mention], named: Sequence[str], shown: Sequence[str], catalog: Catalog
) -> list[Constraint]:
    """What the mentions ask for. "Newer" is newer than the items ``named``, else than the middle of those ``shown``."""
    found: list[Constraint] = []
    for mention in mentions:
        if mention.constraints:
            found += mention.constraints
        elif mention.direction:
            found += _critique(mention, named, shown, catalog)
    return found


def turned(mentions: Sequence[Mention], catalog: Catalog) -> dict[str, float]:
    """Slots in which something more or less is asked for, each with the schema's step."""
    slots = catalog.schema.slots
    return {m.entity: slots[m.entity].step for m in mentions if m.direction and m.entity in slots}


def _critique(mention: Mention, named: Sequence[str], shown: Sequence[str], catalog: Catalog) -> list[Constraint]:
    """A bound for "newer", "shorter" …: beyond the item named, else a step beyond the middle of the last list, or past
    all of it where that is less. When too little lies beyond, the bound is halfway to the end of what there is."""
    slot = catalog.schema.slots.get(mention.entity)
    if slot is None or slot.type != "number":
        return []
    column = catalog.numbers(mention.entity)
    reference = np.array([value for value in (column[catalog.index(i)] for i in named or shown) if not np.isnan(value)])
    if not len(reference):
        reference = column[~np.isnan(column)]
    middle = float(np.median(reference))
    bound = middle + mention.direction * (1 if named else max(slot.step, 1))
    up = mention.direction > 0  # just beyond the whole list is enough: older than films since 2005 may be from 2004
    bound = min(bound, float(reference.max()) + 1) if up else max(bound, float(reference.min()) - 1)
    edge = float(np.nanquantile(column, 0.98 if up else 0.02))
    edge = max(edge, middle) if up else min(edge, middle)
    if (edge - bound) * mention.direction < 0:
        bound = (middle + edge) / 2
    return [Constraint(mention.entity, "min" if up else "max", (float(round(bound)),), mention.text)]


def dropped(
    old: Sequence[Constraint], found: Sequence[Constraint], denied: Collection[Constraint]
) -> tuple[tuple[Constraint, ...], list[Constraint]]:
    """The wishes without those that "drop the 90s" speaks of, and what the message asks for besides: nobody who drops
    the comedy rules comedies out. ``denied``: what of the message is turned down."""
    off = {c: [w for w in old if w.slot == c.slot and _speaks_of(c, w)] for c in found if c in denied}
    gone = {wish for spoken in off.values() for wish in spoken}
    moods = {wish.sign for wish in gone if wish.sign}  # whose other wishes go with it
    return tuple(w for w in old if w not in gone and w.sign not in moods), [c for c in found if not off.get(c)]


def _speaks_of(one: Constraint, wish: Constraint) -> bool:
    if wish.op in ("min", "max"):
        return True
    return bool(set(one.values) & set(wish.values))


def names_a_kind(constraints: Sequence[Constraint], known: Sequence[Constraint]) -> bool:
    """Whether a new wish names what to look for ("a western"), rather than narrowing it ("shorter")."""
    return any(c.op == "is" and not c.soft and c not in known for c in constraints)


def begins_anew(found: Sequence[Constraint], old: Sequence[Constraint], text: str, schema: Schema) -> bool:
    """Whether a request stands for itself ("some westerns"), rather than narrowing the last ("something quick that I
    can do at the office"): it asks for the noun, for what the first slot to ask about holds, or for another value of a
    slot that was wished for."""
    named = {c.slot for c in found if c.op == "is" and not c.soft}
    first = next((slot.name for slot in schema.slots.values() if slot.ask and slot.type == "tags"), None)
    again = named & {c.slot for c in old if c.op == "is" and not c.soft}
    if not named or not phrases.requests(text, schema.noun, schema.plural):
        return False
    return bool(again) or first in named or phrases.names(text, schema.noun, schema.plural)


def begin_another(old: Sequence[Constraint], new: Sequence[Constraint], catalog: Catalog) -> bool:
    """Whether another sort of thing is asked for than before: laptops after shoes, but not boots after sneakers."""
    before, now = _sorts(old, catalog), _sorts(new, catalog)
    return bool(before and now) and not before & now


def outliving(old: Sequence[Constraint], new: Sequence[Constraint], catalog: Catalog) -> tuple[Constraint, ...]:
    """Of the wishes for one sort of thing those that hold for another: what was turned down, and slots that stay,
    without tags that no such thing has ("for women" of laptops)."""
    slots = catalog.schema.slots
    things = np.all([catalog.mask(c) for c in new if c.op == "is" and not c.soft], axis=0)
    return tuple(
        c
        for c in old
        if c.op == "not"
        or (slots[c.slot].stays and (slots[c.slot].type == "number" or bool((catalog.mask(c) & things).any())))
    )


def _sorts(wished: Sequence[Constraint], catalog: Catalog) -> set[str]:
    """The sorts of things that somebody wishes for; none where a schema tells none apart."""
    kind = next((slot for slot in catalog.schema.slots.values() if slot.within), None)
    if kind is None:
        return set()
    hard = [c for c in wished if c.op == "is" and not c.soft and c.slot in (kind.name, kind.within)]
    meant = [catalog.mask(c) for c in hard]
    return {sort for sort, rows in catalog.values(kind.within).items() if any(mask[rows].any() for mask in meant)}


def merge(
    old: tuple[Constraint, ...],
    new: Sequence[Constraint],
    intent: str,
    text: str,
    answering: str,
    steps: Mapping[str, float],
) -> tuple[Constraint, ...]:
    """Old wishes under new ones. A new wish overrides what contradicts it; on the same slot it replaces the old one
    when the user restates ("a comedy instead"), and joins it when the user adds ("and funny too") or answers a question
    about the slot ``answering``. A bound goes when a new one leaves no room for it, or in a slot of ``steps`` ("older",
    and now "newer") less room than that."""
    if not new:
        return old
    adds = intent == "critique_add" or phrases.joins(text) or (intent not in REPLACING and phrases.adds(text))
    adds = adds or (intent != "reformulate" and any(c.slot == answering for c in new))
    adds = adds and not phrases.replaces(text)
    bounded = {c.slot for c in new if c.op in ("min", "max") and not c.soft}
    span = {s for s in bounded if len({c.op for c in new if c.slot == s}) == 2}
    named = {c.slot for c in new if c.op == "is" and not c.soft}
    kept = []
    for constraint in _narrowed(old, new):
        bound = constraint.op in ("min", "max")
        gone = (
            any(contradict(constraint, c) for c in new)
            or (bound and constraint.slot in named | span)
            or any(constraint.op == c.op and constraint.slot == c.slot for c in new if bound)
            or (constraint.op == "is" and constraint.slot in bounded)
            or (bound and any(_cramped(constraint, c, steps) for c in new))
            or (constraint.soft and intent in REPLACING and bool(named))
            or (constraint.op == "is" and constraint.slot in named and not adds and not constraint.soft)
        )
        if not gone:
            kept.append(constraint)
    return tuple(dict.fromkeys([*kept, *new]))


def _narrowed(old: Sequence[Constraint], new: Sequence[Constraint]) -> list[Constraint]:
    """Old wishes for any of several values, without those that are now turned down: "not a professional" leaves the
    service of "a professional or a service"."""
    kept = []
    for constraint in old:
        off = {v for c in new if contradict(constraint, c) and c.op == "not" for v in c.values}
        left = tuple(v for v in constraint.values if v not in off)
        kept.append(replace(constraint, values=left) if off and left else constraint)
    return kept


def _cramped(one: Constraint, other: Constraint, steps: Mapping[str, float]) -> bool:
    """Whether no number, or less than a step, meets both bounds."""
    bounds = {c.op: float(c.values[0]) for c in (one, other) if c.slot == one.slot and c.op in ("min", "max")}
    return len(bounds) == 2 and bounds["max"] - bounds["min"] < steps.get(one.slot, 0)


def contradict(old: Constraint, new: Constraint) -> bool:
    """Same slot, opposite wish, a value in common."""
    opposite = {old.op, new.op} == {"is", "not"}
    return old.slot == new.slot and opposite and bool(set(old.values) & set(new.values))
