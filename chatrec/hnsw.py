"""Nearest vectors from a PostgreSQL with pgvector, which walks a graph instead of looking at all of them (Malkov &
Yashunin, "Efficient and robust approximate nearest neighbor search using HNSW graphs", TPAMI 2020).

The only SQL beside the store's: what is here belongs to nobody and can be computed again from the catalogue.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
import re
import time
from collections.abc import Iterator, Sequence

import numpy as np
from sqlalchemy import text
from sqlalchemy.engine import Connection

from chatrec import metrics
from chatrec.database import Database
from chatrec.errors import StoreDown
from chatrec.nearest import Exact, Nearest, Search, among

log = logging.getLogger(__name__)

LINKS, WIDTH = 16, 64  # of a vector in the graph; looked at for each that is put in
SLACK = 2.0  # times as many as are wanted are looked at
MOST = 1000  # that pgvector looks at
COPIED = 10_000  # rows that travel together
_LOCK = 0x566563  # any number that every process of ours agrees on


class Hnsw:
    """The vectors of one table. When few rows come into question, or the database does not answer, all products are
    computed instead."""

    def __init__(self, database: Database, table: str, vectors: np.ndarray) -> None:
        self._database, self._table, self._vectors = database, table, vectors
        self._exact = Exact(vectors)

    def near(self, queries: np.ndarray, k: int, rows: np.ndarray | None = None) -> list[np.ndarray]:
        share = 1.0 if rows is None else len(rows) / len(self._vectors)
        if k > MOST * share:
            return self._exact.near(queries, k, rows)
        try:
            found = self._walk(queries, math.ceil(k / share))
        except StoreDown as error:
            log.warning("all vectors are looked at: %s", error)
            metrics.FALLBACKS.labels("no_index").inc()
            return self._exact.near(queries, k, rows)
        return found if rows is None else [among(rows, indices)[:k] for indices in found]

    def _walk(self, queries: np.ndarray, k: int) -> list[np.ndarray]:
        """(k,) each, the nearest first."""
        nearest = text(
            "SELECT asked.place - 1, ARRAY("
            f" SELECT item FROM {self._table} ORDER BY vector <#> CAST(asked.query AS vector) LIMIT :k"
            ") FROM unnest(CAST(:queries AS text[])) WITH ORDINALITY AS asked(query, place) ORDER BY 1"
        )
        with self._database.read() as connection:
            width = min(MOST, max(k, math.ceil(SLACK * k)))
            connection.execute(text("SELECT set_config('hnsw.ef_search', :width, true)"), {"width": str(width)})
            answers = connection.execute(nearest, {"queries": [_literal(query) for query in queries], "k": k})
            return [np.array(items, dtype=np.int64) for _, items in answers]


def hnsw(url: str) -> Search:
    """Makes the table and its graph in that database where they are not there yet, which takes
    minutes for large catalogues. Raises: StoreDown when it can't."""

    def search(name: str, vectors: np.ndarray) -> Nearest:
        digest = hashlib.blake2b(vectors, digest_size=6).hexdigest()
        start = f"items_{re.sub('[^a-z0-9]', '_', name)[:40]}"
        table = f"{start}_{digest}"
        builder = Database(url)
        if builder.name != "postgresql":
            raise StoreDown(f"{builder} can't look for vectors: CHATREC_VECTORS takes a PostgreSQL with pgvector")
        with builder.write() as connection:
            _build(connection, start, table, vectors)
        builder.close()
        return Hnsw(Database(url, impatient=True), table, vectors)

    return search


def _build(connection: Connection, name: str, table: str, vectors: np.ndarray) -> None:
    """Once, whoever comes first; the graphs of the catalogue's earlier vectors go."""
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    pattern = {"pattern": f"^{name}_[0-9a-f]{{12}}$"}
    old = (
        connection.execute(text("SELECT tablename FROM pg_tables WHERE tablename ~ :pattern"), pattern).scalars().all()
    )
    if table in old:
        return
    start = time.perf_counter()
    count, dimensions = vectors.shape
    connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
    connection.execute(text(f"CREATE TABLE {table} (item integer NOT NULL, vector vector({dimensions}) NOT NULL)"))
    with connection.connection.cursor() as cursor:
        for rows in _binary(vectors):
            cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", rows)
    # The graph is made in memory, else it takes many times as long.
    memory = 64 + math.ceil(count * (4 * dimensions + 64 * LINKS) / 2**20)
    connection.execute(text(f"SET LOCAL maintenance_work_mem = '{memory}MB'"))
    how = f"(vector vector_ip_ops) WITH (m = {LINKS}, ef_construction = {WIDTH})"
    connection.execute(text(f"CREATE INDEX ON {table} USING hnsw {how}"))
    for other in old:
        connection.execute(text(f"DROP TABLE {other}"))
    log.info("%s: %d vectors, in %.0f s", table, count, time.perf_counter() - start)


def _binary(vectors: np.ndarray) -> Iterator[io.BytesIO]:
    """Rows as PostgreSQL's binary COPY reads them, some thousands at a time."""
    width = vectors.shape[1]
    head = [("fields", ">i2"), ("four", ">i4"), ("item", ">i4"), ("bytes", ">i4"), ("width", ">i2"), ("unused", ">i2")]
    for start in range(0, len(vectors), COPIED):
        part = vectors[start : start + COPIED]
        rows = np.zeros(len(part), dtype=[*head, ("vector", ">f4", (width,))])
        rows["fields"], rows["four"], rows["bytes"], rows["width"] = 2, 4, 4 + 4 * width, width
        rows["item"], rows["vector"] = np.arange(start, start + len(part)), part
        yield io.BytesIO(b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff")


def _literal(query: Sequence[float]) -> str:
    return "[" + ",".join(f"{cell:.6g}" for cell in query) + "]"
