"""What would change the bot's mind: one wish or like taken away or added, and what would come first then.

Every answer is the outcome of ranking once more, never a guess from weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from chatrec.catalog import Catalog
from chatrec.explain import liked
from chatrec.types import Constraint, Event, Item, Query

TRIED = 6  # rankings that one answer may cost
LATEST = 3  # wishes, and likes and anchors, that are taken away, the newest
ADDED = 2  # items of the list that might be liked, or whose tags might be asked for

First = Callable[[Query], Item | None]  # what comes first
Kind = Literal["without_wish", "without_like", "with_wish", "with_like"]
Variation = tuple[Kind, Query, Constraint | None, Item | None]  # with the wish or item that makes the difference


@dataclass(frozen=True)
class Change:
    """With a wish or like more or less, ``first`` leads the list. ``wish`` for wishes, ``item`` for likes."""

    kind: Kind
    first: Item
    wish: Constraint | None = None
    item: Item | None = None


def changes(query: Query, shown: Sequence[Item], first: First, catalog: Catalog) -> tuple[Change, ...]:
    """At most one change of each kind that brings another item to the top of ``shown``, the best for ``query``."""
    top = shown[0]
    found: dict[str, Change] = {}
    for kind, asked, wish, item in islice(_variations(query, shown, catalog), TRIED):
        leader = None if kind in found else first(asked)
        if leader is not None and leader.item_id != top.item_id:
            found[kind] = Change(kind, leader, wish, item)
    return tuple(found.values())


def _variations(query: Query, shown: Sequence[Item], catalog: Catalog) -> Iterator[Variation]:
    """One thing changed at a time; the kinds take turns, so that none uses up all the rankings."""
    ways = [
        _without_wishes(query),
        _without_likes(query, catalog),
        _with_wishes(query, shown, catalog),
        _with_likes(query, shown),
    ]
    while ways:
        for way in list(ways):
            one = next(way, None)
            if one is None:
                ways.remove(way)
            else:
                yield one


def _without_wishes(query: Query) -> Iterator[Variation]:
    for wish in query.constraints[: -LATEST - 1 : -1]:
        kept = tuple(c for c in query.constraints if c != wish)
        yield "without_wish", replace(query, constraints=kept), wish, None


def _without_likes(query: Query, catalog: Catalog) -> Iterator[Variation]:
    for item_id in dict.fromkeys([*reversed(query.anchors), *liked(query.history)][:LATEST]):
        history = tuple(e for e in query.history if e.item_id != item_id)
        anchors = tuple(a for a in query.anchors if a != item_id)
        # It stays away from the list: the question is what its being liked does.
        asked = replace(query, history=history, anchors=anchors, exclude=query.exclude | {item_id})
        yield "without_like", asked, None, catalog.item(item_id)


def _with_wishes(query: Query, shown: Sequence[Item], catalog: Catalog) -> Iterator[Variation]:
    """What tells the others of the list from its first: a leading tag that it has not."""
    slot = next((s for s in catalog.schema.slots.values() if s.type == "tags"), None)
    if slot is None:
        return
    mine, asked = set(_tags(shown[0], slot.columns)), {v for c in query.constraints for v in c.values}
    others = (v for item in shown[1:] for v in _tags(item, slot.columns) if v not in mine | asked)
    for value in islice(dict.fromkeys(others), ADDED):
        wish = Constraint(slot.name, "is", (value,), value)
        yield "with_wish", replace(query, constraints=(*query.constraints, wish)), wish, None


def _with_likes(query: Query, shown: Sequence[Item]) -> Iterator[Variation]:
    """What is liked is known, and makes room for others like it."""
    at = query.history[-1].at + 1 if query.history else 0.0
    for item in shown[1 : 1 + ADDED]:
        history = (*query.history, Event(item.item_id, "like", at))
        yield "with_like", replace(query, history=history, exclude=query.exclude | {item.item_id}), None, item


def _tags(item: Item, columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(v for column in columns for v in item.attributes.get(column, ()))
