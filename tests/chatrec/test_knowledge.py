"""Neighbours and counts as computed by hand, laid over a catalogue by id or title, saved without pickles."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from small_films import films

from chatrec.catalog import Catalog
from chatrec.errors import BadInput
from chatrec.knowledge import Knowledge, keys, learn_knowledge, title_key
from chatrec.types import Item

RATINGS = [(who, item, 5.0) for who in "pqr" for item in ("alien", "aliens")]
RATINGS += [("p", "heat", 4.0), ("q", "heat", 4.0), ("r", "heat", 1.0), ("s", "heat", 3.5)]
REQUESTS = [(np.array([1.0, 0.0]), ("alien", "heat")), (np.array([0.0, 1.0]), ("bride",))]
TALKS = [("alien", "aliens"), ("alien", "aliens", "heat", "aliens"), ("bride",)]


@pytest.fixture
def learnt() -> Knowledge:
    return learn_knowledge(RATINGS, TALKS, REQUESTS, {"alien": "alien 1979"}, heard=(7, 2**63))


def cell(matrix, catalog: Catalog, one: str, other: str) -> float:
    return float(matrix[catalog.index(one), catalog.index(other)])


def test_who_likes_both_makes_neighbours_and_few_of_them_count_less(learnt):
    """Alien and Aliens share 3 likes of 3 each; Alien and Heat share 2, Heat has 3: cosine, times n / (n + 5)."""
    known = learnt.on(films())
    assert cell(known.rated, films(), "alien", "aliens") == pytest.approx(3 / 3 * 3 / 8)
    assert cell(known.rated, films(), "heat", "alien") == pytest.approx(2 / sqrt(9) * 2 / 7)
    assert cell(known.rated, films(), "alien", "alien") == 0


def test_an_item_that_few_like_has_no_neighbours_from_ratings():
    known = learn_knowledge([(w, i, 5.0) for w in "pq" for i in ("alien", "heat")]).on(films())
    assert known.rated.nnz == 0
    assert known.ratings[films().index("heat")] == 2


def test_what_people_turn_to_soon_after_or_before_is_near_whatever_they_made_of_it():
    """p meets Alien, Heat, Bride in that order, the last one disliked: from Heat it is one step to both, 1 of 2 + 1."""
    known = learn_knowledge([("p", "alien", 5.0), ("p", "heat", 4.0), ("p", "bride", 1.0)]).on(films())
    assert cell(known.around, films(), "heat", "alien") == pytest.approx(1 / 3)
    assert cell(known.around, films(), "heat", "bride") == pytest.approx(1 / 3)
    assert cell(known.around, films(), "alien", "bride") == pytest.approx(0.8 / 2.8)
    assert cell(known.around, films(), "alien", "alien") == 0
    apart = learn_knowledge([("p", "alien", 5.0), *[("p", f"x{n}", 3.0) for n in range(10)], ("p", "heat", 4.0)])
    assert cell(apart.on(films()).around, films(), "alien", "heat") == 0


def test_a_file_from_before_that_was_learnt_knows_nothing_of_it(learnt, tmp_path):
    learnt.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as file:
        np.savez(tmp_path / "old.npz", **{name: file[name] for name in file.files if not name.startswith("around")})
    old = Knowledge.load(tmp_path / "old.npz")
    assert old.around.nnz == 0 < learnt.around.nnz
    assert old.rated.nnz == learnt.rated.nnz


def test_rating_twice_is_one_like():
    twice = learn_knowledge([*RATINGS, ("p", "alien", 5.0)]).on(films())
    assert cell(twice.rated, films(), "alien", "aliens") == pytest.approx(3 / 8)


def test_dialogues_count_each_pair_once_and_priors_are_counts(learnt):
    known = learnt.on(films())
    assert cell(known.talked, films(), "alien", "aliens") == 2
    assert cell(known.talked, films(), "heat", "aliens") == 1
    assert [known.named[films().index(i)] for i in ("alien", "heat", "bride", "ronin")] == [2, 1, 1, 0]
    assert [known.ratings[films().index(i)] for i in ("alien", "heat", "bride")] == [3, 4, 0]
    assert known.found.sum() == 4


def test_two_steps_reach_what_was_never_named_beside_an_item():
    """Ronin and Heat, Heat and Alien: half of the walk from Ronin's one mention stops at each step, n / (n + 10)."""
    known = learn_knowledge(dialogues=[("ronin", "heat"), ("heat", "alien")]).on(films())
    assert cell(known.talked, films(), "ronin", "alien") == 0
    assert cell(known.steps, films(), "ronin", "alien") == pytest.approx(1 / 11 * 1 / 12)


