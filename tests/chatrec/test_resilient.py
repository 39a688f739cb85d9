"""A list comes in time: by the model, or by the candidates when the model is late, fails, or finds no memory."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_films import encoder, films
from small_tower import small_tower, vectors

from chatrec.candidates import CandidateGenerator
from chatrec.errors import UnknownItem
from chatrec.rank import KeepOrder
from chatrec.recommender import Recommender
from chatrec.resilient import Resilient
from chatrec.tower import QueryTower
from chatrec.types import Event, Query, Reading

SECONDS = 0.3


class Upside(KeepOrder):
    """A model that turns the candidates around, when it is asked to be late or to fail, that as well."""

    def __init__(self) -> None:
        self.gate, self.fails, self.asked = threading.Event(), False, 0
        self.gate.set()

    def rank(self, query, candidates):
        self.asked += 1
        self.gate.wait(5)
        if self.fails:
            raise RuntimeError("the words of somebody")
        return candidates.take(np.arange(len(candidates.indices))[::-1])


@pytest.fixture
def model() -> Upside:
    return Upside()


@pytest.fixture
def resilient(model, tmp_path_factory) -> Resilient:
    catalog = films()
    generator = CandidateGenerator(catalog, encoder(), tmp_path_factory.mktemp("vectors"))
    plain = Recommender(catalog, generator, KeepOrder(), "candidates")
    return Resilient(replace(plain, ranker=model, model="upside"), plain, SECONDS)


QUERY = Query("films", topic="robots in space", n=3)


def ids(ranked) -> list[str]:
    return [line.item.item_id for line in ranked.items]


def test_in_time_the_model_ranks(resilient):
    assert resilient.recommend(QUERY).model == "upside"
    assert ids(resilient.recommend(QUERY)) != ids(resilient.plain.recommend(QUERY))


def test_a_late_model_leaves_the_candidates_order_with_its_own_reasons_and_says_so(resilient, model):
    model.gate.clear()
    began = time.monotonic()
    late = resilient.recommend(QUERY)
    assert SECONDS <= time.monotonic() - began < 2
    plain = resilient.plain.recommend(QUERY)
    assert (late.model, ids(late)) == ("candidates", ids(plain))
    assert [line.evidence for line in late.items] == [line.evidence for line in plain.items]


def test_nobody_else_waits_for_a_late_pass_and_the_model_is_used_again_after_it(resilient, model):
    model.gate.clear()
    resilient.recommend(QUERY)
    asked, began = model.asked, time.monotonic()
    assert resilient.recommend(QUERY).model == "candidates"
    assert time.monotonic() - began < SECONDS
    assert model.asked == asked
    model.gate.set()
    deadline = time.monotonic() + 5
    while resilient.recommend(QUERY).model != "upside":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_model_that_fails_leaves_the_candidates_order_too(resilient, model, caplog):
    model.fails = True
    with caplog.at_level(logging.ERROR):
        assert resilient.recommend(QUERY).model == "candidates"
    assert "the model failed" in caplog.text


def test_what_a_list_owes_to_a_like_is_said_by_what_made_the_list(resilient, model, monkeypatch):
    model.gate.clear()
    event = Event("alien", "like", 1.0)
    liked = replace(QUERY, history=(event,))
    ranked = resilient.recommend(liked)
    monkeypatch.setattr(Upside, "lift", lambda *_: pytest.fail("the model had no part in it"))
    assert resilient.because_of(event, liked, ranked) == resilient.plain.because_of(event, liked, ranked)


def test_a_mistake_of_the_callers_is_no_failure_of_the_model(resilient):
    with pytest.raises(UnknownItem):
        resilient.explain(QUERY, "nothing")


def test_a_ranker_without_gpu_memory_goes_on_on_the_cpu_and_ranks_alike(monkeypatch):
    tower = small_tower()
    reading = Reading("user: i want two")
    expected = QueryTower(tower, vectors()).score(reading)
    query, full = QueryTower(tower, vectors()), [True]
    body = tower.body.forward

    def forward(*args, **kwargs):
        if full:
            full.clear()
            raise torch.OutOfMemoryError("CUDA out of memory")
        return body(*args, **kwargs)

    monkeypatch.setattr(tower.body, "forward", forward)
    np.testing.assert_allclose(query.score(reading), expected, atol=1e-6)
    assert tower.ask.device.type == "cpu"
