"""Measures beyond accuracy: as computed by hand, and at the ends of their ranges."""

from __future__ import annotations

from math import log2, sqrt

import numpy as np
import pytest

from chatrec.evaluation.beyond import (
    Ground,
    coverage,
    diversity,
    ends,
    figures,
    gaps,
    gini,
    groups,
    mean_popularity,
    novelty,
    popularity_lift,
    traits,
)

COUNTS = np.array([8, 4, 2, 0])  # of 16 people
LISTS = [np.array([0, 1]), np.array([0, 2]), np.array([3])]


def rows(*items: tuple[int, ...]) -> list[np.ndarray]:
    return [np.array(row, dtype=np.int64) for row in items]


def test_coverage_is_the_share_of_the_catalogue_that_is_shown():
    assert coverage(LISTS, 5) == 4 / 5
    assert coverage([], 5) == 0


def test_gini_is_that_of_the_places():
    """Places by item: 2, 1, 1, 1 of 5; sorted 1, 1, 1, 2: (-3 - 1 + 1 + 3 x 2) / (4 x 5)."""
    assert gini(LISTS, 4) == pytest.approx(3 / 20)
    assert gini(rows((0, 1), (2, 3)), 4) == 0
    assert gini(rows((0,), (0,)), 4) == pytest.approx(3 / 4)
    assert gini([], 4) is None


def test_popularity_is_the_mean_over_places():
    assert mean_popularity(LISTS, COUNTS) == (8 + 4 + 8 + 2 + 0) / 5
    assert mean_popularity([], COUNTS) is None


def test_lift_compares_people_with_what_they_had():
    """Lists 6, 5, 0 and profiles 4, 2; who has no profile says nothing."""
    assert popularity_lift(LISTS, rows((1,), (2,), ()), COUNTS) == pytest.approx(5.5 / 3 - 1)
    assert popularity_lift(LISTS, LISTS, COUNTS) == 0
    assert popularity_lift(LISTS, rows((), (), ()), COUNTS) is None
    assert popularity_lift(LISTS, rows((3,), (3,), ()), COUNTS) is None


def test_novelty_is_in_bits():
    """Had by 8, 4, 8, 2 of 16, and by nobody, which counts as by one."""
    assert novelty(LISTS, COUNTS, 16) == pytest.approx((1 + 2 + 1 + 3 + 4) / 5)
    assert novelty(LISTS, COUNTS, 0) is None


def test_diversity_is_the_mean_distance_of_pairs():
    """Cosines of the three pairs 0, .6 and .8; the list of one has no pairs."""
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]])
    assert diversity(rows((0, 1, 2), (0,)), vectors) == pytest.approx(1 - (0 + 0.6 + 0.8) / 3)
    assert diversity(rows((0, 0)), vectors) == pytest.approx(0)
    assert diversity(rows((0,)), vectors) is None


def test_figures_are_of_the_first_ten():
    ground = Ground(np.ones(30), 4, np.eye(30))
    assert figures([np.arange(30)], [np.arange(3)], ground) == {
        "coverage": 10 / 30,
        "gini": pytest.approx(20 / 30),
        "mean_popularity": 1,
        "popularity_lift": 0,
        "novelty": log2(4),
        "diversity": 1,
    }
    assert set(figures([], [], ground).values()) == {0.0, None}


def test_groups_are_the_fifths_at_either_end():
    profiles = [np.zeros(n, dtype=np.int64) for n in range(1, 11)]
    found = groups([*profiles[:9], np.array([1])], COUNTS)
    assert np.flatnonzero(found["history"]["short"]).tolist() == [0, 9]  # as short as one another
    assert np.flatnonzero(found["history"]["long"]).tolist() == [7, 8]
    assert found["taste"] == {}  # more than four fifths are alike
    fame = groups(rows((0,), (1,), (2,), (3,), ()), COUNTS)["taste"]
    assert [np.flatnonzero(fame[name]).tolist() for name in ("niche", "mainstream")] == [[3], [0]]


def test_nobody_is_in_a_group_by_what_is_unknown():
    found = ends(np.array([np.nan, 1, 2, 3, 4, 5]), "low", "high")
    assert [np.flatnonzero(who).tolist() for who in found.values()] == [[1], [5]]
    assert ends(np.array([np.nan]), "low", "high") == {}


def test_people_are_told_apart_by_words_and_by_numbers():
    found = traits([{"gender": g, "age": a} for g, a in zip("FMFM ", ("20", "30", "", "40", "50"), strict=True)])
    assert {name: who.tolist() for name, who in found["gender"].items()} == {
        "F": [True, False, True, False, False],
        "M": [False, True, False, True, False],
    }
    assert [np.flatnonzero(who).tolist() for who in found["age"].values()] == [[0], [4]]
    assert traits([{}, {}]) == {}


def test_a_gap_is_told_with_its_error_and_small_groups_are_left_out():
    """Means .75 of 40 people and .5 of 20, variances 7.5 / 39 and 5 / 19."""
    gains = np.array([1, 1, 1, 0] * 10 + [1, 0] * 10 + [0], dtype=float)
    first, second = np.arange(61) < 40, (np.arange(61) >= 40) & (np.arange(61) < 60)
    found = gaps(gains, {"gender": {"F": second, "M": first, "": ~first & ~second}, "age": {"low": first}})
    error = 1.96 * sqrt(7.5 / 39 / 40 + 5 / 19 / 20)
    assert found == {"gender": {"F": 0.5, "M": 0.75, "gap": 0.25, "error": pytest.approx(error)}}
