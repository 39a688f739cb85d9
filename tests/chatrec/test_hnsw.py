"""Nearest vectors from a real PostgreSQL, held against all products."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from sqlalchemy import create_engine, inspect

from chatrec.database import Database
from chatrec.errors import StoreDown
from chatrec.hnsw import Hnsw, hnsw
from chatrec.nearest import Exact

pytestmark = pytest.mark.slow

SIZE, WIDTH, K = 20_000, 64, 100


def vectors(size: int) -> np.ndarray:
    """Rows of length 1, in clusters as those of texts are."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, WIDTH))[rng.integers(200, size=size)] + 0.7 * rng.standard_normal((size, WIDTH))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def shares(found: list[np.ndarray], best: list[np.ndarray]) -> list[float]:
    return [float(np.isin(most, some).mean()) for some, most in zip(found, best, strict=True)]


def test_the_graph_finds_nearly_what_all_products_find(postgres_url):
    rows, asked = np.split(vectors(SIZE + 20), [SIZE])
    index, exact = hnsw(postgres_url)("films", rows), Exact(rows)
    assert np.mean(shares(index.near(asked, K), exact.near(asked, K))) > 0.95
    for share, least in ((0.5, 0.9), (0.2, 0.85), (0.01, 1.0)):
        among = np.flatnonzero(np.random.default_rng(2).random(SIZE) < share)
        found = index.near(asked, K, among)
        assert np.isin(np.concatenate(found), among).all()
        assert np.mean(shares(found, exact.near(asked, K, among))) >= least


def test_the_graph_is_made_once_and_the_one_of_other_vectors_goes(postgres_url, caplog):
    caplog.set_level(logging.INFO, "chatrec.hnsw")
    search, rows = hnsw(postgres_url), vectors(300)
    before = [search(name, rows) for name in ("films", "films_too", "films")][0]
    search("films", vectors(310))
    engine = create_engine(postgres_url, future=True)
    tables = sorted(inspect(engine).get_table_names())
    engine.dispose()
    assert len(caplog.records) == len({record.getMessage() for record in caplog.records}) == 3
    assert [name.rpartition("_")[0] for name in tables] == ["items_films", "items_films_too"]
    assert sorted(before.near(rows[:1], 5)[0]) == sorted(Exact(rows).near(rows[:1], 5)[0])  # its table is gone


def test_while_the_database_is_away_all_products_are_computed():
    rows = vectors(500)
    away = Hnsw(Database("postgresql://nobody@127.0.0.1:1/nothing", impatient=True), "items_films_0", rows)
    found, best = (index.near(rows[:3], 10) for index in (away, Exact(rows)))
    assert [sorted(some) for some in found] == [sorted(most) for most in best]


def test_a_database_that_can_not_hold_a_graph_is_told_of_at_once(tmp_path):
    with pytest.raises(StoreDown):
        hnsw("postgresql://nobody@127.0.0.1:1/nothing")("films", vectors(10))
    with pytest.raises(StoreDown, match="PostgreSQL"):
        hnsw(f"sqlite:///{tmp_path / 'x.db'}")("films", vectors(10))
