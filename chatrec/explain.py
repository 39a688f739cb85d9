"""Why an item is recommended: checked facts, the sentence made of them, and a check that the sentence says no more.

Closeness is never claimed from likeness alone. An item is said to be close to another only if it scores lower once that
other one is taken out of the query: a counterfactual explanation by removal, as in Ghazimatin et al., "PRINCE:
provider-side interpretability with counterfactual explanations in recommender systems", WSDM 2020. docs/reasons.md
tells the story in full.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_matrix

from chatrec.catalog import Catalog
from chatrec.errors import UnknownItem
from chatrec.factcheck import check
from chatrec.types import Event, Evidence, Item, Query, RankedList
from chatrec.wording import sentence

__all__ = ["because_of", "check", "explain", "explain_all", "liked", "sentence"]

Score = Callable[[Query, np.ndarray], np.ndarray]  # (query, (k,) indices) -> (k,) scores, comparable between queries

GOOD = 70.0  # of 100: from here on the rating is a reason
LIKED_STARS = 4.0  # of 5: a rating from here on counts as a like
MIN_FALL = 0.005  # a smaller fall is the rounding of bfloat16
ANCHORS, NEIGHBOURS, LATEST = 3, 6, 2  # scored without: the newest anchors; likes, among them always the latest
COMPARED = 500  # newest likes that are compared with the list to find the neighbours: 15 ms
CITED = 2  # items and shared names that one reason names at most
FAMILIAR = 3  # likes from which on something can be called new to somebody
REFERENCE = 64  # items that tell how far scores fall in general
ALIKE = 0.2  # of 1: the least that two items must be liked by the same people for it to be said
TELLING = 8  # a tag in common is said when at most one in so many items has it


def explain(
    query: Query, catalog: Catalog, index: int, score: Score, rated: csr_matrix | None = None
) -> tuple[Evidence, ...]:
    """Why the item at ``index``."""
    return explain_all(query, catalog, np.array([index]), score, rated)[0]


def explain_all(
    query: Query,
    catalog: Catalog,
    indices: Sequence[int] | np.ndarray,
    score: Score,
    rated: csr_matrix | None = None,
) -> tuple[tuple[Evidence, ...], ...]:
    """Why each item of a list, most telling evidence first: wishes met, closeness, what other people like, names and
    tags in common, reception, novelty.

    ``indices``: (k,) positions in the catalogue. ``score`` is called at most ``1 + ANCHORS + NEIGHBOURS`` times,
    whatever the length of the list and of the history. ``rated``: (N, N), 0 to 1, liked by the same people, where that
    is known.
    """
    if not len(indices):
        return ()
    items = [catalog.items[int(i)] for i in indices]
    likes = _known(liked(query.history), catalog)
    anchors = _known(reversed(query.anchors), catalog)[:ANCHORS]
    others = anchors + [o for o in _plausible(likes, items, catalog) if o not in anchors]
    falls = _falls(query, others, catalog, indices, score)
    return tuple(
        (wishes := _wishes_met(query, item, catalog))
        + (close := _close(query, item, {o: fall[position] for o, fall in falls.items()}, catalog))
        + _liked_alike(item, close, rated, catalog)
        + (_people(item, others, catalog) or _shared(item, close, wishes, catalog))
        + _reception(item, catalog)
        + (() if close else _novelty(query, item, likes, catalog))
        for position, item in enumerate(items)
    )


def because_of(event: Event, ranked: RankedList, query: Query, score: Score, catalog: Catalog) -> tuple[Item, ...]:
    """Items of the list that owe their place to what the user did: their score falls without it. Most first."""
    items = [line.item for line in ranked.items]
    if not items:
        return ()
    indices = [catalog.index(item.item_id) for item in items]
    fall = _falls(query, _known([event.item_id], catalog), catalog, indices, score).get(event.item_id)
    return () if fall is None else tuple(items[i] for i in np.argsort(-fall, kind="stable") if fall[i] > 0)


def liked(history: Sequence[Event]) -> tuple[str, ...]:
    """Ids of the items whose latest judgement is favourable, newest first. Seen, or picked, is not yet liked."""
    latest: dict[str, bool] = {}
    for event in history:
        if event.kind in ("like", "dislike", "reject", "rating"):
            latest.pop(event.item_id, None)
            stars = event.value if event.kind == "rating" and event.value is not None else 0.0
            latest[event.item_id] = event.kind == "like" or stars >= LIKED_STARS
    return tuple(item_id for item_id, favourable in reversed(latest.items()) if favourable)


def _known(item_ids: Iterable[str], catalog: Catalog) -> list[Item]:
    """The items that (still) are in the catalogue."""
    found = []
    for item_id in item_ids:
        with suppress(UnknownItem):
            found.append(catalog.item(item_id))
    return found


def _plausible(likes: Sequence[Item], items: Sequence[Item], catalog: Catalog) -> list[Item]:
    """The few liked items worth a counterfactual: the latest, and those that share most with some item of the list."""
    if len(likes) <= NEIGHBOURS:
        return list(likes)
    shown = [_traits(item, catalog) for item in items]

    def shared(other: Item) -> float:
        traits = _traits(other, catalog)
        return max(sum(traits[t] for t in traits.keys() & s.keys()) for s in shown)

    nearest = sorted(likes[LATEST:COMPARED], key=shared, reverse=True)
    return [*likes[:LATEST], *nearest[: NEIGHBOURS - LATEST]]


def _traits(item: Item, catalog: Catalog) -> Mapping[tuple[str, str], float]:
    """Tags and people of an item, each with its weight: the rarer in the catalogue, the more it says."""
    return {
        (slot.name, value): math.log(len(catalog) / len(catalog.values(slot.name)[value]))
        for slot in catalog.schema.slots.values()
        if slot.type in ("tags", "people")
        for column in slot.columns
        for value in item.attributes.get(column, ())
    }


def _falls(
    query: Query, others: Sequence[Item], catalog: Catalog, indices: Sequence[int] | np.ndarray, score: Score
) -> dict[str, np.ndarray]:
    """Id of each other item -> (k,) how far the scores of the list fall without it; 0 where they do not.

    A like may lift the whole catalogue a little. What falls no further than items in general do owes it nothing.
    """
    reference = np.linspace(0, len(catalog) - 1, min(REFERENCE, len(catalog))).astype(np.int64)
    scored = np.concatenate([np.asarray(indices, dtype=np.int64), reference])
    full = score(query, scored) if others else None
    falls = {}
    for other in others:
        fall = full - score(_without(query, other.item_id), scored)
        listed, general = fall[: len(indices)], float(np.median(fall[len(indices) :]))
        falls[other.item_id] = np.where(listed > max(MIN_FALL, general), listed, 0.0)
    return falls


def _without(query: Query, item_id: str) -> Query:
    """The query as if that item had never been named, liked or seen."""
    anchors = tuple(a for a in query.anchors if a != item_id)
    return replace(query, anchors=anchors, history=tuple(e for e in query.history if e.item_id != item_id))


def _wishes_met(query: Query, item: Item, catalog: Catalog) -> tuple[Evidence, ...]:
    """The item's own values that meet the wishes. What it was to be without ("no horror") is no reason to like it."""
    met = ((c.slot, v) for c in query.constraints if c.op != "not" for v in catalog.met(c, item))
    return tuple(Evidence("constraint", value, slot) for slot, value in dict.fromkeys(met))


