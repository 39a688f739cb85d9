"""A small run of the benchmark: no reason says what is not so, in any catalogue."""

from __future__ import annotations

import random

import pytest

from benchmarks.reasons import judge
from chatrec.bootstrap import recommenders_of
from chatrec.encoder import load_encoder

LISTS = 3  # for each catalogue: about 110 explanations

pytestmark = pytest.mark.slow  # it needs the item vectors of all catalogues


@pytest.fixture(scope="module")
def rows(catalogs, settings) -> list[dict]:
    encoder, recommend = load_encoder(settings), recommenders_of(settings)
    return [judge(recommend(catalog, encoder), LISTS, random.Random(5)) for catalog in catalogs.values()]


def test_nothing_is_said_that_is_not_so(rows):
    assert sum(row["explanations"] for row in rows) >= 100
    assert [row["problems"] for row in rows] == [[]] * len(rows)


def test_every_item_cited_from_the_history_matters(rows):
    assert sum(row["cited"] for row in rows) >= 30
    assert all(row["with_effect"] == row["cited"] for row in rows)
