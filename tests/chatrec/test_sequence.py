"""The sequence model: learns an order, sees the past only, takes any history."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from chatrec.sequence import Network, Recipe, SequenceModel, _seen, batches

ITEMS = 12
SMALL = Recipe(width=16, layers=1, window=8, epochs=40, batch=16, rate=1e-2, dropout=0.0)


def rounds(n: int = 40) -> list[np.ndarray]:
    """Histories that go round: after item i comes i + 1."""
    return [(start + np.arange(6)) % ITEMS for start in range(n)]


@cache
def model() -> SequenceModel:
    return SequenceModel.fit(rounds(), ITEMS, recipe=SMALL)


def test_it_learns_what_comes_next() -> None:
    starts = [np.array([i, (i + 1) % ITEMS]) for i in range(ITEMS)]
    assert model().score(starts).argmax(axis=1).tolist() == [(i + 2) % ITEMS for i in range(ITEMS)]


def test_shuffled_histories_teach_nothing() -> None:
    rng = np.random.default_rng(0)
    mixed = [rng.permutation(ITEMS)[:6] for _ in range(40)]
    few = SequenceModel.fit(mixed, ITEMS, recipe=Recipe(**{**vars(SMALL), "epochs": 10}))
    fresh = [rng.permutation(ITEMS)[:7] for _ in range(300)]
    scores = few.score([h[:6] for h in fresh])
    for row, history in zip(scores, fresh, strict=True):
        row[history[:6]] = -np.inf
    assert np.mean(scores.argmax(axis=1) == [h[6] for h in fresh]) < 0.3  # chance: 1 of 6


def test_scores_are_log_probabilities_alone_as_in_a_batch() -> None:
    histories = [np.array([1, 2, 3]), np.array([], dtype=int), np.array([7]), np.arange(ITEMS)]
    together = model().score(histories)
    assert np.exp(together).sum(axis=1) == pytest.approx(np.ones(4), abs=1e-4)
    for history, row in zip(histories, together, strict=True):
        assert model().score([history])[0] == pytest.approx(row, abs=1e-4)


def test_no_histories_give_no_rows() -> None:
    assert model().score([]).shape == (0, ITEMS)


def test_a_step_never_sees_what_comes_after_it() -> None:
    network = Network(ITEMS, Recipe(width=16, window=8), None).eval()
    with torch.inference_mode():
        one, other = (network(torch.tensor([h]), network.vectors())[0] for h in ([1, 2, 3, 4], [1, 2, 9, 8]))
    assert torch.allclose(one[:2], other[:2], atol=1e-6) and not torch.allclose(one[2:], other[2:], atol=1e-3)


def test_only_the_window_counts() -> None:
    assert model().score([np.arange(10)])[0] == pytest.approx(model().score([np.arange(2, 10)])[0], abs=1e-5)


def test_the_same_seed_trains_the_same_model() -> None:
    quick = Recipe(**{**vars(SMALL), "epochs": 2})
    one, other = (SequenceModel.fit(rounds(), ITEMS, recipe=quick, seeds=(3,)).score(rounds(2)) for _ in range(2))
    assert np.array_equal(one, other)


def test_seeds_are_averaged() -> None:
    quick = Recipe(**{**vars(SMALL), "epochs": 1})
    both = SequenceModel.fit(rounds(), ITEMS, recipe=quick, seeds=(0, 1))
    each = [SequenceModel((network,)).score(rounds(3)) for network in both.networks]
    assert both.score(rounds(3)) == pytest.approx(np.mean(each, axis=0), abs=1e-5)


def test_text_carries_an_item_that_was_never_met() -> None:
    text = np.eye(ITEMS)[[*range(ITEMS - 1), 4]]  # the last item's text is that of item 4
    met = [h for h in rounds() if ITEMS - 1 not in h]
    told = SequenceModel.fit(met, ITEMS, text, SMALL).score([np.array([2, 3])])[0]
    silent = SequenceModel.fit(met, ITEMS, None, SMALL).score([np.array([2, 3])])[0]
    assert told[ITEMS - 1] - told[0] > silent[ITEMS - 1] - silent[0] + 1


def test_each_step_is_in_one_piece_whatever_the_cuts() -> None:
    history = np.arange(30)
    for seed in range(20):
        pieces = [p for batch in batches([history, np.arange(3)], SMALL, np.random.default_rng(seed)) for p in batch]
        steps = sorted((len(h), i) for h, a, b in pieces for i in range(a, b))
        assert steps == [(3, i) for i in range(2)] + [(30, i) for i in range(29)]
        assert all(0 < b - a <= SMALL.window for _, a, b in pieces)


def test_what_was_had_is_out_of_the_softmax_but_for_what_comes_again() -> None:
    seen = _seen([(np.array([5, 1, 2, 1]), 1, 3)], 6, 3)[0]
    assert [row.nonzero().ravel().tolist() for row in seen[:2]] == [[1, 5], [2, 5]]
