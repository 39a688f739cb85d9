"""Linear models of histories: as computed by hand, for users never seen, blind to what comes later."""

from __future__ import annotations

import numpy as np
import pytest

from chatrec.collaborative import Ease, Neighbours, Transitions, interactions, popularity

HISTORIES = [np.array(h) for h in ([0, 1], [0, 1], [0, 2], [2, 3], [1, 0])]
LINEAR = [Ease, Transitions, Neighbours]


def test_the_last_event_weighs_one_and_each_before_it_less() -> None:
    rows = interactions([np.array([3, 0, 2]), np.array([], dtype=int), np.array([1])], 4, decay=0.5)
    assert rows.toarray().tolist() == [[0.5, 0, 1, 0.25], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_an_item_met_again_keeps_its_latest_weight() -> None:
    assert interactions([np.array([0, 1, 0])], 2, decay=0.5).toarray().tolist() == [[1, 0.5]]


def test_no_histories_give_no_rows() -> None:
    assert interactions([], 3).shape == (0, 3)


def test_popularity_counts_histories() -> None:
    assert popularity(HISTORIES, 5).tolist() == [4, 3, 2, 1, 0]


def test_ease_of_two_items_is_the_ratio_of_common_users() -> None:
    # gram [[4, 3], [3, 3]] + 1: inverse = [[4, -3], [-3, 5]] / 11, so b01 = 3 / 5, b10 = 3 / 4
    model = Ease.fit([np.array(h) for h in ([0, 1], [0, 1], [0], [1, 0])], 2, ridge=1, decay=1)
    assert model.weights == pytest.approx(np.array([[0, 3 / 5], [3 / 4, 0]]))


def test_ease_rebuilds_each_item_by_ridge_regression_on_the_others() -> None:
    model = Ease.fit(HISTORIES, 4, ridge=2)
    x = interactions(HISTORIES, 4).toarray().astype(float)
    others = x[:, [0, 2, 3]]
    solved = np.linalg.solve(others.T @ others + 2 * np.eye(3), others.T @ x[:, 1])
    assert model.weights[[0, 2, 3], 1] == pytest.approx(solved, abs=1e-6)
    assert not np.diag(model.weights).any()


def test_transitions_know_the_direction() -> None:
    model = Transitions.fit([np.array([0, 1, 2])] * 20, 4, ridge=0.1, decay=0.5)
    after_first = model.score([np.array([0])])[0]
    assert after_first[1] > after_first[2] > after_first[3] == 0
    assert model.weights[1, 0] == pytest.approx(0, abs=1e-6)


def test_neighbours_are_cosines() -> None:
    model = Neighbours.fit(HISTORIES, 4)
    assert model.weights.toarray()[0, 1] == pytest.approx(3 / np.sqrt(12))
    assert Neighbours.fit(HISTORIES, 4, k=1).weights.toarray()[:, 0].tolist() == pytest.approx([0, 3 / 12**0.5, 0, 0])


@pytest.mark.parametrize("kind", LINEAR)
def test_a_user_never_seen_is_scored_alone_as_in_a_batch(kind) -> None:
    model = kind.fit(HISTORIES, 5)
    strangers = [np.array([3, 1]), np.array([], dtype=int), np.array([2])]
    together = model.score(strangers)
    assert together.shape == (3, 5) and np.isfinite(together).all() and not together[1].any()
    for history, row in zip(strangers, together, strict=True):
        assert model.score([history])[0] == pytest.approx(row)


@pytest.mark.parametrize("kind", [Ease, Transitions])
def test_the_order_of_a_history_matters(kind) -> None:
    model = kind.fit(HISTORIES, 4, decay=0.5)
    one, other = model.score([np.array([0, 2]), np.array([2, 0])])
    assert not np.allclose(one, other)


@pytest.mark.parametrize("kind", LINEAR)
def test_the_order_of_users_does_not(kind) -> None:
    assert np.allclose(kind.fit(HISTORIES, 4).score(HISTORIES), kind.fit(HISTORIES[::-1], 4).score(HISTORIES))
