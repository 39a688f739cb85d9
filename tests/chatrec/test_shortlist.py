"""Of a large catalogue only the items that some signal brings up get a score: the best are among them, and nothing else
changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_films import encoder, films

from benchmarks.million import grown, queries, violations
from chatrec import shortlist
from chatrec.candidates import CandidateGenerator
from chatrec.catalog import Catalog
from chatrec.encoder import encode_items
from chatrec.types import Constraint, Query

SIZE, WHOLE = 3_000, 300
WORDS = ("a robbery that goes wrong", "somebody falls in love in a bookshop", "alone in space", "music of long ago")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("vectors")


@pytest.fixture(scope="module")
def catalog(folder) -> Catalog:
    few = films()
    vectors = encode_items(encoder(), [few.describe(item) for item in few.items], folder)
    return grown(few, vectors, SIZE, encoder().name, folder)


@pytest.fixture
def shallow(monkeypatch) -> None:
    """As much less is taken as there is less."""
    monkeypatch.setattr(shortlist, "DEEP", 200)
    monkeypatch.setattr(shortlist, "RARE", 20)


@pytest.fixture(scope="module")
def large(catalog, folder) -> CandidateGenerator:
    return CandidateGenerator(catalog, encoder(), folder, whole=WHOLE)


def test_the_best_of_all_are_nearly_all_found(shallow, catalog, large):
    shares = []
    for query in queries(catalog, WORDS, 24):
        best = large.generate(query, SIZE).indices[:10]
        found = large.generate(query, 10)
        assert len(large.generate(query, 50).indices) == 50
        shares.append(np.isin(best, found.indices).mean())
        assert large.score(query, found.indices) == pytest.approx(found.scores, abs=1e-5)
    assert np.mean(shares) > 0.9


def test_scores_are_those_of_a_small_catalogue(catalog, folder, large):
    """Apart from what counts as fully close, which is read off fewer items."""
    small = CandidateGenerator(catalog, encoder(), folder)
    rows = np.arange(0, SIZE, 7)
    for query in queries(catalog, WORDS, 12):
        assert large.score(query, rows) == pytest.approx(small.score(query, rows), abs=0.1)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.integers(0, 9))
def test_no_list_holds_what_is_ruled_out(catalog, large, seed, at):
    query = queries(catalog, WORDS, at + 1, seed)[at]
    assert violations(catalog, query, large.generate(query, 20).indices) == 0


def test_few_allowed_items_are_all_scored(catalog, large):
    rare = Query("films", constraints=(Constraint("genre", "is", ("Music",)), Constraint("year", "min", (1984,))))
    fitting = np.flatnonzero(large.allowed(rare))
    assert 0 < len(fitting) <= WHOLE
    assert sorted(large.generate(rare, 10_000).indices) == fitting.tolist()
