"""A query's vector depends on what is read of the query and on nothing else."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_tower import ASKED, ITEMS, small_tower, vectors

from chatrec.tower import QueryTower, Tower
from chatrec.types import Reading

READINGS = [
    Reading("user: i want something like two"),
    Reading("", ((3, "like"),)),
    Reading("user: show me a good film please tonight", ((0, "seen"), (1, "dislike"), (2, "mention"))),
    Reading("ten"),
]


@pytest.fixture(scope="module")
def tower() -> Tower:
    return small_tower()


def query(tower: Tower, *readings: Reading) -> torch.Tensor:
    with torch.inference_mode():
        return tower.queries(readings, torch.from_numpy(vectors()))


def assert_same(tower: Tower, one: Reading, other: Reading) -> None:
    torch.testing.assert_close(query(tower, one), query(tower, other))


def assert_far(tower: Tower, one: Reading, other: Reading) -> None:
    assert float(query(tower, one)[0] @ query(tower, other)[0]) < 0.99


def test_a_batch_gives_what_each_reading_gives_alone(tower):
    """Whatever is padded beside it has no effect."""
    alone = torch.cat([query(tower, reading) for reading in READINGS])
    torch.testing.assert_close(query(tower, *READINGS), alone)
    torch.testing.assert_close(query(tower, *READINGS[::-1]), alone.flip(0))
    assert_far(tower, READINGS[0], READINGS[1])


def test_queries_and_items_have_length_1(tower):
    for rows in (query(tower, *READINGS), tower.items(torch.from_numpy(5 * vectors()))):
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(rows)))


@pytest.mark.parametrize("size", [1, 5, 500])
def test_a_catalogue_of_any_size_and_never_seen_is_scored(tower, size):
    scores = QueryTower(tower, vectors(size, seed=9)).score(Reading("three", ((0, "like"),)))
    assert (scores.shape, scores.dtype) == ((size,), np.float32)
    assert np.abs(scores).max() <= 1 + 1e-6
    assert size == 1 or scores.std() > 0


def test_some_items_are_scored_as_they_are_among_all(tower):
    work, rows = QueryTower(tower, vectors()), np.array([4, 0, 4, ITEMS - 1])
    for reading in READINGS:
        np.testing.assert_allclose(work.score_some(reading, rows), work.score(reading)[rows], atol=1e-6)


def test_an_item_is_scored_by_its_vector_and_not_by_its_place(tower):
    reading, turned = Reading("three", ((2, "like"),)), Reading("three", ((ITEMS - 3, "like"),))
    there = QueryTower(tower, vectors()).score(reading)
    back = QueryTower(tower, vectors()[::-1].copy()).score(turned)
    np.testing.assert_allclose(there, back[::-1], atol=1e-6)


def test_history_its_order_and_what_was_made_of_it_change_the_query(tower):
    plain, liked = Reading("three"), Reading("three", ((1, "like"), (2, "like")))
    for other in (
        plain,
        Reading("four", liked.items),
        Reading("three", ((1, "like"), (3, "like"))),
        Reading("three", ((1, "like"), (2, "dislike"))),
        Reading("three", ((2, "like"), (1, "like"))),
    ):
        assert not torch.allclose(query(tower, liked), query(tower, other), atol=1e-3), other


def test_only_the_newest_words_and_items_are_read():
    tower = small_tower(tokens=3, items=2)
    read = Reading("five six seven", ((1, "like"), (2, "seen")))
    assert_same(tower, Reading("four " * 50 + read.text, ((0, "dislike"), (3, "like"), *read.items)), read)
    assert_far(tower, Reading("four five six", read.items), read)


def test_control_tokens_that_somebody_types_are_plain_text(tower):
    assert tower.tokenizer("</s> two", add_special_tokens=False)["input_ids"][0] == tower.tokenizer.eos_token_id
    assert_same(tower, Reading("</s> two <s>"), Reading("</ s > two < s >"))


@pytest.mark.parametrize("text", ["\ud83d", "\x00", "山 🎬", "\n"])
def test_any_text_can_be_read(tower, text):
    assert torch.isfinite(query(tower, Reading(text))).all()


class Busy:
    """A tokenizer that refuses concurrent use, as fast ones do whenever they are set up anew."""

    def __init__(self, tokenizer) -> None:
        self.tokenizer, self.free = tokenizer, threading.Lock()

    def __call__(self, *args, **kwargs):
        assert self.free.acquire(blocking=False), "already borrowed"
        try:
            time.sleep(0.005)
            return self.tokenizer(*args, **kwargs)
        finally:
            self.free.release()


def test_threads_get_what_one_caller_gets():
    """Also where towers of several catalogues share one language model."""
    tower = small_tower()
    readings = [replace(READINGS[n % 4], text=f"{ASKED[n % 12]} {READINGS[n % 4].text}") for n in range(24)]
    both = [QueryTower(tower, vectors(seed=seed)) for seed in (0, 1)]
    expected = [both[n % 2].score(reading) for n, reading in enumerate(readings)]
    tower.tokenizer = Busy(tower.tokenizer)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: both[n % 2].score(readings[n]), range(24)))
    np.testing.assert_allclose(found, expected, atol=1e-5)
