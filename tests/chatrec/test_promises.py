"""What the project promises, counted over many recommendations: true reasons, constraints never broken."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import numpy as np
import pytest

from chatrec.bootstrap import Engine, build
from chatrec.explain import check
from chatrec.rank import KeepOrder
from chatrec.types import Constraint, Event, Query, Turn

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine(settings, tmp_path_factory) -> Engine:
    return build(replace(settings, db=f"sqlite:///{tmp_path_factory.mktemp('promises') / 'store.db'}"))


def random_query(engine: Engine, rng: random.Random) -> Query:
    """A genre and a time, a wish in words, something to be like, some history; any of them may be missing."""
    catalog = engine.catalog("movies")
    known = [item.item_id for item in catalog.items[:3000]]
    genres = list(catalog.values("genre"))
    wishes = [Constraint("genre", "is", (rng.choice(genres),))] if rng.random() < 0.5 else []
    wishes += [Constraint("genre", "not", (rng.choice(genres),))] if rng.random() < 0.3 else []
    wishes += [Constraint("year", "min", (float(rng.randrange(1950, 2010)),))] if rng.random() < 0.4 else []
    wishes += [Constraint("length", "max", (float(rng.randrange(90, 180)),))] if rng.random() < 0.3 else []
    said = rng.choice(
        ["", "something about space travel", "a heist gone wrong", "light and funny", "two lonely people"]
    )
    liked = tuple(Event(i, rng.choice(["like", "dislike", "seen"]), 0.0) for i in rng.sample(known, rng.randrange(4)))
    return Query(
        "movies",
        turns=(Turn("user", said),) if said else (),
        constraints=tuple(wishes),
        anchors=tuple(rng.sample(known, rng.randrange(2))),
        history=liked,
        exclude=frozenset(e.item_id for e in liked),
    )


def test_500_reasons_say_nothing_false(engine):
    """Each sentence is checked against the row by the fact checker, each evidence by the row itself."""
    rng, catalog, seen = random.Random(11), engine.catalog("movies"), 0
    recommender = replace(engine.recommender("movies"), ranker=KeepOrder())
    while seen < 500:
        query = random_query(engine, rng)
        for line in recommender.recommend(query).items:
            seen += 1
            assert check(line.reason, line.item, line.evidence, catalog) == (), (line.reason, line.item)
            values = {line.item.title, *(v for value in line.item.attributes.values() for v in _strings(value))}
            for evidence in line.evidence:
                assert evidence.value in values or evidence.kind == "novelty", (evidence, line.item)
                if evidence.kind in ("anchor", "history"):
                    assert evidence.effect > 0
                    assert set(evidence.item_ids) <= {*query.anchors, *(e.item_id for e in query.history)}


def test_1000_requests_in_words_never_show_what_was_ruled_out(engine):
    """ "No horror, after 2000, under two hours", in many wordings, through the linker and the whole engine."""
    rng, catalog = random.Random(7), engine.catalog("movies")
    quick = {"movies": replace(engine.recommender("movies"), ranker=KeepOrder())}
    engine = replace(engine, recommenders=quick)
    shown = 0
    for _ in range(1000):
        genre = rng.choice(["horror", "comedy", "drama", "romance", "war", "western", "animation", "crime"])
        year, hours = rng.randrange(1960, 2010), rng.choice(["90 minutes", "two hours", "2 hours", "100 min"])
        parts = [
            rng.choice([f"no {genre}", f"not {genre}", f"nothing with {genre}", f"anything but {genre}"]),
            rng.choice([f"after {year}", f"newer than {year}", f"from {year} or later"]),
            rng.choice([f"under {hours}", f"less than {hours}", f"shorter than {hours}"]),
        ]
        rng.shuffle(parts)
        ranked = engine.ask("movies", f"{rng.choice(['a film', 'something', 'show me a movie'])}, {', '.join(parts)}")
        minutes = int(re.search(r"\d+|two", hours)[0].replace("two", "2"))
        bounds = (
            Constraint("genre", "not", (genre,)),
            Constraint("year", "min", (float(year),)),
            Constraint("length", "max", (float(minutes if "min" in hours else minutes * 60),)),
        )
        for line in ranked.items:
            shown += 1
            broken = [b for b in bounds if not catalog.mask(b)[catalog.index(line.item.item_id)]]
            assert not broken, (parts, line.item)
        assert ranked.relaxed == () or {c.slot for c in ranked.relaxed} <= {"year", "length"}
    assert shown > 4500


def test_the_language_model_keeps_the_constraints_too(engine):
    """300 requests through the real ranker: nothing that was ruled out, nothing twice, nothing that is not there."""
    rng, catalog = random.Random(3), engine.catalog("movies")
    for _ in range(300):
        query = random_query(engine, rng)
        ranked = engine.recommender("movies").recommend(query)
        kept = [c for c in query.constraints if c not in ranked.relaxed]
        ids = [line.item.item_id for line in ranked.items]
        assert len(set(ids)) == len(ids)
        assert not set(ids) & query.exclude
        for constraint in kept:
            assert catalog.mask(constraint)[[catalog.index(i) for i in ids]].all()


def test_history_moves_the_list(engine):
    """For 100 users, what they liked changes the list, and its neighbours stand higher than without it."""
    rng, catalog = random.Random(5), engine.catalog("movies")
    recommender = replace(engine.recommender("movies"), ranker=KeepOrder())
    known = [item.item_id for item in catalog.items[:2000]]
    changed, risen = 0, []
    for _ in range(100):
        liked = Event(rng.choice(known), "like", 0.0)
        plain = Query("movies", exclude=frozenset({liked.item_id}))
        told = replace(plain, history=(liked,))
        before = [line.item.item_id for line in recommender.recommend(plain).items]
        after = [line.item.item_id for line in recommender.recommend(told).items]
        changed += before != after
        near = np.argsort(
            -(recommender.generator.vectors @ recommender.generator.vectors[catalog.index(liked.item_id)])
        )
        near = near[1:6]
        risen.append(float((recommender.generator.score(told, near) - recommender.generator.score(plain, near)).mean()))
    assert changed >= 95
    assert np.mean(np.array(risen) > 0) > 0.95


def _strings(value: tuple[str, ...] | float | str) -> tuple[str, ...]:
    if isinstance(value, float):
        return (f"{value:g}",)
    return (value,) if isinstance(value, str) else value