def test_requests_are_kept_as_vectors_beside_what_answered_them(learnt):
    known = learnt.on(films())
    assert known.asked.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert known.answers.shape == (2, len(films()))
    assert set(known.answers[0].indices) == {films().index("alien"), films().index("heat")}


def test_only_the_nearest_are_kept():
    talks = [("alien", "heat"), ("alien", "heat"), ("alien", "ronin"), ("alien", "hill")]
    known = learn_knowledge(dialogues=talks, neighbours=1).on(films())
    assert known.talked[films().index("alien")].nnz == 1
    assert cell(known.talked, films(), "alien", "heat") == 2
    assert cell(known.talked, films(), "hill", "alien") == 1


def test_a_catalogue_with_other_ids_is_joined_by_its_second_id_or_by_title_and_year(learnt):
    base = films()
    plot = {"genres": ("Horror",), "year": 1980.0}
    items = (
        Item("x1", "Whatever", {**plot, "imdb_id": "heat"}),
        Item("x2", "ALIEN", plot),  # a year off
        Item("x3", "Alien", {**plot, "year": 1999.0}),  # a namesake
    )
    other = Catalog(base.schema, items)
    known = learnt.on(other)
    assert known.found.tolist() == [True, True, False]
    assert known.talked[0, 1] == 1
    assert keys(other) == ("heat", "x2", "x3")


def test_without_a_year_a_title_must_be_the_only_one():
    titles = {"a": "solaris 1972", "b": "solaris 2002", "c": "heat 1995"}
    learnt = learn_knowledge(dialogues=[("a", "b", "c")], titles=titles)
    items = (Item("1", "Solaris", {}), Item("2", "Heat", {}))
    assert learnt.on(Catalog(films().schema, items)).found.tolist() == [False, True]


@pytest.mark.parametrize(
    ("title", "year", "key"),
    [
        ("Matrix, The (1999)", None, "matrix 1999"),
        ("The Matrix", 1999.0, "matrix 1999"),
        ("Amélie", 2001.0, "amelie 2001"),
        ("Fast & Furious", 2009.0, "fast and furious 2009"),
        ("Heat", None, "heat"),
    ],
)
def test_titles_are_compared_without_case_accents_articles_and_marks(title, year, key):
    assert title_key(title, year) == key


def test_what_is_saved_is_what_is_loaded_and_nothing_in_it_is_pickled(learnt, tmp_path):
    path = tmp_path / "models" / "knowledge.npz"
    learnt.save(path)
    found = Knowledge.load(path)
    assert (found.ids, found.titles, found.heard) == (learnt.ids, learnt.titles, {7, 2**63})
    for name in ("rated", "talked", "answers"):
        np.testing.assert_array_equal(getattr(found, name).toarray(), getattr(learnt, name).toarray())
    for name in ("named", "ratings", "asked"):
        np.testing.assert_array_equal(getattr(found, name), getattr(learnt, name))
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_a_file_that_is_not_there_or_not_whole_is_told(learnt, tmp_path):
    path = tmp_path / "knowledge.npz"
    with pytest.raises(BadInput, match="No such file"):
        Knowledge.load(path)
    path.write_bytes(b"neighbours")
    with pytest.raises(BadInput, match="not a file of item neighbours"):
        Knowledge.load(path)
    replace(learnt, titles=("one",)).save(path)
    with pytest.raises(BadInput, match="not a file of item neighbours"):
        Knowledge.load(path)


def test_nothing_learnt_is_nothing_known():
    known = learn_knowledge().on(films())
    assert not known.found.any()
    assert known.steps.shape == (len(films()), len(films()))
