"""Evidence is true of the item, and closeness is claimed only of what the score depends on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from chatrec.catalog import Catalog
from chatrec.explain import ALIKE, ANCHORS, NEIGHBOURS, because_of, explain, explain_all, liked
from chatrec.schema import Schema, Slot
from chatrec.types import Constraint, Event, Evidence, Item, Query, RankedList, Recommendation

ROWS = (
    ("alien", ("Horror", "Sci-Fi"), ("Ridley Scott",), ("Sigourney Weaver",), 1979.0, 93.0),
    ("aliens", ("Action", "Sci-Fi"), ("James Cameron",), ("Sigourney Weaver",), 1986.0, 91.0),
    ("blade-runner", ("Sci-Fi", "Thriller"), ("Ridley Scott",), ("Harrison Ford",), 1982.0, 89.0),
    ("heat", ("Crime", "Thriller"), ("Michael Mann",), ("Al Pacino",), 1995.0, 79.0),
    ("sabrina", ("Comedy", "Romance"), ("Sydney Pollack",), ("Harrison Ford",), 1995.0, 61.0),
    ("notting-hill", ("Comedy", "Romance"), ("Roger Michell",), ("Julia Roberts",), 1999.0, 83.0),
    ("amadeus", ("Biography", "Music"), ("Milos Forman",), ("Tom Hulce",), 1984.0, 95.0),
)


@pytest.fixture(scope="module")
def films() -> Catalog:
    columns = ("genres", "directors", "cast", "year", "score")
    items = tuple(Item(row[0], row[0].title(), dict(zip(columns, row[1:], strict=True))) for row in ROWS)
    slots = (
        Slot("genre", "tags", ("genres",), "genre"),
        Slot("person", "people", ("directors", "cast"), "person"),
        Slot("year", "number", ("year",), "year"),
        Slot("rating", "number", ("score",), "rating"),
    )
    columns = {"id": "id", "title": "title", "year": "year", "reception": "score"}
    return Catalog(Schema("films", "film", "films", columns, {s.name: s for s in slots}), items, "test")


class Overlap:
    """A scorer for tests: genres and people shared with anchors and likes, and how often it was asked."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog, self.calls = catalog, 0

    def __call__(self, query: Query, indices: np.ndarray) -> np.ndarray:
        self.calls += 1
        near = [*query.anchors, *(e.item_id for e in query.history if e.kind == "like")]
        others = [self._values(item) for item in self.catalog.items if item.item_id in near]
        own = [self._values(self.catalog.items[int(i)]) for i in indices]
        return np.array([sum(len(o & values) for o in others) for values in own], dtype=np.float32)

    def _values(self, item: Item) -> set[str]:
        return {v for column in ("genres", "directors", "cast") for v in item.attributes[column]}


def _why(films: Catalog, item_id: str, **query) -> tuple[Evidence, ...]:
    return explain(Query("films", **query), films, films.index(item_id), Overlap(films))


def _likes(*item_ids: str) -> tuple[Event, ...]:
    return tuple(Event(item_id, "like", float(at)) for at, item_id in enumerate(item_ids))


def _cited(evidence: tuple[Evidence, ...], *kinds: str) -> list[str]:
    return [i for e in evidence if e.kind in kinds for i in e.item_ids]


def test_wishes_met_are_evidence_with_the_items_own_values(films):
    wishes = (
        Constraint("genre", "is", ("sci-fi", "Western")),
        Constraint("year", "min", (1970.0,)),
        Constraint("genre", "is", ("Horror", "Comedy"), soft=True),
    )
    found = [(e.slot, e.value) for e in _why(films, "alien", constraints=wishes) if e.kind == "constraint"]
    assert found == [("genre", "Sci-Fi"), ("year", "1979"), ("genre", "Horror")]


def test_wishes_not_met_and_exclusions_are_no_evidence(films):
    wishes = (Constraint("genre", "is", ("Comedy",), soft=True), Constraint("genre", "not", ("Romance",)))
    assert not [e for e in _why(films, "alien", constraints=wishes) if e.kind == "constraint"]


def test_a_like_is_cited_only_where_the_score_depends_on_it(films):
    near, far = (_why(films, item, history=_likes("aliens")) for item in ("alien", "notting-hill"))
    assert _cited(near, "history") == ["aliens"]
    assert [e.effect for e in near if e.kind == "history"] == [2.0]
    assert _cited(far, "history") == []


def test_what_lifts_every_item_alike_is_not_cited(films):
    """A scorer that adds one to everything for each like: no item is close to anything."""

    def lifts_all(query: Query, indices: np.ndarray) -> np.ndarray:
        return np.full(len(indices), float(len(query.history)), dtype=np.float32)

    evidence = explain(Query("films", history=_likes("aliens")), films, films.index("alien"), lifts_all)
    assert _cited(evidence, "anchor", "history") == []


