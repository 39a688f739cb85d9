"""The tables of the store. The schema itself is made by ``migrations/``; a test compares the two."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Words(TypeDecorator):
    """Text from outside. Takes what every database takes: no NUL characters, no half surrogate pairs."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.encode("utf-8", "replace").decode().replace("\0", "")


class Json(TypeDecorator):
    """A JSON value as plain text, so that equal values are equal strings in every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return json.dumps(value, sort_keys=True)

    def process_result_value(self, value: str, dialect: Dialect) -> Any:
        return json.loads(value)


metadata = MetaData()


def _row_id() -> Column:
    # SQLite counts up in INTEGER PRIMARY KEY only.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _owner() -> Column:
    return Column("user_key", Words, ForeignKey("users.user_key", ondelete="CASCADE"), nullable=False)


def _said() -> Column:
    """The sentence that it was learnt from."""
    return Column("said", Words, nullable=False, server_default="")


def _seconds(name: str = "at") -> Column:
    return Column(name, Float, nullable=False)


users = Table(
    "users",
    metadata,
    Column("user_key", Words, primary_key=True),
    _seconds("created_at"),
    _seconds("last_seen"),
)

events = Table(
    "events",
    metadata,
    _row_id(),
    _owner(),
    Column("key", Words, nullable=False),
    Column("catalog", Words, nullable=False),
    Column("item_id", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("value", Float),
    Column("impression_id", Words),
    _seconds(),
    _said(),
    UniqueConstraint("user_key", "key", name="events_once"),
    Index("events_by_user", "user_key", "catalog", "at"),
)

impressions = Table(
    "impressions",
    metadata,
    Column("id", Words, primary_key=True),
    _owner(),
    Column("catalog", Words, nullable=False),
    _seconds(),
    Column("query", Json, nullable=False),
    Column("items", Json, nullable=False),
    Column("model", Words, nullable=False),
    Index("impressions_by_user", "user_key", "catalog", "at"),
)

turns = Table(
    "turns",
    metadata,
    _row_id(),
    _owner(),
    Column("key", Words, nullable=False),
    Column("conversation", Words, nullable=False),
    Column("speaker", Words, nullable=False),
    Column("text", Words, nullable=False),
    _seconds(),
    UniqueConstraint("user_key", "key", name="turns_once"),
    Index("turns_by_conversation", "user_key", "conversation", "at"),
)

preferences = Table(
    "preferences",
    metadata,
    _row_id(),
    _owner(),
    Column("catalog", Words, nullable=False),
    Column("slot", Words, nullable=False),
    Column("op", Words, nullable=False),
    Column("values", Json, nullable=False),
    Column("text", Words, nullable=False),
    Column("soft", Boolean, nullable=False),
    _seconds(),
    _said(),
    Index("preferences_by_user", "user_key", "catalog", "at"),
)

follow_ups = Table(
    "follow_ups",
    metadata,
    _row_id(),
    _owner(),
    Column("channel", Words, nullable=False),
    Column("conversation", Words, nullable=False),
    Column("person", Words, nullable=False),
    Column("catalog", Words, nullable=False),
    Column("item_id", Words, nullable=False),
    _seconds(),
    Index("follow_ups_by_time", "channel", "at"),
)

consents = Table(
    "consents",
    metadata,
    _row_id(),
    _owner(),
    Column("purpose", Words, nullable=False),
    Column("granted", Boolean, nullable=False),
    _seconds(),
    Index("consents_by_user", "user_key", "purpose", "at"),
)

reviews = Table(
    "reviews",
    metadata,
    _row_id(),
    _owner(),
    Column("impression_id", Words, nullable=False),
    Column("verdict", Words, nullable=False),
    Column("note", Words, nullable=False),
    _seconds(),
    Index("reviews_by_impression", "impression_id"),
)

hidden = Table(  # nobody's: what a reviewer hides stays hidden when the user who met it is forgotten
    "hidden",
    metadata,
    Column("catalog", Words, primary_key=True),
    Column("item_id", Words, primary_key=True),
    _seconds(),
)

owned = tuple(table for table in metadata.sorted_tables if "user_key" in table.c)  # parents first
