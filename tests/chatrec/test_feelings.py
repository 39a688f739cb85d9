"""How somebody feels: heard, said, gentle, taken back, gone with time, and never in health."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_films import encoder, films

from chatrec import feelings
from chatrec.candidates import CandidateGenerator
from chatrec.dialogue import State
from chatrec.errors import BadInput
from chatrec.feelings import FINE, NONE, Listener
from chatrec.types import Constraint, Mention, Query

NOW = 1_000_000.0
TIRED = State("movies", feeling="tired", felt=NOW, felt_last=True)


def test_a_listener_hears_what_it_has_learnt(tmp_path):
    rng = np.random.default_rng(0)
    middles = {"tired": [1, 0, 0], "happy": [0, 1, 0], NONE: [0, 0, 1]}
    known = [(name, middle + 0.1 * rng.normal(size=3)) for name, middle in middles.items() for _ in range(20)]
    listener = Listener.fit([name for name, _ in known], np.array([vector for _, vector in known]))
    listener.save(tmp_path)
    again = Listener.load(tmp_path)
    for name in ("tired", "happy"):
        heard, chance = again.hear(np.array([middles[NONE], middles[name]]))  # one sentence of two
        assert heard == name and chance > 0.5
    assert again.hear(np.array([middles[NONE]]))[1] < 0.3


def test_nothing_is_learnt_without_messages_that_tell_of_no_feeling():
    with pytest.raises(BadInput, match="feelings"):
        Listener.fit(["tired", "happy"], np.eye(2))


def test_health_hears_no_feeling_and_changes_nothing(catalogs):
    health = catalogs["health"]
    assert not health.schema.feelings
    query = Query("health", constraints=(Constraint("minutes", "max", (20.0,)),))
    for name in ("tired", "sad", "stressed", "angry", FINE):
        before = replace(TIRED, catalog="health")
        assert feelings.heard(name, "I am so tired", before, health, NOW) == NONE
        assert feelings.leaning(query, before, health, NOW) == query


def test_the_feeling_goes_along_to_another_catalogue_and_is_silent_in_health(catalogs):
    there = TIRED.move("health")
    assert feelings.leaning(Query("health"), there, catalogs["health"], NOW).leaning == ()
    assert feelings.leaning(Query("travel"), there.move("travel"), catalogs["travel"], NOW).leaning


@pytest.mark.parametrize(
    ("feeling", "text", "before", "expected"),
    [
        ("tired", "so tired", State("movies"), "tired"),
        ("tired", "I told you I'm tired", TIRED, NONE),  # no news
        ("sad", "and sad too", TIRED, "sad"),
        (FINE, "no, I'm fine", TIRED, FINE),
        (FINE, "I'm fine", State("movies"), NONE),
        (NONE, "undo", TIRED, FINE),
        (NONE, "undo", replace(TIRED, felt_last=False), NONE),  # then it means the list
        ("grumpy", "so grumpy", State("movies"), NONE),
    ],
)
def test_what_is_news(feeling, text, before, expected, movies):
    assert feelings.heard(feeling, text, before, movies, NOW) == expected


def test_a_feeling_lasts_for_hours_and_not_for_ever(movies):
    state = feelings.felt(State("movies"), "tired", movies, NOW)
    assert (state.feeling, state.felt_last) == ("tired", True)
    assert feelings.leaning(Query("movies"), state, movies, NOW + 60).leaning
    assert not feelings.leaning(Query("movies"), state, movies, NOW + feelings.LASTS + 1).leaning
    assert not feelings.felt(state, FINE, movies, NOW).feeling


def test_anger_moves_nothing(movies):
    state = feelings.felt(TIRED, "angry", movies, NOW)
    assert state.feeling == "tired"
    assert not movies.schema.feelings["angry"].leaning


def test_what_is_asked_for_goes_before_what_is_felt(movies):
    query = Query("movies", constraints=(Constraint("genre", "is", ("War",)),))
    leaning = feelings.leaning(query, TIRED, movies, NOW)
    assert {c.slot for c in leaning.leaning} == {"length"}
    assert feelings.says(leaning, "tired", movies) == "shorter"
    assert leaning.gently < movies.schema.feelings["tired"].weight
    assert (
        feelings.says(feelings.leaning(Query("movies"), TIRED, movies, NOW), "tired", movies) == "lighter and shorter"
    )


def test_what_does_not_go_against_the_feeling_leans_with_it(movies):
    """Of westerns the comforting ones; of horror films none, and "not horror" is what somebody sad would say."""
    sad = replace(TIRED, feeling="sad")
    for op, value, expected in (("is", "Western", True), ("is", "Horror", False), ("not", "Horror", True)):
        query = Query("movies", constraints=(Constraint("genre", op, (value,)),))
        assert bool(feelings.says(feelings.leaning(query, sad, movies, NOW), "sad", movies)) == expected


def test_a_leaning_is_soft_and_small(catalogs):
    for catalog in catalogs.values():
        for feeling in catalog.schema.feelings.values():
            assert all(c.soft for c in feeling.leaning)
            assert feeling.weight <= 1.0


def test_a_leaning_moves_the_order_and_removes_nothing(tmp_path):
    catalog = films()
    generator = CandidateGenerator(catalog, encoder(), tmp_path)
    query = Query(catalog.schema.name)
    genre = next(iter(catalog.values("genre")))
    leaning = replace(query, leaning=(Constraint("genre", "is", (genre,), soft=True),), gently=0.2)
    plain, moved = generator.generate(query, 1000), generator.generate(leaning, 1000)
    assert set(plain.indices) == set(moved.indices)
    gained = dict(zip(moved.indices, moved.scores, strict=True))
    for index, score in zip(plain.indices, plain.scores, strict=True):
        met = bool(catalog.mask(leaning.leaning[0])[index])
        assert gained[index] - score == pytest.approx(0.2 * met, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "intent", "left"),
    [
        ("I'm exhausted, show me a comedy", "ask_recommendation", "show me a comedy"),
        ("show me a comedy, I'm exhausted", "ask_recommendation", "show me a comedy,"),
        ("I need to calm down", "express_mood", ""),
    ],
)
def test_what_tells_of_the_feeling_is_nothing_to_search_by(text, intent, left, movies):
    said, _ = feelings.aside(text, intent, "tired", (), movies)
    assert said.strip(" ,") == left.strip(" ,") and len(said) == len(text)


def test_im_sad_is_no_wish_for_sad_films(movies):
    sad = Mention("mood", 4, 7, "sad", "sad", (Constraint("genre", "is", ("Drama",), soft=True),))
    comedy = Mention("genre", 11, 17, "comedy", "Comedy", (Constraint("genre", "is", ("Comedy",)),))
    _, kept = feelings.aside("I'm sad, a comedy", "express_mood", "sad", (sad, comedy), movies)
    assert kept == (comedy,)
    assert feelings.aside("a sad one", "ask_recommendation", NONE, (sad,), movies)[1] == (sad,)


def test_feeling_romantic_is_no_wish_for_romances_alone(movies):
    romance = Mention("genre", 8, 16, "romantic", "Romance", (Constraint("genre", "is", ("Romance",)),))
    assert feelings.aside("feeling romantic", "express_mood", "romantic", (romance,), movies)[1] == ()
    length = Mention("length", 8, 16, "short", "short", (Constraint("length", "max", (95.0,)),))
    assert feelings.aside("feeling, short", "express_mood", "romantic", (length,), movies)[1] == (length,)
