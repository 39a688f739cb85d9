"""Rows of ``items.csv`` to items, each problem with its file and line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
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
    header = [cell.strip() for cell in next(rows, (1, []))[1]]
    _check_header(header, path, schema)
    columns = _columns(header, schema)
    items: dict[str, Item] = {}
    problems: list[tuple[int, str]] = []
    for line, row in rows:
        try:
            item = _item(row, columns)
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


@dataclass(frozen=True)
class _Column:
    """One column of the file; ``index`` is its place in a row."""

    index: int
    name: str
    kind: SlotType
    min: float = -math.inf
    max: float = math.inf

    def value(self, cell: str) -> tuple[str, ...] | float | str:
        """Raises: ValueError that says what is wrong with the cell."""
        if self.kind == "text":
            return cell
        if self.kind == "number":
            return self._number(cell)
        if "|" not in cell:
            return (cell,)
        return tuple(dict.fromkeys(part for part in map(str.strip, cell.split("|")) if part))

    def _number(self, cell: str) -> float:
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"{self.name} is {cell!r}, not a number")
        if not self.min <= number <= self.max:
            raise ValueError(f"{self.name} is {number:.15g}, not from {self.min:.15g} to {self.max:.15g}")
        return number


def _columns(header: list[str], schema: Schema) -> list[_Column]:
    """Every column, id and title first."""
    kinds = schema.kinds()
    bounds = {slot.columns[0]: (slot.min, slot.max) for slot in schema.slots.values() if slot.type == "number"}
    first = [schema.columns["id"], schema.columns["title"]]
    names = first + [name for name in header if name not in first]
    return [_Column(header.index(n), n, kinds.get(n, "text"), *bounds.get(n, ())) for n in names]


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


def _item(row: list[str], columns: list[_Column]) -> Item:
    """Raises: ValueError that says what is wrong with the row."""
    if len(row) != len(columns):
        raise ValueError(f"{len(row)} fields where the header has {len(columns)}")
    item_id, title = (row[column.index].strip() for column in columns[:2])
    if not item_id or not title:
        raise ValueError(f"{columns[1 if item_id else 0].name} is empty")
    attributes = {}
    for column in columns[2:]:
        value = column.value(cell) if (cell := row[column.index].strip()) else ()
        if value != ():
            attributes[column.name] = value
    return Item(item_id, title, attributes)


def _report(path: Path, problems: list[tuple[int, str]]) -> str:
    (line, what), *others = problems
    if not others:
        return f"{path}:{line}: {what}"
    lines = ", ".join(str(other) for other, _ in others[:LINES_NAMED])
    rest = ", …" if len(others) > LINES_NAMED else ""
    rows = "row" if len(others) == 1 else "rows"
    return f"{path}:{line}: {what} (and {len(others)} more bad {rows}: line {lines}{rest})"
