"""Rows of ``items.csv`` to items, each problem with its file and line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from chatrec.errors import BadInput
from chatrec.schema import Schema, SlotType
from chatrec.types import Item

LINES_NAMED = 5  # how many further bad lines a message names


def read_items(raw: bytes, path: Path, schema: Schema) -> tuple[Item, ...]:
    """Items of a CSV file's bytes, in file order. ``path`` is only for messages.

    Raises:
        BadInput: ``path:line: what`` for the first bad row, and which other lines are bad.
    """
    rows = _records(_decode(raw, path), path)
    _, header = next(rows, (1, []))
    header = [cell.strip() for cell in header]
    _check_header(header, path, schema)
    kinds = schema.kinds()
    items: dict[str, Item] = {}
    problems: list[tuple[int, str]] = []
    for line, row in rows:
        try:
            item = _item(header, row, schema, kinds)
            if item.item_id in items:
                raise ValueError(f"{schema.columns['id']} {item.item_id!r} is there twice")
            items[item.item_id] = item
        except ValueError as error:
            problems.append((line, str(error)))
    if problems:
        raise BadInput(_report(path, problems))
    if not items:
        raise BadInput(f"{path}:2: no rows below the header")
    return tuple(items.values())


def _decode(raw: bytes, path: Path) -> str:
    nul = raw.find(b"\0")
    if nul >= 0:
        raise BadInput(f"{path}:{raw.count(10, 0, nul) + 1}: a NUL byte; this is not a CSV text file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(10, 0, error.start) + 1
        raise BadInput(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None


def _records(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line the record starts on, cells), blank lines left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for row in reader:
            if any(map(str.strip, row)):
                yield start, row
            start = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{path}:{start}: not valid CSV: {error}") from None


def _check_header(header: list[str], path: Path, schema: Schema) -> None:
    for column in header:
        if header.count(column) > 1:
            raise BadInput(f"{path}:1: the column {column!r} is there twice")
    for column in (*schema.columns.values(), *schema.kinds()):
        if column not in header:
            found = ", ".join(header) or "nothing"
            raise BadInput(f"{path}:1: no column {column!r}, which the schema names; the header has {found}")


def _item(header: list[str], row: list[str], schema: Schema, kinds: Mapping[str, SlotType]) -> Item:
    """Raises: ValueError that says what is wrong with the row."""
    if len(row) != len(header):
        raise ValueError(f"{len(row)} fields where the header has {len(header)}")
    cells = {column: cell.strip() for column, cell in zip(header, row, strict=True)}
    own = [cells.pop(schema.columns[role]) for role in ("id", "title")]
    for role, cell in zip(("id", "title"), own, strict=True):
        if not cell:
            raise ValueError(f"{schema.columns[role]} is empty")
    attributes = {column: _value(column, cell, kinds.get(column, "text")) for column, cell in cells.items() if cell}
    for slot in schema.slots.values():
        number = attributes.get(slot.columns[0]) if slot.type == "number" else None
        if isinstance(number, float) and not slot.min <= number <= slot.max:
            raise ValueError(f"{slot.columns[0]} is {number:g}, not from {slot.min:g} to {slot.max:g}")
    return Item(own[0], own[1], {column: value for column, value in attributes.items() if value != ()})


def _value(column: str, cell: str, kind: SlotType) -> tuple[str, ...] | float | str:
    if kind == "text":
        return cell
    if kind != "number":
        if "|" not in cell:
            return (cell,)
        return tuple(dict.fromkeys(part.strip() for part in cell.split("|") if part.strip()))
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{column} is {cell!r}, not a number")
    return number


def _report(path: Path, problems: list[tuple[int, str]]) -> str:
    (line, what), *others = problems
    if not others:
        return f"{path}:{line}: {what}"
    lines = ", ".join(str(other) for other, _ in others[:LINES_NAMED])
    rest = ", …" if len(others) > LINES_NAMED else ""
    rows = "row" if len(others) == 1 else "rows"
    return f"{path}:{line}: {what} (and {len(others)} more bad {rows}: line {lines}{rest})"
