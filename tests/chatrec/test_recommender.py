"""A list keeps what was asked for; where nothing can, it gives up as little as it takes and says what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_films import ROWS, encoder, films

from chatrec.candidates import CandidateGenerator, Candidates
from chatrec.catalog import Catalog
from chatrec.errors import UnknownItem
from chatrec.rank import KeepOrder
from chatrec.recommender import Recommender
from chatrec.schema import Schema
from chatrec.types import Constraint, Event, Evidence, Item, Query, RankedList

FILMS = films()
SOFTNESS = {name: slot.softness for name, slot in FILMS.schema.slots.items()}
COMEDY, MUSIC, ROMANCE, SCIFI = (Constraint("genre", "is", (v,)) for v in ("Comedy", "Music", "Romance", "Sci-Fi"))
FORD, HULCE = (Constraint("person", "is", (v,)) for v in ("Harrison Ford", "Tom Hulce"))
SINCE_1997 = Constraint("year", "min", (1997.0,))


def wish(slot: str, ops: list[str], values: st.SearchStrategy) -> st.SearchStrategy[Constraint]:
    return st.builds(Constraint, st.just(slot), st.sampled_from(ops), st.tuples(values), soft=st.booleans())


years = wish("year", ["min", "max"], st.integers(1970, 2005))
genres = wish("genre", ["is", "not"], st.sampled_from([*FILMS.values("genre"), "Western"]))
people = wish("person", ["is"], st.sampled_from([*FILMS.values("person")]))
wishes = st.lists(years | genres | people, max_size=5, unique=True).map(tuple)
some = st.lists(st.sampled_from([*ROWS]), max_size=4, unique=True)


@pytest.fixture(scope="module")
def recommender(tmp_path_factory) -> Recommender:
    generator = CandidateGenerator(FILMS, encoder(), tmp_path_factory.mktemp("vectors"))
    return Recommender(FILMS, generator, KeepOrder(), "dull")


def ids(ranked: RankedList) -> list[str]:
    return [line.item.item_id for line in ranked.items]


def found(recommender: Recommender, constraints: tuple[Constraint, ...], exclude: frozenset[str] = frozenset()) -> bool:
    return bool(recommender.fitting(Query("films", constraints=constraints, exclude=exclude)).any())


@settings(deadline=None)
@given(said=wishes)
def test_no_more_is_given_up_than_it_takes_nothing_softer_is_left_and_what_was_ruled_out_stays(recommender, said):
    looser, given_up = recommender.relax(Query("films", constraints=said))
    kept = tuple(c for c in said if c not in given_up)
    negotiable = tuple(c for c in said if c.op != "not" and not c.soft)
    assert looser.constraints[: len(kept)] == kept
    assert {(c.slot, c.op) for c in looser.constraints[len(kept) :]} <= {(c.slot, c.op) for c in given_up}
    assert set(given_up) <= set(negotiable)
    assert found(recommender, kept) or not found(recommender, tuple(c for c in said if c not in negotiable))
    for back in given_up:
        assert not found(recommender, (*kept, back))
    for other in negotiable if len(given_up) == 1 else ():
        if found(recommender, tuple(c for c in said if c is not other)):
            assert SOFTNESS[other.slot] <= SOFTNESS[given_up[0].slot]


@pytest.mark.parametrize(
    ("said", "given_up"),
    [
        ((SINCE_1997, MUSIC), (MUSIC,)),
        ((MUSIC, SINCE_1997), (MUSIC,)),
        ((SINCE_1997, FORD), (SINCE_1997,)),
        ((ROMANCE, SCIFI), (ROMANCE,)),
        ((SCIFI, ROMANCE), (SCIFI,)),
        ((ROMANCE, MUSIC, SCIFI), (ROMANCE, MUSIC)),
    ],
    ids=["genre", "genre, said first", "year", "older genre", "older genre, the other way", "the two older of three"],
)
def test_the_softest_wish_goes_first_and_of_equals_the_older_one(recommender, said, given_up):
    assert recommender.recommend(Query("films", constraints=said)).relaxed == given_up


@pytest.mark.parametrize(("op", "bound"), [("max", 1900.0), ("min", 2100.0)])
def test_a_bound_that_nothing_meets_is_moved_as_far_as_a_list_of_the_nearest(recommender, op, bound):
    query = Query("films", constraints=(Constraint("year", op, (bound,)),), n=3)
    ranked = recommender.recommend(query)
    known = (item.attributes["year"] for item in FILMS.items if "year" in item.attributes)
    years = sorted(known, reverse=op == "min")[:3]
    assert ranked.relaxed == query.constraints
    assert sorted(line.item.attributes["year"] for line in ranked.items) == sorted(years)
    assert [(c.op, c.values) for c in ranked.stretched] == [(op, (years[-1],))]


def test_a_wish_against_what_was_ruled_out_is_given_up_and_the_ruling_kept(recommender):
    ranked = recommender.recommend(Query("films", constraints=(SCIFI, replace(SCIFI, op="not")), n=99))
    assert ranked.relaxed == (SCIFI,)
    assert ids(ranked)
    assert not [line for line in ranked.items if "Sci-Fi" in line.item.attributes["genres"]]


def test_when_everything_is_ruled_out_the_list_is_empty(recommender):
    nothing = Constraint("genre", "not", tuple(FILMS.values("genre")))
    ranked = recommender.recommend(Query("films", constraints=(COMEDY, nothing)))
    assert (ranked.items, ranked.relaxed) == ((), ())


@pytest.mark.parametrize(("shown", "left"), [({"hill", "bride"}, ["sabrina"]), ({"hill", "bride", "sabrina"}, [])])
def test_when_what_fits_was_shown_the_list_is_shorter_and_nothing_is_given_up(recommender, shown, left):
    ranked = recommender.recommend(Query("films", constraints=(ROMANCE,), exclude=frozenset(shown)))
    assert (ids(ranked), ranked.relaxed) == (left, ())


def test_giving_up_must_bring_something_new(recommender):
    """Without the comedy only a film is left that was shown, so the person goes, although it is dearer."""
    query = Query("films", constraints=(HULCE, COMEDY))
    assert recommender.recommend(query).relaxed == (COMEDY,)
    assert recommender.recommend(replace(query, exclude=frozenset({"amadeus"}))).relaxed == (HULCE,)


@settings(deadline=None)
@given(said=wishes)
def test_when_all_that_fits_was_shown_the_softest_wish_that_hides_something_new_is_given_up(recommender, said):
    query = Query("films", constraints=said)
    shown = frozenset(FILMS.items[i].item_id for i in np.flatnonzero(recommender.fitting(query)))
    looser, given_up = recommender.further(replace(query, exclude=shown))
    negotiable = [c for c in dict.fromkeys(said) if c.op != "not" and not c.soft]
    new = [c for c in negotiable if found(recommender, tuple(o for o in said if o != c), shown)]
    if not given_up:
        assert len(negotiable) < 2 or not new
        assert looser.constraints == said
        return
    assert given_up[0] in new
    assert recommender.fitting(looser).any()
    assert all(SOFTNESS[c.slot] <= SOFTNESS[given_up[0].slot] for c in new)


@settings(deadline=None)
@given(said=wishes, anchors=some, liked=some, exclude=some, n=st.integers(0, 15))
def test_a_list_holds_n_different_items_that_meet_what_was_not_given_up(recommender, said, anchors, liked, exclude, n):
    history = tuple(Event(item_id, "like", float(at)) for at, item_id in enumerate(liked))
    query = Query("films", (), said, tuple(anchors), history, frozenset(exclude), n)
    ranked = recommender.recommend(query)
    kept = [c for c in said if c not in ranked.relaxed and not c.soft]
    fit = np.all([FILMS.mask(c) for c in kept], axis=0) if kept else np.ones(len(FILMS), dtype=bool)
    fitting = {item.item_id for item, good in zip(FILMS.items, fit, strict=True) if good} - set(exclude)
    assert len(ids(ranked)) == len(set(ids(ranked))) == min(n, len(fitting))
    assert set(ids(ranked)) <= fitting
    assert [line.rank for line in ranked.items] == list(range(1, len(ranked.items) + 1))


class Constant:
    """An encoder to which all texts are alike."""

    name, dimensions = "constant", 2

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (len(texts), 1))


def test_more_than_a_hundred_are_listed_when_asked_for(tmp_path):
    schema = Schema("things", "thing", "things", {"id": "id", "title": "title"}, {})
    things = Catalog(schema, tuple(Item(str(n), f"Thing {n}", {}) for n in range(120)))
    many = Recommender(things, CandidateGenerator(things, Constant(), tmp_path), KeepOrder(), "dull")
    assert len(many.recommend(Query("things", n=110)).items) == 110


class Backwards(KeepOrder):
    """A ranker that turns the order round."""

    def rank(self, query: Query, candidates: Candidates) -> Candidates:
        return candidates.take(np.arange(len(candidates.indices))[::-1])


class Unmoved(KeepOrder):
    """A ranker that takes back whatever a history brings."""

    def lift(self, query: Query, indices: np.ndarray) -> np.ndarray:
        return np.full(len(indices), -10.0 * len(query.history), dtype=np.float32)


def test_a_like_is_cited_only_if_the_whole_score_falls_without_it(recommender):
    """What the ranker adds counts too: here every score rises when the like is taken away."""
    liked = Query("films", history=(Event("alien", "like", 0.0),))

    def cited(ranker) -> list[Evidence]:
        lines = replace(recommender, ranker=ranker).recommend(liked).items
        return [evidence for line in lines for evidence in line.evidence if evidence.kind == "history"]

    assert cited(KeepOrder())
    assert not cited(Unmoved())


def test_the_ranker_decides_the_order_and_reasons_stay_with_their_items(recommender):
    query = Query("films", constraints=(Constraint("year", "min", (1900.0,)),), n=99)
    plain, turned = recommender.recommend(query), replace(recommender, ranker=Backwards()).recommend(query)
    assert ids(turned) == ids(plain)[::-1]
    for line in (*plain.items, *turned.items):
        assert [e.value for e in line.evidence if e.slot == "year"] == [f"{line.item.attributes['year']:g}"]


def test_interest_lies_between_0_and_1_and_falls_with_the_score(recommender):
    query = Query("films", anchors=("alien",), history=(Event("hill", "dislike", 0.0),), topic="space", n=99)
    lines = recommender.recommend(query).items
    assert all(0 < line.interest < 1 for line in lines)
    for one, other in zip(lines, lines[1:], strict=False):
        assert one.score > other.score
        assert one.interest > other.interest


def test_an_anchor_raises_its_neighbours(recommender):
    plain, near = (recommender.recommend(Query("films", anchors=a, n=99)) for a in ((), ("hill",)))
    for neighbour in ("sabrina", "bride"):
        assert ids(near).index(neighbour) < ids(plain).index(neighbour)
    assert ids(near).index("solaris") > ids(plain).index("solaris")


@pytest.mark.parametrize(("kind", "raised"), [("like", {"hill", "bride"}), ("dislike", set()), ("seen", set())])
def test_feedback_is_credited_only_with_items_whose_score_falls_without_it(recommender, kind, raised):
    event, other = Event("sabrina", kind, 1.0), Event("alien", "like", 0.0)
    with_it, without = (Query("films", history=h, n=99) for h in ((other, event), (other,)))
    credited = recommender.because_of(event, with_it, recommender.recommend(with_it))
    names = {item.item_id for item in credited}
    assert raised <= names
    assert bool(names) == bool(raised)
    places = np.array([FILMS.index(name) for name in names], dtype=np.int64)
    assert (recommender.generator.score(with_it, places) > recommender.generator.score(without, places)).all()


def test_any_item_is_explained_as_its_line_of_the_list_is(recommender):
    query = Query("films", constraints=(SCIFI,), anchors=("alien",), n=99)
    for line in recommender.recommend(query).items:
        reason, evidence = recommender.explain(query, line.item.item_id)
        assert evidence == line.evidence
        assert reason and line.reason
    assert recommender.explain(query, "hill")[0]
    with pytest.raises(UnknownItem):
        recommender.explain(query, "gone")


def test_a_list_says_where_it_is_from_and_has_an_id_of_its_own(recommender):
    one, other = (recommender.recommend(Query("films")) for _ in range(2))
    assert (one.catalog, one.model) == ("films", "dull")
    assert one.impression_id and one.impression_id != other.impression_id
    assert one.seconds > 0
