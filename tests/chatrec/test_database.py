"""Opening, upgrading and losing the database behind the store."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from chatrec.errors import StoreDown
from chatrec.store import Store
from chatrec.tables import metadata
from chatrec.types import Event

SECRET = "a secret of the tests"

WRITER = """
import sys
from chatrec.store import Store
from chatrec.types import Event
store = Store.open(sys.argv[1], sys.argv[2])
user = store.user("web:1")
for n in range(1000):
    store.add_event(user, "movies", Event(f"i{n}", "like", float(n)), f"k{n}")
    print(f"i{n}", flush=True)
"""

STARTER = """
import sys
from chatrec.store import Store
print("loaded", flush=True)
sys.stdin.readline()
print(Store.open(sys.argv[1], sys.argv[2]).health().revision)
"""


def python(code: str, url: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code, url, SECRET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_events_acknowledged_before_kill_9_are_there_exactly_once(url):
    child = python(WRITER, url)
    acknowledged = [child.stdout.readline().strip() for _ in range(300)]
    child.kill()
    acknowledged += child.communicate()[0].split()

    store = Store.open(url, SECRET)
    stored = Counter(event.item_id for event in store.events(store.user("web:1")))
    assert 300 <= len(acknowledged) < 1000
    assert all(stored[item] == 1 for item in acknowledged)
    assert len(stored) < 1000  # killed in the middle: a few more may be stored than the parent has read of

    again = python(WRITER, url)
    again.communicate(timeout=120)
    stored = Counter(event.item_id for event in store.events(store.user("web:1")))
    assert again.returncode == 0 and stored == Counter(f"i{n}" for n in range(1000))
    store.close()


def test_four_processes_may_open_a_new_database_at_once(url, cells):
    children = [python(STARTER, url) for _ in range(4)]
    for child in children:
        assert child.stdout.readline() == "loaded\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    revisions = {child.communicate(timeout=120)[0].strip() for child in children}
    assert [child.returncode for child in children] == [0, 0, 0, 0]
    assert [value for table, value in cells() if table == "alembic_version"] == list(revisions)


def test_a_start_waits_for_another_one_that_is_creating_the_file(tmp_path):
    first = sqlite3.connect(tmp_path / "store.db", isolation_level=None, check_same_thread=False)
    first.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as other:
        opened = other.submit(Store.open, f"sqlite:///{tmp_path / 'store.db'}", SECRET)
        assert wait([opened], timeout=0.5).not_done
        first.execute("COMMIT")
        assert opened.result(timeout=20).health()
    first.close()


def test_the_migrations_make_the_tables_that_the_code_declares(store, url):
    engine = create_engine(url, future=True)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_migrations_can_be_taken_back(store, url):
    engine = create_engine(url, future=True)
    config = Config()
    config.set_main_option("script_location", "chatrec:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_health_names_the_database_and_notices_a_schema_that_is_missing(url):
    with pytest.raises(StoreDown, match="not at"):
        Store(url, SECRET).health()
    store = Store.open(url, SECRET)
    assert url.startswith(store.health().database)
    store.close()


def test_a_database_of_a_newer_version_is_left_alone(store, url):
    engine = create_engine(url, future=True)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreDown, match="newer version"):
        Store.open(url, SECRET)
    with pytest.raises(StoreDown, match="9999"):
        store.health()
    engine.dispose()


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql://ann:s3cret@127.0.0.1:1/chatrec",
        "postgresql://ann:s3cret@no-such-host.invalid/chatrec",
        "postgresql://ann:s3cret@localhost:port/chatrec",
        "mysql://ann:s3cret@localhost/chatrec",
        "s3cret",
        "",
        "sqlite:////proc/s3cret/chatrec.db",
        "sqlite:////dev",
        "sqlite:////tmp/nul\0/chatrec.db",
    ],
)
def test_a_wrong_address_is_store_down_in_one_line_without_the_password(wrong):
    with pytest.raises(StoreDown) as caught:
        Store.open(wrong, SECRET)
    message = str(caught.value)
    assert message and "\n" not in message and ("s3cret" not in message or "/proc/s3cret" in message)


def test_a_file_that_is_no_database_is_store_down_and_stays_as_it_is(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("my notes\n" * 100)
    with pytest.raises(StoreDown, match="not a database"):
        Store.open(f"sqlite:///{file}", SECRET)
    assert file.read_text() == "my notes\n" * 100


@pytest.mark.parametrize("memory", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_serves_several_threads(memory):
    store = Store.open(memory, SECRET)

    def one_event(n: int) -> bool:
        return store.add_event(store.user(f"web:{n}"), "movies", Event("alien", "like", float(n)), "k")

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one_event, range(50)))
    assert all(len(store.events(store.user(f"web:{n}"))) == 1 for n in range(50))
    store.close()
