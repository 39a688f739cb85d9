"""Neighbours that know order: what alike people turned to after the shared item, nearest first."""

from __future__ import annotations

import numpy as np
import pytest

from chatrec.neighbours import Recall, SequenceNeighbours

HISTORIES = [np.array(h) for h in ([10, 0, 1, 2, 3, 4], [5, 0, 1, 2, 6], [7, 0, 8, 9])]


def test_what_comes_soon_after_the_shared_item_is_first() -> None:
    row = SequenceNeighbours.fit(HISTORIES, 12).score([np.array([0, 1])])[0]
    assert row[2] > row[3] > row[4] > row[11] and row[6] > row[5]  # after counts more than before
    assert row[11] == row.min() == pytest.approx(np.log(1e-4))


def test_alike_people_count_most() -> None:
    row = SequenceNeighbours.fit(HISTORIES, 12, Recall(recent=1, likeness=3.0)).score([np.array([5, 1, 0])])[0]
    assert row[2] > row[8]


def test_the_latest_item_counts_most() -> None:
    row = SequenceNeighbours.fit([np.array([0, 1]), np.array([2, 3])], 4).score([np.array([2, 0])])[0]
    assert row[1] > row[3]


def test_as_computed_by_hand() -> None:
    recall = Recall(recent=1, reach=2.0, before=0.5, sparing=1)
    row = SequenceNeighbours.fit([np.array([0, 1, 2, 3])], 5, recall).score([np.array([2, 1])])[0]
    assert np.exp(row) - 1e-4 == pytest.approx([0.5 * np.exp(-0.5), 1, np.exp(-0.5), np.exp(-1), 0], abs=1e-6)


def test_a_user_is_not_their_own_neighbour() -> None:
    model = SequenceNeighbours.fit(HISTORIES, 12)
    assert model.score([np.array([7, 0])])[0][9] == pytest.approx(np.log(1e-4))


@pytest.mark.parametrize("history", [[], [11]])
def test_of_nothing_in_common_nothing_follows(history: list[int]) -> None:
    row = SequenceNeighbours.fit(HISTORIES, 12).score([np.array(history, dtype=int)])[0]
    assert len(row) == 12 and np.ptp(row) == 0


def test_histories_are_scored_alone_as_in_a_batch() -> None:
    model, cases = SequenceNeighbours.fit(HISTORIES, 12), [np.array([0]), np.array([1, 2, 0]), np.array([9, 5])]
    assert model.score(cases)[1] == pytest.approx(model.score(cases[1:2])[0])


def test_no_window_reaches_beyond_a_history() -> None:
    row = SequenceNeighbours.fit([np.array([0, 1])], 4, Recall(window=200)).score([np.array([2, 0])])[0]
    assert row[1] > row[3]
