"""A real PostgreSQL for the tests of the store, started from its wheel when the first test asks for it."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest


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
