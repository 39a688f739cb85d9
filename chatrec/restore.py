"""Reads what ``Store.export`` gave, before it is put back: nothing of it is believed unchecked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Boolean, Column, Float, Table

from chatrec import tables
from chatrec.errors import BadInput

Row = dict[str, Any]


def rows_to_restore(data: Any, source: str) -> dict[Table, list[Row]]:
    """The rows of one user, by table, parents first. ``source``: what to call it in messages. Raises: BadInput."""
    names = {table.name for table in tables.owned}
    if not isinstance(data, Mapping) or not data.keys() <= names or not isinstance(data.get("users"), list):
        raise BadInput(f"{source}: not an export; it should have the tables {', '.join(sorted(names))}")
    rows = {table: list(_rows(table, data.get(table.name, []), source)) for table in tables.owned}
    owners = {row["user_key"] for found in rows.values() for row in found}
    if len(owners) != 1:
        raise BadInput(f"{source}: an export is about one user; this is about {len(owners)}")
    return rows


def bare(table: Table, row: Mapping[str, Any]) -> Row:
    """The row without the number that a database counts up, which may be somebody else's by now."""
    return {name: value for name, value in row.items() if not _counted(table.c[name])}


def _rows(table: Table, rows: Any, source: str) -> Iterator[Row]:
    for number, row in enumerate(rows if isinstance(rows, list) else [rows]):
        place = f"{source}: {table.name}[{number}]"
        if not isinstance(row, Mapping) or row.keys() != set(table.c.keys()):
            raise BadInput(f"{place} should have {', '.join(table.c.keys())}")
        for name, value in row.items():
            if not _fits(table, name, value):
                raise BadInput(f"{place}.{name} is {value!r}, which does not belong there")
        yield bare(table, row)


def _counted(column: Column) -> bool:
    return column.primary_key and not isinstance(column.type, tables.Words)


def _fits(table: Table, name: str, value: Any) -> bool:
    column = table.c[name]
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, tables.Json):
        return isinstance(value, list | dict)
    if isinstance(column.type, Boolean):
        return isinstance(value, bool)
    if isinstance(column.type, Float) or _counted(column):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)
