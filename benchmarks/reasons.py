"""Whether reasons are true: ``python -m benchmarks.reasons [--json]``.

Lists for varied queries over every catalogue, as the bot makes them. Of each explanation three things are checked,
none by the code that made it: the sentence, by ``factcheck``; each piece of evidence, against the rows; and
each item that is cited because of the user, by scoring once more without it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import Figures, run
from chatrec.bootstrap import recommenders_of
from chatrec.catalog import Catalog, load_catalogs
from chatrec.encoder import load_encoder
from chatrec.factcheck import check
from chatrec.recommender import Recommender
from chatrec.settings import Settings
from chatrec.types import Constraint, Event, Evidence, Item, Query, Turn

LISTS, LENGTH = 60, 10  # for each catalogue
SEED = 20


@dataclass(frozen=True)
class Explained:
    """One line of a list and what it answered to."""

    query: Query
    item: Item
    sentence: str
    evidence: tuple[Evidence, ...]


def queries(catalog: Catalog, count: int, rng: random.Random) -> Iterator[Query]:
    """Varied requests: wishes that some item meets, moods' worth of tags, items to be like, short and long histories,
    and nothing at all."""
    for _ in range(count):
        seed = rng.choice(catalog.items)
        wishes = tuple(_wishes(seed, catalog, rng))
        anchors = tuple(_near(seed, catalog, rng) for _ in range(rng.choice((0, 0, 0, 1, 2))))
        history = tuple(_event(seed, catalog, rng, at) for at in range(rng.choice((0, 1, 2, 5, 12))))
        said = " ".join(str(v) for wish in wishes for v in wish.values)
        yield Query(
            catalog.schema.name,
            turns=(Turn("user", f"something {said}"),) if said else (),
            constraints=wishes,
            anchors=anchors,
            history=history,
            exclude=frozenset({*anchors, *(event.item_id for event in history)}),
            n=LENGTH,
            topic="",
        )


def _wishes(seed: Item, catalog: Catalog, rng: random.Random) -> Iterator[Constraint]:
    for slot in catalog.schema.slots.values():
        values = seed.attributes.get(slot.columns[0])
        if values is None or slot.type == "text" or not slot.reason or rng.random() > 0.15:
            continue
        soft = rng.random() < 0.3
        if isinstance(values, float):
            yield Constraint(slot.name, rng.choice(("min", "max")), (values,), soft=soft)
        else:
            yield Constraint(slot.name, "is", (rng.choice(values),), soft=soft)


def _near(seed: Item, catalog: Catalog, rng: random.Random) -> str:
    """An item with something in common with another, or any."""
    slots = [slot for slot in catalog.schema.slots.values() if slot.type == "tags"]
    owners = [catalog.values(s.name)[v] for s in slots for v in seed.attributes.get(s.columns[0], ())]
    pool = rng.choice(owners) if owners and rng.random() < 0.7 else range(len(catalog))
    return catalog.items[int(pool[rng.randrange(len(pool))])].item_id


def _event(seed: Item, catalog: Catalog, rng: random.Random, at: int) -> Event:
    kind = rng.choice(("like", "like", "like", "rating", "dislike", "seen"))
    value = rng.choice((2.0, 3.0, 4.0, 5.0)) if kind == "rating" else None
    return Event(_near(seed, catalog, rng), kind, float(at), value)


def explained(recommender: Recommender, count: int, rng: random.Random) -> Iterator[Explained]:
    """Every line of ``count`` lists."""
    for query in queries(recommender.catalog, count, rng):
        ranked = recommender.recommend(query)
        asked = replace(query, constraints=tuple(c for c in query.constraints if c not in ranked.relaxed))
        for line in ranked.items:
            yield Explained(asked, line.item, line.reason, line.evidence)


def untrue(one: Explained, catalog: Catalog, recommender: Recommender) -> list[str]:
    """What in the evidence the rows, the query or the knowledge do not bear out; empty when all is true."""
    return [str(e) for e in one.evidence if not _true(e, one, catalog, recommender)]


def _true(evidence: Evidence, one: Explained, catalog: Catalog, recommender: Recommender) -> bool:
    own = _values(one.item, catalog)
    others = [catalog.item(i) for i in evidence.item_ids]
    if evidence.kind == "constraint":
        return evidence.value in own and evidence.slot in {c.slot for c in one.query.constraints if c.op != "not"}
    if evidence.kind in ("people", "shared"):
        return evidence.value in own and all(evidence.value in _values(other, catalog) for other in others)
    if evidence.kind == "anchor":
        return set(evidence.item_ids) <= set(one.query.anchors)
    if evidence.kind == "history":
        return set(evidence.item_ids) <= favourites(one.query.history)
    if evidence.kind == "others":
        rated = recommender.generator.known.rated
        return all(rated[catalog.index(o.item_id), catalog.index(one.item.item_id)] > 0 for o in others)
    if evidence.kind == "reception":
        return evidence.value == f"{one.item.attributes[catalog.schema.columns['reception']]:g}"
    liked = {v for i in favourites(one.query.history) for v in _values(catalog.item(i), catalog)}
    return evidence.value in own - liked


def favourites(history: Sequence[Event]) -> set[str]:
    """Items whose last judgement is a like, or four stars and more."""
    judged = {e.item_id: e for e in history if e.kind in ("like", "dislike", "reject", "rating")}
    return {i for i, e in judged.items() if e.kind == "like" or (e.kind == "rating" and (e.value or 0) >= 4)}


def _values(item: Item, catalog: Catalog) -> set[str]:
    found = (item.attributes.get(c, ()) for slot in catalog.schema.slots.values() for c in slot.columns)
    return {v for value in found for v in ((f"{value:.15g}", f"{value:g}") if isinstance(value, float) else value)}


def effects(one: Explained, recommender: Recommender) -> list[float]:
    """How far the item's score falls without each item that is cited because of the user: scored once more here."""
    at = np.array([recommender.catalog.index(one.item.item_id)])
    cited = [i for e in one.evidence if e.kind in ("anchor", "history", "others") for i in e.item_ids]
    full = float(recommender.score(one.query, at)[0])
    return [full - float(recommender.score(_never_met(one.query, item_id), at)[0]) for item_id in cited]


