"""Rasa's own database of conversations, as far as forgetting goes. Rasa writes it; only rows are erased here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text, delete, func, inspect, select
from sqlalchemy.engine import Connection, make_url

from chatrec.database import Database

_events = Table(
    "events",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("sender_id", String(255)),
    Column("type_name", String(255)),
    Column("timestamp", Float),
    Column("data", Text),
)


class Trackers:
    """The tracker store at a database URL; one that is not there holds nothing. Calls raise :class:`StoreDown`."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        file = make_url(url).database
        self._file = Path(file) if self._database.name == "sqlite" and file else None

    def forget(self, is_them: Callable[[str], bool]) -> tuple[str, ...]:
        """Erase every conversation of a person whole, others' words in it included. Returns their names.

        ``is_them``: whether an id on a platform is theirs; conversations without one are called after the person.
        """
        return self._erase(lambda connection: _conversations_of(connection, is_them))

    def expire(self, before: float) -> tuple[str, ...]:
        """Erase every conversation that ended before a time. Returns their names."""
        ended = select(_events.c.sender_id).group_by(_events.c.sender_id).having(func.max(_events.c.timestamp) < before)
        return self._erase(lambda connection: tuple(connection.scalars(ended)))

    def close(self) -> None:
        self._database.close()

    def _erase(self, choose: Callable[[Connection], tuple[str, ...]]) -> tuple[str, ...]:
        if self._file is not None and not self._file.exists():
            return ()
        with self._database.write() as connection:
            if not inspect(connection).has_table(_events.name):
                return ()
            names = choose(connection)
            for name in names:
                connection.execute(delete(_events).where(_events.c.sender_id == name))
        self._database.scrub()
        return names


def _conversations_of(connection: Connection, is_them: Callable[[str], bool]) -> tuple[str, ...]:
    said = select(_events.c.sender_id, _events.c.data).where(_events.c.type_name == "user")
    found = dict.fromkeys(name for name, data in connection.execute(said) if is_them(_person(name, data)))
    return tuple(found)


def _person(conversation: str, data: str) -> str:
    return str((json.loads(data).get("metadata") or {}).get("user") or conversation)
