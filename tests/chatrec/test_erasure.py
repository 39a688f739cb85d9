"""Forgetting reaches Rasa's conversations and the logs, and so does time."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from chatrec import erasure
from chatrec.settings import Settings
from chatrec.store import Store
from chatrec.types import Turn


@pytest.fixture
def settings(tmp_path) -> Settings:
    db = f"sqlite:///{tmp_path / 'chatrec.db'}"
    return replace(Settings(), var=tmp_path, db=db, trackers=f"sqlite:///{tmp_path / 'rasa.db'}", secret="of the tests")


@pytest.fixture
def store(settings) -> Store:
    return Store.open(settings.db, settings.secret)


def converse(settings: Settings, conversation: str, person: str | None, text: str, at: float) -> None:
    """A conversation as Rasa's SQL tracker store keeps it."""
    with sqlite3.connect(settings.var / "rasa.db") as connection:
        connection.execute(
            "create table if not exists events (id integer primary key, sender_id varchar(255), type_name varchar(255),"
            " timestamp float, intent_name varchar(255), action_name varchar(255), data text)"
        )
        metadata = {"user": person} if person else {}
        for kind, data in (("user", {"text": text, "metadata": metadata}), ("bot", {"text": f"about {text}"})):
            row = (conversation, kind, at, json.dumps(data))
            connection.execute("insert into events (sender_id, type_name, timestamp, data) values (?, ?, ?, ?)", row)


def conversations(settings: Settings) -> set[str]:
    with sqlite3.connect(settings.var / "rasa.db") as connection:
        return {name for (name,) in connection.execute("select distinct sender_id from events")}


@pytest.mark.parametrize("by", ["platform id", "key"])
def test_all_conversations_of_a_person_and_the_lines_about_them_go(store, settings, by):
    converse(settings, "talk-1", "telegram:42", "quokkatropic", time.time())
    converse(settings, "talk-2", "telegram:42", "more of it", time.time())
    converse(settings, "telegram:42", None, "without a name", time.time())
    converse(settings, "talk-3", "telegram:77", "somebody else", time.time())
    user = store.user("telegram:42")
    store.add_turn(user, "talk-1", Turn("user", "quokkatropic"), 1.0, "k")
    log = settings.var / "logs" / "rasa.log"
    log.parent.mkdir()
    log.write_text("started\nERROR talk-1 failed\nERROR telegram:42 failed\nstopped\n")
    erased = erasure.forget("telegram:42" if by == "platform id" else user, store, settings)
    assert (erased.conversations, erased.rows) == (3, 2)
    assert conversations(settings) == {"talk-3"}
    assert log.read_text() == "started\nstopped\n"
    left = b"".join(path.read_bytes() for path in settings.var.rglob("*") if path.is_file())
    assert b"quokkatropic" not in left and user.encode() not in left


def test_nothing_is_there_to_forget_without_a_tracker_store(store, settings):
    assert erasure.forget("telegram:42", store, settings) == erasure.Erased(0, 0, 0)
    assert not Path(settings.var / "rasa.db").exists()


def test_old_conversations_go_whole_and_those_that_go_on_stay(store, settings):
    settings, day = replace(settings, retention_days=30), erasure.DAY
    converse(settings, "old", "web:1", "long ago", time.time() - 31 * day)
    converse(settings, "both", "web:2", "long ago", time.time() - 31 * day)
    converse(settings, "both", "web:2", "and now", time.time())
    assert erasure.expire(store, settings).conversations == 1
    assert conversations(settings) == {"both"}
