"""While the database is down, what a turn writes waits, and comes in order and once when it is back."""

from __future__ import annotations

import json
import resource
import shutil
import stat
from pathlib import Path

import pytest

from chatrec.errors import StoreDown
from chatrec.spool import Spool
from chatrec.store import Store
from chatrec.types import Constraint, Event, Query, RankedList, Turn


class Breakable:
    """A SQLite database that can be away."""

    def __init__(self, folder: Path) -> None:
        self.file, self.aside = folder / "db" / "store.db", folder / "aside"
        self.url = f"sqlite:///{self.file}"

    def goes(self) -> None:
        shutil.move(self.file.parent, self.aside)
        self.file.parent.write_text("not a folder")

    def returns(self) -> None:
        self.file.parent.unlink()
        shutil.move(self.aside, self.file.parent)


@pytest.fixture
def database(tmp_path) -> Breakable:
    return Breakable(tmp_path)


@pytest.fixture
def spool(tmp_path) -> Spool:
    return Spool(tmp_path / "spool.jsonl")


@pytest.fixture
def store(database, spool, monkeypatch) -> Store:
    monkeypatch.setattr("chatrec.database._RETRY", 0.0)
    Store.open(database.url, "secret").close()
    return Store(database.url, "secret", spool)


def act(store: Store, n: int) -> None:
    user = store.user("web:ada")
    store.add_turn(user, "talk", Turn("user", f"turn {n}"), float(n), f"t{n}")
    store.add_event(user, "movies", Event(f"i{n}", "like", float(n)), f"k{n}")
    store.add_impression(user, RankedList("movies", (), (), f"list {n}", "dull", 0.1), Query("movies"), [])
    store.remember(user, "movies", Constraint("genre", "is", ("Horror",), text=f"wish {n}"))


def kept(database: Breakable) -> tuple[list[str], list[str], list[str], int]:
    store = Store.open(database.url, "secret")
    user = store.user("web:ada")
    events = [event.item_id for event in store.events(user)]
    turns = [turn.text for turn in store.turns(user, "talk", 99)]
    wishes = [preference.constraint.text for preference in store.preferences(user)]
    lists = len(store.export("web:ada")["impressions"])
    store.close()
    return events, turns, wishes, lists


def test_what_was_written_while_it_was_down_comes_in_order_and_once(database, spool, store):
    database.goes()
    for n in (0, 1, 1, 2):
        act(store, n)
    with pytest.raises(StoreDown):
        store.catch_up()
    with pytest.raises(StoreDown):
        store.events("anybody")
    database.returns()
    act(store, 3)
    assert spool.empty
    assert store.catch_up() == 0
    events, turns, wishes, lists = kept(database)
    assert events == ["i0", "i1", "i2", "i3"]
    assert turns == ["turn 0", "turn 1", "turn 2", "turn 3"]
    assert wishes == ["wish 3"]
    assert lists == 4


def test_a_process_that_dies_in_the_middle_of_it_leaves_nothing_out_and_nothing_twice(database, spool, store, tmp_path):
    database.goes()
    for n in range(3):
        act(store, n)
    database.returns()
    before = (tmp_path / "spool.jsonl").read_bytes()
    assert store.catch_up() == 15
    (tmp_path / "spool.jsonl").write_bytes(before)  # as if it died before the file was emptied
    assert Store.open(database.url, "secret", Spool(tmp_path / "spool.jsonl")).catch_up() == 0
    assert kept(database) == (["i0", "i1", "i2"], ["turn 0", "turn 1", "turn 2"], ["wish 2"], 3)


def test_it_stops_where_the_database_goes_away_again_and_goes_on_there(spool):
    for n in range(5):
        spool.add("events", {"n": n})
    taken: list[int] = []

    def keep(table: str, row: dict) -> None:
        if len(taken) == 2:
            raise StoreDown("gone")
        taken.append(row["n"])

    with pytest.raises(StoreDown):
        spool.drain(keep)
    assert spool.drain(lambda table, row: taken.append(row["n"])) == 3
    assert taken == [0, 1, 2, 3, 4]
    assert spool.empty


def test_a_full_disk_loses_nothing(spool, tmp_path):
    spool.add("events", {"n": 0})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))
    try:
        spool.add("events", {"n": 1})
        spool.add("events", {"n": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len((tmp_path / "spool.jsonl").read_text().splitlines()) == 1, "no torn line"
    spool.add("events", {"n": 3})
    taken: list[int] = []
    assert spool.drain(lambda table, row: taken.append(row["n"])) == 4
    assert taken == [0, 1, 2, 3]


def test_a_line_that_is_none_and_a_row_that_is_refused_are_dropped(database, store, spool, tmp_path):
    (tmp_path / "spool.jsonl").write_text("[half a li\n" + json.dumps(["events", {"user_key": "nobody"}]) + "\n")
    act(store, 0)
    assert kept(database)[0] == ["i0"]


def test_a_store_that_is_down_from_the_start_is_brought_up_to_date_later(database, spool, monkeypatch):
    monkeypatch.setattr("chatrec.database._RETRY", 0.0)
    database.file.mkdir(parents=True)
    store = Store.open(database.url, "secret", spool)
    act(store, 0)
    database.file.rmdir()
    act(store, 1)
    assert kept(database)[0] == ["i0", "i1"]


def test_what_waits_of_somebody_who_is_forgotten_is_forgotten(database, store, spool):
    act(store, 0)
    database.goes()
    act(store, 1)
    other = store.user("web:bob")
    database.returns()
    store.forget("web:ada")
    store.catch_up()
    assert store.find_user("web:ada") is None
    assert store.find_user("web:bob") == other


def test_a_hidden_item_stays_hidden(database, store):
    store.hide("movies", "alien")
    assert store.hidden("movies") == {"alien"}
    database.goes()
    assert store.hidden("movies") == {"alien"}


def test_nobody_else_may_read_what_waits(spool, tmp_path):
    spool.add("events", {"n": 0})
    spool.add("events", {"n": 1})
    with pytest.raises(StoreDown):
        spool.drain(lambda table, row: (_ for _ in ()).throw(StoreDown("gone")) if row["n"] else None)
    assert stat.S_IMODE((tmp_path / "spool.jsonl").stat().st_mode) == 0o600