def _close(query: Query, item: Item, falls: Mapping[str, float], catalog: Catalog) -> tuple[Evidence, ...]:
    """The one or two items without which this one falls furthest; the second only if it matters half as much."""
    ranked = sorted(((f, other) for other, f in falls.items() if f > 0 and other != item.item_id), reverse=True)
    return tuple(
        Evidence(
            kind="anchor" if other in query.anchors else "history",
            value=_in_common(item, catalog.item(other), catalog),
            item_ids=(other,),
            effect=float(fall),
        )
        for fall, other in ranked[:CITED]
        if fall >= ranked[0][0] / 2
    )


def _in_common(item: Item, other: Item, catalog: Catalog) -> str:
    """The rarest value of the item that the other has too; its title when there is none."""
    traits, others = _traits(item, catalog), _traits(other, catalog)
    common = [(weight, value) for (slot, value), weight in traits.items() if (slot, value) in others]
    return max(common)[1] if common else item.title


def _people(item: Item, others: Sequence[Item], catalog: Catalog) -> tuple[Evidence, ...]:
    """Names that stand in the same column here and at an anchor or a liked item."""
    found: dict[str, Evidence] = {}
    for slot in catalog.schema.slots.values():
        for column in slot.columns if slot.type == "people" else ():
            for other in others if column in item.attributes else ():
                for name in item.attributes[column]:
                    if other.item_id != item.item_id and name in other.attributes.get(column, ()):
                        found.setdefault(name, Evidence("people", name, slot.name, (other.item_id,)))
    return tuple(found.values())[:CITED]


def _liked_alike(
    item: Item, close: Sequence[Evidence], rated: csr_matrix | None, catalog: Catalog
) -> tuple[Evidence, ...]:
    """The item that it owes its place to and that is liked by the same people most, where that is known."""
    if rated is None:
        return ()
    index = catalog.index(item.item_id)
    found = [(float(rated[catalog.index(other), index]), other) for e in close for other in e.item_ids]
    alike = max(found, default=(0.0, ""))
    return (Evidence("others", item.title, item_ids=(alike[1],)),) if alike[0] >= ALIKE else ()


def _shared(
    item: Item, close: Sequence[Evidence], wishes: Sequence[Evidence], catalog: Catalog
) -> tuple[Evidence, ...]:
    """The rarest tag in common with the item that it owes its place to most, unless it was asked for."""
    told, traits = {(e.slot, e.value) for e in wishes}, _traits(item, catalog)
    for other in (i for e in close[:1] for i in e.item_ids):
        common = traits.keys() & _traits(catalog.item(other), catalog).keys() - told
        tags = [(traits[t], t) for t in common if catalog.schema.slots[t[0]].type == "tags"]
        weight, (slot, value) = max(tags, default=(0.0, ("", "")))
        if weight >= math.log(TELLING) and catalog.schema.slots[slot].reason:
            return (Evidence("shared", value, slot, (other,)),)
    return ()


def _reception(item: Item, catalog: Catalog) -> tuple[Evidence, ...]:
    column = catalog.schema.columns.get("reception", "")
    rating = item.attributes.get(column)
    if not isinstance(rating, float) or rating < GOOD:
        return ()
    slot = next((s.name for s in catalog.schema.slots.values() if column in s.columns), None)
    return (Evidence("reception", f"{rating:g}", slot),)


def _novelty(query: Query, item: Item, likes: Sequence[Item], catalog: Catalog) -> tuple[Evidence, ...]:
    """A value of the leading tags (genre, for films) when nothing liked has any of them and nobody asked for it."""
    slot = next((s for s in catalog.schema.slots.values() if s.type == "tags"), None)
    if slot is None or len(likes) < FAMILIAR or any(c.slot == slot.name and c.op != "not" for c in query.constraints):
        return ()
    own = [v for column in slot.columns for v in item.attributes.get(column, ())]
    familiar = {v for other in likes for column in slot.columns for v in other.attributes.get(column, ())}
    return (Evidence("novelty", own[0], slot.name),) if own and familiar.isdisjoint(own) else ()
