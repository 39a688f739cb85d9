"""What only a database server can do to the store."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import NoneType

import pytest
from sqlalchemy import create_engine, text

from chatrec.errors import BadInput, StoreDown
from chatrec.store import Store
from chatrec.types import Event

pytestmark = pytest.mark.slow


def test_a_connection_that_the_server_dropped_is_replaced(postgres_url):
    store = Store.open(postgres_url, "secret")
    user = store.user("web:1")
    engine = create_engine(postgres_url, future=True)
    with engine.connect() as connection:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ended = connection.execute(text(f"SELECT pg_terminate_backend(pid) {others}")).all()
    assert ended
    assert store.add_event(user, "movies", Event("alien", "like", 1.0), "k")
    store.close()
    engine.dispose()


def test_a_server_that_stops_is_store_down_and_one_that_returns_is_used_again(postgres):
    folder = Path(tempfile.mkdtemp(prefix="chatrec-pg-"))
    start = type(postgres)
    (folder / "data").mkdir()
    server = start(folder / "data", cleanup_mode="stop")
    store = Store.open(server.get_uri(), "secret")
    user = store.user("web:1")
    server.cleanup()
    with pytest.raises(StoreDown) as caught:
        store.add_event(user, "movies", Event("alien", "like", 1.0), "k")
    assert "\n" not in str(caught.value)
    server = start(folder / "data", cleanup_mode="stop")
    assert store.add_event(user, "movies", Event("alien", "like", 1.0), "k") is True
    store.close()
    server.cleanup()
    shutil.rmtree(folder)


def test_a_user_forgotten_while_events_arrive_is_forgotten_whole(postgres_url):
    store = Store.open(postgres_url, "secret")

    def write(n: int) -> None:
        user = store.user("web:1")
        store.add_event(user, "movies", Event(f"i{n}", "like", float(n)), f"k{n}")

    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(write, n) for n in range(100)]
        pool.submit(store.forget, "web:1").result()
    assert all(isinstance(write.exception(), (BadInput, NoneType)) for write in writes)
    store.forget("web:1")
    assert not any(store.export("web:1").values())
    store.close()


def test_the_reads_of_a_conversation_use_an_index(postgres_url):
    store = Store.open(postgres_url, "secret")
    engine = create_engine(postgres_url, future=True)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        wanted = "SELECT * FROM events WHERE user_key = 'u' AND catalog = 'movies' ORDER BY at, id"
        plan = "\n".join(connection.execute(text(f"EXPLAIN {wanted}")).scalars())
    assert "events_by_user" in plan
    store.close()
    engine.dispose()
