"""Blended signals: standardised among what is unseen, weighed by what helped, shrunk where little is known."""

from __future__ import annotations

import numpy as np
import pytest

from chatrec.blend import Blend, seen_items, standardized

USERS, ITEMS = 200, 30


def choices(seed: int = 0) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """A signal, histories of one or 20 items, and choices that follow the signal."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(USERS, ITEMS)).astype(np.float32)
    histories = [rng.permutation(ITEMS)[: 1 if user % 2 else 20] for user in range(USERS)]
    chance = np.where(seen_items(histories, ITEMS), -np.inf, 2 * signal + rng.gumbel(size=signal.shape))
    return signal, histories, chance.argmax(axis=1)


def test_unseen_items_have_mean_0_and_deviation_1() -> None:
    seen = np.array([[False, True, False, False]])
    row = standardized(np.array([[1.0, 1000.0, 2.0, 3.0]]), seen)[0]
    assert row == pytest.approx([-(1.5**0.5), 0, 0, 1.5**0.5])


@pytest.mark.parametrize("seen", [[False, False], [True, True], [False, True]])
def test_a_signal_that_says_nothing_is_zero(seen: list[bool]) -> None:
    assert standardized(np.array([[5.0, 5.0]]), np.array([seen])).tolist() == [[0, 0]]


def test_scale_and_offset_of_a_signal_do_not_matter() -> None:
    signal, histories, _ = choices()
    seen = seen_items(histories, ITEMS)
    assert standardized(signal * 7 - 40, seen) == pytest.approx(standardized(signal, seen), abs=1e-4)


def test_weights_find_the_signal_and_how_strong_it_is() -> None:
    signal, histories, targets = choices()
    noise = np.random.default_rng(9).normal(size=signal.shape)
    blend = Blend.fit({"signal": signal, "noise": noise}, histories, targets, edges=(10,))
    assert blend.names == ("signal", "noise") and blend.weights.shape == (2, 2)
    assert np.all(np.abs(blend.weights[:, 0] - 2) < 0.6) and np.all(np.abs(blend.weights[:, 1]) < 0.3)


def test_shuffled_choices_give_no_weight() -> None:
    signal, histories, targets = choices()
    empty = [np.array([], dtype=int)] * USERS
    mixed = np.random.default_rng(1).permutation(targets)
    assert np.abs(Blend.fit({"signal": signal}, empty, mixed).weights).max() < 0.35
    assert np.abs(Blend.fit({"signal": signal}, histories, targets).weights).max() > 1


def test_short_histories_may_have_weights_of_their_own() -> None:
    signal, histories, targets = choices()
    broken = np.where(np.array([len(h) < 10 for h in histories])[:, None], 0 * signal + np.arange(ITEMS), signal)
    short, long = Blend.fit({"signal": broken}, histories, targets, edges=(10,), ridge=0.1).weights[:, 0]
    assert abs(short) < 0.4 < 1.4 < long


def test_a_bucket_without_users_has_the_common_weights() -> None:
    signal, histories, targets = choices()
    weights = Blend.fit({"signal": signal}, histories, targets, edges=(10, 100)).weights
    assert weights[2, 0] == pytest.approx((weights[0, 0] + weights[1, 0]) / 2, abs=0.3) and weights[2, 0] > 1


def test_scores_are_the_weighted_sum() -> None:
    blend = Blend(("a", "b"), (2,), np.array([[1.0, 0.0], [0.0, 2.0]]))
    signals = {"a": np.array([[1.0, 2, 3]] * 2), "b": np.array([[3.0, 2, 1]] * 2)}
    one = blend.score(signals, [np.array([], dtype=int), np.array([], dtype=int)])
    assert one.argsort().tolist() == [[0, 1, 2]] * 2
    two = blend.score(signals, [np.array([0]), np.array([0, 1])])
    assert two[0].argmax() == 2 and not two[1].any()  # one unseen item has nothing to be compared with


def test_a_missing_signal_counts_nothing() -> None:
    blend = Blend(("a", "b"), (), np.array([[1.0, 5.0]]))
    row = {"a": np.array([[1.0, 2, 3]])}
    assert blend.score(row, [np.array([], dtype=int)])[0].argmax() == 2
