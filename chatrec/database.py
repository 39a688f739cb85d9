"""Reaching a database: address, transactions, schema upgrades, and failures in one line."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from chatrec.errors import BadInput, StoreDown

# The driver is named, since the one that plain "postgresql" means depends on SQLAlchemy's version.
_DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg2",
    "postgresql+psycopg2": "postgresql+psycopg2",
}
_INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_COMMON = {"future": True, "hide_parameters": True}
_PATIENCE = 10.0  # seconds that a statement may wait for somebody else's
_CONNECT = 5.0  # seconds
_RETRY = 1.0  # seconds for which an impatient one takes a failure for the answer, so that a turn waits once
_MIGRATION_LOCK = 0x43686174  # any number that every process of ours agrees on


class Database:
    """A SQLite or PostgreSQL database by URL. Nothing is opened before the first transaction.

    Every failure of a transaction is raised as :class:`StoreDown`, or as :class:`BadInput` when a row breaks a rule
    of the schema. Messages never hold the password or the values of a statement.
    """

    def __init__(self, url: str, impatient: bool = False) -> None:
        """``impatient``: no call waits for more than a second or two. Raises :class:`StoreDown` for an address that
        can't be used."""
        self._url = _address(url)
        self.name = self._url.get_backend_name()
        self._engine = _engine(self._url, 1.0 if impatient else _PATIENCE, 1.0 if impatient else _CONNECT)
        self._impatient, self._down_until, self._why = impatient, 0.0, ""
        self._writer = self._engine.execution_options(begin="IMMEDIATE")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that only reads."""
        with self._failures(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of it is kept, or nothing when the block raises."""
        with self._failures(), self._writer.begin() as connection:
            yield connection

    def insert_once(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
        """Insert the rows that aren't there yet, at most 1,000. Returns how many those were."""
        return connection.execute(_INSERTS[self.name](table).on_conflict_do_nothing(), rows).rowcount

    def insert_or_update(self, connection: Connection, table: Table, row: dict[str, Any], columns: list[str]) -> int:
        """Insert a row, or set these columns of the one that has its key. Returns how many rows that were: 1."""
        insert = _INSERTS[self.name](table).values(row)
        changed = {name: insert.excluded[name] for name in columns}
        key = [column.name for column in table.primary_key]
        return connection.execute(insert.on_conflict_do_update(index_elements=key, set_=changed)).rowcount

    def migrate(self) -> None:
        """Bring the schema to the newest revision. Processes that start together wait for each other."""
        with self.write() as connection:
            if self.name == "postgresql":  # SQLite has the lock already: BEGIN IMMEDIATE
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            config = _migrations()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def revision(self) -> str:
        """The schema's revision. Raises :class:`StoreDown` when it isn't the one that this code needs."""
        with self.read() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        wanted = ScriptDirectory.from_config(_migrations()).get_current_head()
        if found is None or found != wanted:
            raise StoreDown(f"{self}: the schema is at {found}, not at {wanted}; open the store once to upgrade it")
        return found

    def scrub(self) -> None:
        """Empty SQLite's log, which still holds deleted rows. Put off by SQLite while somebody else reads."""
        if self.name == "sqlite":
            with self._failures(), closing(self._engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def __str__(self) -> str:
        place = self._url.database or "memory"
        return f"{self.name} database {place}" + (f" on {self._url.host}" if self._url.host else "")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        if time.monotonic() < self._down_until:
            raise StoreDown(self._why)
        try:
            yield
        except IntegrityError as error:
            raise BadInput(
                f"row refused: {self._reason(error)}; was the user created, and not forgotten since?"
            ) from None
        except CommandError:
            raise StoreDown(f"{self} was written by a newer version of chatrec; update chatrec") from None
        except SQLAlchemyError as error:
            self._why = f"can't use the {self}: {self._reason(error)}; check that it runs, and its URL"
            self._down_until = time.monotonic() + _RETRY if self._impatient else 0.0
            raise StoreDown(self._why) from None

    def _reason(self, error: SQLAlchemyError) -> str:
        cause = str(error.orig if isinstance(error, DBAPIError) else error)
        line = next(iter(cause.strip().splitlines()), type(error).__name__)
        return line.replace(self._url.password, "***") if self._url.password else line


def _address(url: str) -> URL:
    # The parser's own message would repeat the whole URL, password included.
    try:
        parsed = make_url(url)
        driver = _DRIVERS.get(parsed.drivername)
    except (SQLAlchemyError, ValueError, AttributeError):
        driver = None
    if driver is None:
        raise StoreDown("not a database URL: use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    return parsed.set(drivername=driver)


def _engine(url: URL, patience: float, connect: float) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, patience)
    options = f"-c lock_timeout={1000 * patience:.0f}"
    how = {"connect_timeout": int(connect), "options": options, "tcp_user_timeout": int(1000 * patience)}
    return create_engine(url, pool_pre_ping=True, connect_args=how, **_COMMON)


def _sqlite(url: URL, patience: float) -> Engine:
    in_memory = url.database in (None, "", ":memory:")
    # A database in memory is its one connection: threads take turns instead of sharing a transaction.
    size = {"pool_size": 1, "max_overflow": 0} if in_memory else {}
    if not in_memory:
        _create_parent(Path(url.database))
    engine = create_engine(url, poolclass=QueuePool, connect_args={"check_same_thread": False}, **size, **_COMMON)
    event.listen(engine, "connect", partial(_set_up_sqlite, patience))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _create_parent(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise StoreDown(f"can't create the database's folder: {error}") from None


def _set_up_sqlite(patience: float, connection: Any, record: Any) -> None:
    # We say BEGIN ourselves: the driver's own begins come too late for a consistent read-then-write.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {1000 * patience:.0f}")
    _write_ahead(patience, connection)
    for pragma in ("synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(patience: float, connection: Any) -> None:
    # SQLite doesn't wait for a writer here: a process that comes while another one creates the file would fail.
    until = time.monotonic() + patience
    while True:
        try:
            return connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once, and waits for it. A reader that turned writer would fail instead of wait.
    connection.exec_driver_sql("BEGIN " + connection.get_execution_options().get("begin", "DEFERRED"))


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", "chatrec:migrations")
    return config