def test_an_anchor_that_was_also_liked_is_cited_once_as_anchor(films):
    evidence = _why(films, "alien", anchors=("aliens",), history=_likes("aliens"))
    assert [(e.kind, e.item_ids) for e in evidence if e.kind in ("anchor", "history")] == [("anchor", ("aliens",))]


@pytest.mark.parametrize("kind", ["seen", "accept", "dislike", "reject"])
def test_seen_picked_or_rejected_is_not_liked(films, kind):
    assert liked((Event("aliens", kind, 0.0),)) == ()


def test_the_latest_judgement_counts(films):
    history = (
        Event("alien", "like", 0.0),
        Event("heat", "rating", 1.0, 3.5),
        Event("aliens", "rating", 2.0, 4.0),
        Event("sabrina", "dislike", 3.0),
        Event("alien", "dislike", 4.0),
        Event("sabrina", "like", 5.0),
        Event("sabrina", "seen", 6.0),
    )
    assert liked(history) == ("sabrina", "aliens")


def test_people_are_evidence_when_they_did_the_same_elsewhere(films):
    people = [e for e in _why(films, "blade-runner", history=_likes("alien", "heat")) if e.kind == "people"]
    assert [(e.value, e.item_ids) for e in people] == [("Ridley Scott", ("alien",))]


@pytest.mark.parametrize(("item_id", "said"), [("heat", ["79"]), ("sabrina", [])])
def test_only_a_good_rating_is_a_reason(films, item_id, said):
    assert [e.value for e in _why(films, item_id) if e.kind == "reception"] == said


def test_new_is_only_what_shares_no_genre_with_anything_liked(films):
    likes = _likes("alien", "aliens", "heat")
    assert [e.value for e in _why(films, "notting-hill", history=likes) if e.kind == "novelty"] == ["Comedy"]
    assert not [e for e in _why(films, "blade-runner", history=likes) if e.kind == "novelty"]


def test_what_was_asked_for_is_not_called_new(films):
    wish = Constraint("genre", "is", ("Comedy",))
    evidence = _why(films, "notting-hill", history=_likes("alien", "aliens", "heat"), constraints=(wish,))
    assert not [e for e in evidence if e.kind == "novelty"]


def test_likes_that_left_the_catalogue_do_no_harm(films):
    assert _cited(_why(films, "alien", history=_likes("gone", "aliens"), anchors=("gone",)), "history") == ["aliens"]


def test_an_empty_list_needs_no_reasons(films):
    assert explain_all(Query("films"), films, [], Overlap(films)) == ()


def test_a_long_history_costs_a_handful_of_scorings(movies):
    """However many likes and items; and the strongest neighbour is among those tried."""
    score = Overlap(movies)
    twin = movies.items[5]
    history = _likes(twin.item_id, *(item.item_id for item in movies.items[1000:1300]))
    anchors = tuple(item.item_id for item in movies.items[10:20])
    evidence = explain_all(Query("movies", anchors=anchors, history=history), movies, [5, *range(6, 10)], score)
    assert len(evidence) == 5
    assert score.calls <= 1 + ANCHORS + NEIGHBOURS


def test_the_nearest_of_many_likes_is_found(films):
    history = _likes("blade-runner", "sabrina", "notting-hill", "heat", "amadeus", "sabrina", "notting-hill", "aliens")
    assert set(_cited(_why(films, "alien", history=history), "history")) == {"blade-runner", "aliens"}


def test_feedback_is_credited_with_the_items_that_fall_without_it(films):
    query = Query("films", history=_likes("alien"))
    lines = [films.item(i) for i in ("notting-hill", "blade-runner", "aliens", "amadeus")]
    ranked = RankedList("films", tuple(Recommendation(n, item, 0.0, 0.5, "") for n, item in enumerate(lines, start=1)))
    risen = because_of(query.history[0], ranked, query, Overlap(films), films)
    assert [item.item_id for item in risen] == ["blade-runner", "aliens"]
    assert because_of(query.history[0], RankedList("films", ()), query, Overlap(films), films) == ()


def test_what_other_people_like_is_said_where_it_is_known_and_where_the_score_depends_on_it(films):
    rated = csr_matrix(np.where(np.eye(len(films)) == 1, 0.0, 0.5))
    liked_alien = Query("films", history=_likes("aliens"))
    near, far = (
        explain(liked_alien, films, films.index(item), Overlap(films), rated) for item in ("alien", "notting-hill")
    )
    assert _cited(near, "others") == ["aliens"]
    assert _cited(far, "others") == []
    assert _cited(explain(liked_alien, films, films.index("alien"), Overlap(films)), "others") == []


def test_too_few_common_friends_are_not_mentioned(films):
    rated = csr_matrix(np.full((len(films), len(films)), ALIKE - 0.01))
    evidence = explain(Query("films", history=_likes("aliens")), films, films.index("alien"), Overlap(films), rated)
    assert _cited(evidence, "others") == []