def _never_met(query: Query, item_id: str) -> Query:
    history = tuple(event for event in query.history if event.item_id != item_id)
    return replace(query, history=history, anchors=tuple(a for a in query.anchors if a != item_id))


def judge(recommender: Recommender, count: int, rng: random.Random) -> Figures:
    """Figures of one catalogue."""
    catalog, lines, kinds, problems, falls = recommender.catalog, 0, Counter(), [], []
    for one in explained(recommender, count, rng):
        lines += 1
        kinds.update({e.kind for e in one.evidence})
        problems += check(one.sentence, one.item, one.evidence, catalog)
        problems += untrue(one, catalog, recommender)
        falls += effects(one, recommender)
    return {
        "catalogue": catalog.schema.name,
        "explanations": lines,
        "unsupported": len(problems),
        "cited": len(falls),
        "with_effect": sum(fall > 0 for fall in falls),
        "smallest_effect": round(min(falls, default=0.0), 4),
        "kinds": dict(kinds.most_common()),
        "problems": problems[:5],
    }


def measure(settings: Settings) -> Figures:
    encoder, recommend = load_encoder(settings), recommenders_of(settings)
    rng = random.Random(SEED)
    rows = [judge(recommend(c, encoder), LISTS, rng) for c in load_catalogs(settings.catalogs).values()]
    total = {key: sum(row[key] for row in rows) for key in ("explanations", "unsupported", "cited", "with_effect")}
    return {"all": total, "catalogues": rows}


if __name__ == "__main__":
    run(__doc__.splitlines()[0], measure)
