"""Which lists are flagged, and what a reviewer's word does."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from chatrec.bootstrap import Engine
from chatrec.cli import main
from chatrec.review import complaints, flagged
from chatrec.settings import Settings
from chatrec.types import Constraint, Event, Query, RankedList, Recommendation, Turn

ALIEN, GODFATHER, SHINING = "tt0078748", "tt0068646", "tt0081505"
COMEDY = Constraint("genre", "is", ("Comedy",), "comedy")
DRAMA = Constraint("genre", "is", ("Drama",), "drama")


@pytest.fixture
def shown(store, movies):
    """Show a user a list: ``shown("imp1", constraints)`` -> the user's key."""
    user = store.user("webchat:somebody")

    def show(name: str, *constraints: Constraint, items=(ALIEN, GODFATHER, SHINING)) -> str:
        lines = tuple(Recommendation(n, movies.item(i), 1.0, 0.5, "") for n, i in enumerate(items, 1))
        query = Query("movies", constraints=constraints)
        store.add_impression(user, RankedList("movies", lines, impression_id=name), query, [1.0] * len(items))
        time.sleep(0.002)  # so that the order in time is the order of the calls
        return user

    return show


@pytest.fixture
def queue(store, movies, settings):
    """The names and reasons of what is flagged now."""
    words = complaints(settings.root / "data" / "review.toml")
    return lambda: {f.shown.impression_id: f.reasons for f in flagged(store.shown(0.0), {"movies": movies}, words)}


def test_a_list_that_keeps_no_wish_is_flagged_and_one_that_keeps_some_is_not(shown, queue):
    shown("none", COMEDY)
    shown("some", COMEDY, Constraint("year", "min", (1970.0,)))
    shown("soft", replace(COMEDY, soft=True))
    shown("fine", items=(GODFATHER,))
    assert queue() == {"none": ("relaxed",)}


def test_three_of_a_list_turned_down_are_flagged_and_two_are_not(store, shown, queue):
    for name, items in (("two", (ALIEN, GODFATHER)), ("three", (ALIEN, GODFATHER, SHINING))):
        user = shown(name)
        for item in items:
            store.add_event(user, "movies", Event(item, "dislike", time.time(), impression_id=name), f"{name} {item}")
    assert queue() == {"three": ("turned down",)}


@pytest.mark.parametrize("text, expected", [("That’s wrong!", True), ("this is OFFENSIVE", True), ("go on", False)])
def test_an_objection_flags_the_list_before_it(text, expected, store, shown, queue):
    shown("before")
    user = shown("about")
    store.add_turn(user, "talk", Turn("user", text), time.time(), "k1")
    time.sleep(0.002)
    shown("after")
    assert queue() == ({"about": ("objection",)} if expected else {})


def test_what_was_reviewed_does_not_come_back(store, shown, queue):
    shown("none", COMEDY)
    (one,) = store.shown(0.0)
    store.review(one, "accept")
    assert queue() == {}


def test_a_hidden_item_is_recommended_to_nobody_and_outlives_the_user(store, shown):
    user = shown("none", COMEDY)
    store.hide("movies", ALIEN)
    store.hide("movies", ALIEN)
    store.forget(user)
    assert store.hidden("movies") == {ALIEN}
    assert store.hidden("books") == frozenset()
    asked: list[Query] = []

    class Recorder:
        def recommend(self, query: Query) -> RankedList:
            asked.append(query)
            return RankedList("movies", ())

    Engine(Settings(), store, {}, {}, {"movies": Recorder()}, None, {}).recommend("u", Query("movies"))
    assert ALIEN in asked[0].exclude


def test_the_command_lists_the_queue_and_takes_a_reviewers_word(store, url, shown, capsys, monkeypatch, settings):
    shown("none", COMEDY)
    shown("other", COMEDY, DRAMA, items=(ALIEN,))
    assert main(["review", "--json", "--db", url]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["impression_id"] == "none"
    assert first["wishes"] == "Comedy"
    assert [item["item_id"] for item in first["items"]] == [ALIEN, GODFATHER, SHINING]
    words = iter(["what?", "hide 9", "hide 2", "accept", "note wrong genre in the catalogue"])
    monkeypatch.setattr("builtins.input", lambda _: next(words))
    assert main(["review", "--db", url]) == 0
    assert "The Godfather (1972)" in capsys.readouterr().out
    assert store.hidden("movies") == {GODFATHER}
    assert list(store.shown(0.0)) == []
