"""Stores for the tests: each runs on SQLite and on a real PostgreSQL, which starts when the first test asks for it."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from chatrec.store import Store


@pytest.fixture(scope="session")
def postgres() -> Iterator:
    """One server for all tests. Run by root it switches to a user of its own, who must be able to reach its folder:
    so that lies directly in the temporary folder, where the path is also short enough for a socket."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which a container need not have
        pgserver = pytest.importorskip("pgserver")
    folder = Path(tempfile.mkdtemp(prefix="chatrec-pg-"))
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    yield server
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres) -> Iterator[str]:
    """An empty database of its own for one test."""
    name = f"test_{uuid.uuid4().hex}"
    postgres.psql(f"CREATE DATABASE {name}")
    yield postgres.get_uri(name).replace("postgresql:", "postgresql+psycopg2:")
    postgres.psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request, tmp_path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new folder' / 'store.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def store(url) -> Iterator[Store]:
    """A new store."""
    opened = Store.open(url, "a secret of the tests")
    yield opened
    opened.close()


@pytest.fixture
def cells(url) -> Callable[[], list[tuple[str, str]]]:
    """Reads every value of every table, past the store: pairs of table and value."""

    def read() -> list[tuple[str, str]]:
        engine = create_engine(url, future=True)
        with engine.connect() as connection:
            found = [
                (table, str(value))
                for table in inspect(connection).get_table_names()
                for row in connection.execute(text(f'SELECT * FROM "{table}"'))
                for value in row
            ]
        engine.dispose()
        return found

    return read
