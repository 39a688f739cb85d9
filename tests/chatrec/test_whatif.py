"""What would change the bot's mind is what another ranking says, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import small_films

from chatrec.candidates import CandidateGenerator
from chatrec.catalog import Catalog
from chatrec.rank import KeepOrder
from chatrec.recommender import Recommender
from chatrec.types import Constraint, Event, Item, Query
from chatrec.whatif import TRIED, changes


@pytest.fixture(scope="module")
def films() -> Catalog:
    return small_films.films()


@pytest.fixture(scope="module")
def recommender(films, tmp_path_factory) -> Recommender:
    generator = CandidateGenerator(films, small_films.encoder(), tmp_path_factory.mktemp("vectors"))
    return Recommender(films, generator, KeepOrder(), "dull")


def test_each_change_brings_its_item_to_the_top(films, recommender):
    comedy = Constraint("genre", "is", ("Comedy",), "comedies")
    query = Query("films", constraints=(comedy,), history=(Event("alien", "like", 1.0),), exclude=frozenset({"alien"}))
    order = recommender.order(query)
    found = {c.kind: c for c in changes(query, order[:5], lambda q: recommender.order(q)[0], films)}
    without = found["without_wish"]
    assert without.wish == comedy
    assert recommender.order(replace(query, constraints=()))[0] == without.first != order[0]
    for change in found.values():
        assert change.first != order[0]


def test_nothing_is_claimed_when_nothing_changes(films):
    always = films.item("heat")
    query = Query(
        "films", constraints=(Constraint("genre", "is", ("Thriller",)),), history=(Event("ronin", "like", 1.0),)
    )
    assert changes(query, (always, films.item("runner")), lambda _: always, films) == ()


def test_the_number_of_rankings_is_bounded(films):
    asked: list[Query] = []

    def first(query: Query) -> Item:
        asked.append(query)
        return films.item("alien")

    wishes = tuple(Constraint("year", "min", (float(year),)) for year in range(1950, 1970))
    history = tuple(Event(item.item_id, "like", 1.0) for item in films.items)
    changes(Query("films", constraints=wishes, history=history), films.items[:5], first, films)
    assert 0 < len(asked) <= TRIED
