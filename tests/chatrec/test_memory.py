"""What a conversation knows of somebody who has not agreed behaves like the store, and moves into it with a yes."""

from __future__ import annotations

import json

import pytest

from chatrec.memory import Passing
from chatrec.types import Constraint, Event

HORROR = Constraint("genre", "is", ("Horror",), "horror")
NO_HORROR = Constraint("genre", "not", ("Horror",), "no horror")
THRILLER = Constraint("genre", "is", ("Thriller",), "thrillers")


class Tracked:
    """A conversation's memory that goes through JSON after every call, as it does in Rasa's tracker."""

    def __init__(self) -> None:
        self._saved: dict = {}

    def __getattr__(self, name):
        def call(*arguments):
            passing = Passing(json.loads(json.dumps(self._saved)))
            result = getattr(passing, name)(*arguments)
            self._saved = passing.to_json()
            return result

        return call


@pytest.fixture(params=["store", "passing"])
def memory(request, store):
    """Both kinds."""
    return store if request.param == "store" else Tracked()


def test_events_stances_and_sentences(memory, store):
    user = store.user("web:1")
    assert memory.add_event(user, "movies", Event("alien", "like", 1.0), "k1", "I loved Alien")
    assert not memory.add_event(user, "movies", Event("alien", "like", 1.0), "k1", "again")
    memory.add_event(user, "movies", Event("alien", "seen", 2.0), "k2", "seen it")
    memory.add_event(user, "books", Event("dune", "like", 3.0), "k3")
    assert [e.kind for e in memory.events(user, "movies")] == ["like", "seen"]
    assert {i: e.kind for i, e in memory.stances(user, "movies").items()} == {"alien": "like"}
    assert memory.said(user, "movies") == {"alien": "seen it"}
    assert memory.forget_item(user, "movies", "alien") and memory.events(user, "movies") == ()
    assert len(memory.events(user, "books")) == 1


def test_wishes(memory, store):
    user = store.user("web:1")
    memory.remember(user, "movies", HORROR, "I love horror")
    memory.remember(user, "movies", NO_HORROR, "no more horror")
    [kept] = memory.preferences(user)
    assert (kept.catalog, kept.constraint, kept.said) == ("movies", NO_HORROR, "no more horror")
    assert memory.correct_preference(user, kept.preference_id, THRILLER, "but thrillers")
    assert [k.constraint for k in memory.preferences(user)] == [THRILLER]
    assert memory.forget_preference(user, kept.preference_id) and memory.preferences(user) == ()
    assert not memory.forget_preference(user, kept.preference_id)


def test_nobody_forgets_the_wish_of_another(store):
    mine, theirs = store.user("web:1"), store.user("web:2")
    number = store.remember(theirs, "movies", HORROR)
    assert not store.forget_preference(mine, number) and not store.correct_preference(mine, number, THRILLER)
    assert [k.constraint for k in store.preferences(theirs)] == [HORROR]


def test_a_no_takes_everything_back_into_the_conversation(store):
    user = store.user("web:1")
    store.add_event(user, "movies", Event("alien", "like", 1.0, impression_id="list"), "k1", "I loved Alien")
    store.remember(user, "movies", HORROR, "I love horror")
    passing = Passing.of(store, user)
    assert passing.events(user, "movies") == store.events(user, "movies")
    assert passing.said(user, "movies") == store.said(user, "movies")
    assert passing.preferences(user) == store.preferences(user)


def test_a_yes_moves_everything_into_the_store_once(store):
    passing, user = Passing(), store.user("web:1")
    passing.add_event(user, "movies", Event("alien", "like", 1.0), "k1", "I loved Alien")
    passing.remember(user, "movies", HORROR, "I love horror")
    passing.keep(store, user)
    assert store.said(user, "movies") == {"alien": "I loved Alien"}
    assert [(k.constraint, k.said) for k in store.preferences(user)] == [(HORROR, "I love horror")]
    assert passing.events(user, "movies") == () and passing.preferences(user) == ()
