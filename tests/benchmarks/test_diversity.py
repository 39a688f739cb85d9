"""Ways to reorder a list: as computed by hand, and as found by trying all lists."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from benchmarks.diversity import WAYS, Case, World, chosen, gains, mmr, rows
from chatrec.evaluation.beyond import Ground

VECTORS = np.array([[1, 0], [1, 0], [0.6, 0.8], [0, 1]], dtype=float)
COUNTS = np.array([50, 30, 15, 5])


def case(scores: tuple[float, ...], profile: tuple[int, ...] = (), target: int = 0) -> Case:
    return Case(np.arange(len(scores)), np.array(scores), np.array([target]), np.array(profile, dtype=np.int64))


@pytest.fixture
def world() -> World:
    return World.of(Ground(COUNTS, 100, VECTORS))


def test_items_are_head_middle_and_tail_by_their_share_of_all_events(world):
    assert world.part.tolist() == [0, 1, 2, 2]  # more popular ones have 0, .5, .8 and .95
    even = World.of(Ground(np.ones(10), 10, np.eye(10)))
    assert even.part.tolist() == [0] * 2 + [1] * 6 + [2] * 2


def test_mmr_takes_off_the_closest_cosine(world):
    """After 0, its double pays 1, the next .6, the last 0; after 3, they pay 1 and .8."""
    assert mmr(world, case((4, 3.4, 3, 2.5)), 1.0).tolist() == [0, 3, 1, 2]
    assert mmr(world, case((4, 3.4, 3, 2.5)), 0.5).tolist() == [0, 1, 2, 3]


def test_dpp_takes_the_next_item_with_the_greatest_determinant():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(6, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked = Case(np.arange(6), rng.normal(size=6), np.array([0]), np.array([0]))
    order = WAYS["DPP"](World.of(Ground(np.ones(6), 6, vectors)), asked, 0.7)[:4]

    def worth(chosen: list[int]) -> float:
        return asked.scores[chosen].sum() + 0.7 * np.linalg.slogdet(vectors[chosen] @ vectors[chosen].T)[1]

    for n in range(1, 5):
        before = order[: n - 1].tolist()
        others = [i for i in range(6) if i not in before]
        assert order[n - 1] == max(others, key=lambda i: worth([*before, i]))


def test_an_item_pays_for_how_many_have_had_it(world):
    """Logarithms of 51, 31, 16 and 6: 3.93, 3.43, 2.77, 1.79."""
    assert WAYS["exposure"](world, case((3, 2.7, 2, 1)), 1.0).tolist() == [1, 2, 3, 0]
    assert WAYS["exposure"](world, case((3, 2.7, 2, 1)), 0.1).tolist() == [0, 1, 2, 3]


def test_a_calibrated_list_has_the_parts_that_the_user_has_had():
    world = World.of(Ground(np.ones(10), 10, np.eye(10)))  # head 0 and 1, middle 2 to 7, tail 8 and 9
    scores = tuple(np.linspace(1, 0, 10))
    tail = WAYS["calibrated"](world, case(scores, profile=(8, 8)), 10.0)
    assert tail[:3].tolist() == [8, 9, 0]
    half = WAYS["calibrated"](world, case(scores, profile=(2, 8)), 10.0)
    assert sorted(world.part[half[:4]].tolist()) == [1, 1, 2, 2]
    assert WAYS["calibrated"](world, case(scores), 10.0).tolist() == list(range(10))


@pytest.mark.parametrize("way", WAYS)
def test_no_strength_changes_nothing_and_no_item_comes_twice(world, way):
    for scores in permutations((1.0, 2.0, 3.0, 4.0)):
        best = np.argsort(-np.array(scores), kind="stable")
        asked = Case(best, np.array(scores)[best], np.array([0]), np.array([1]))
        assert WAYS[way](world, asked, 0.0).tolist() == [0, 1, 2, 3]
        assert sorted(WAYS[way](world, asked, 3.0).tolist()) == [0, 1, 2, 3]


def test_the_price_is_the_share_of_ndcg_that_is_lost(world):
    """The target falls from the second to the third place."""
    asked = case((4, 3.4, 3, 2.5), profile=(0,), target=1)
    plain, paid = rows(world, [asked, asked], {"MMR": (1.0,)})
    assert (plain["way"], plain["price"], paid["strength"]) == ("as ranked", 0.0, 1.0)
    assert gains([asked], [np.array([0, 3, 1, 2])]) == pytest.approx(1 / np.log2(4))
    assert paid["price"] == pytest.approx(1 - np.log2(3) / np.log2(4), abs=1e-4)


def test_the_strongest_that_costs_a_hundredth_at_most_everywhere_is_chosen():
    def row(way: str, strength: float, price: float) -> dict:
        return {"way": way, "strength": strength, "price": price}

    first = [
        row("as ranked", 0, 0),
        row("MMR", 1, 0.002),
        row("MMR", 2, 0.02),
        row("MMR", 4, 0.001),
        row("DPP", 1, 0.5),
    ]
    other = [row("MMR", 1, -0.1), row("MMR", 2, 0.0), row("MMR", 4, 0.01)]
    assert chosen([first, other]) == {"MMR": 4, "DPP": 0.0, "exposure": 0.0, "calibrated": 0.0}
