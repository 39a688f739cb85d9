"""A catalogue: its schema, its items, and its columns as arrays."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from chatrec.errors import BadInput, UnknownItem
from chatrec.schema import Mood, Schema, Slot, load_schema  # noqa: F401  (part of this module's face)
from chatrec.types import Constraint, Item

ITEMS, SCHEMA = "items.csv", "schema.toml"


def fold(text: str) -> str:
    """Case, accents and surrounding space removed: how names and values are compared."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold().strip()


class Catalog:
    """Items in file order, index 0 to N-1. Columns become arrays when first used.

    ``version``: the first 12 hex digits of the sha256 over items and schema.
    """

    def __init__(self, schema: Schema, items: tuple[Item, ...], version: str) -> None:
        self.schema, self.items, self.version = schema, items, version
        self._position = {item.item_id: i for i, item in enumerate(items)}
        self._values: dict[str, Mapping[str, np.ndarray]] = {}
        self._numbers: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.items)

    def index(self, item_id: str) -> int:
        """Position of an item. Raises: UnknownItem."""
        try:
            return self._position[item_id]
        except KeyError:
            raise UnknownItem(f"no {self.schema.noun} with the id {item_id!r} in {self.schema.name}") from None

    def item(self, item_id: str) -> Item:
        """The item of that id. Raises: UnknownItem."""
        return self.items[self.index(item_id)]

    @cached_property
    def popularity(self) -> np.ndarray:
        """(N,) float32 in [0, 1]: how well known, on a log scale; 0 where unknown or without such a column."""
        known = np.log1p(np.nan_to_num(self._column(self.schema.columns.get("popularity")), nan=0.0))
        return (known / max(float(known.max(initial=0.0)), 1e-9)).astype(np.float32)

    @cached_property
    def reception(self) -> np.ndarray:
        """(N,) float32 in [0, 1]: how well liked; nan where unknown."""
        return (self._column(self.schema.columns.get("reception")) / 100).astype(np.float32)

    def values(self, slot: str) -> Mapping[str, np.ndarray]:
        """For tags and people: value -> ascending indices of the items that have it."""
        if slot not in self._values:
            found: dict[str, list[int]] = {}
            for i, item in enumerate(self.items):
                for value in dict.fromkeys(self._own(self.schema.slots[slot], item)):
                    found.setdefault(value, []).append(i)
            self._values[slot] = MappingProxyType({v: np.array(rows) for v, rows in found.items()})
        return self._values[slot]

    def numbers(self, slot: str) -> np.ndarray:
        """For numbers: (N,) float32, nan where missing."""
        if slot not in self._numbers:
            self._numbers[slot] = self._column(self.schema.slots[slot].columns[0])
        return self._numbers[slot]

    def mask(self, constraint: Constraint) -> np.ndarray:
        """(N,) bool: the items that meet it. A missing value never meets ``is``, ``min`` or ``max``."""
        slot = self.schema.slots[constraint.slot]
        if slot.type == "number":
            return _number_mask(self.numbers(slot.name), constraint)
        mask = np.zeros(len(self), dtype=bool)
        for value in constraint.values:
            for name in self._folded(slot.name).get(fold(str(value)), ()):
                mask[self.values(slot.name)[name]] = True
        return ~mask if constraint.op == "not" else mask

    def met(self, constraint: Constraint, item: Item) -> tuple[str, ...]:
        """The item's own values that meet the constraint, as strings; empty when it is not met."""
        slot = self.schema.slots[constraint.slot]
        if not self.mask_one(constraint, item):
            return ()
        if slot.type == "number":
            return (f"{item.attributes[slot.columns[0]]:g}",) if slot.columns[0] in item.attributes else ()
        wanted = {fold(str(v)) for v in constraint.values}
        return tuple(v for v in self._own(slot, item) if (fold(v) in wanted) == (constraint.op == "is"))

    def mask_one(self, constraint: Constraint, item: Item) -> bool:
        """Whether one item meets the constraint."""
        return bool(self.mask(constraint)[self.index(item.item_id)])

    def heading(self, item: Item) -> str:
        """``Alien (1979)``; the title alone without a year."""
        year = item.attributes.get(self.schema.columns.get("year", ""))
        return f"{item.title} ({year:g})" if isinstance(year, float) else item.title

    def describe(self, item: Item) -> str:
        """The item in one line, for the encoder, the ranker and people: heading, tags, people, prose."""
        parts = [self.heading(item)]
        for slot in self.schema.slots.values():
            for column in slot.columns if slot.type in ("tags", "people") else ():
                values = item.attributes.get(column)
                if values:
                    label = self.schema.labels.get(column, "")
                    parts.append(f"{label} {', '.join(values)}".strip().capitalize() if label else ", ".join(values))
        prose = item.attributes.get(self.schema.columns.get("text", ""))
        if prose:
            parts.append(str(prose))
        return ". ".join(parts) + "."

    def _own(self, slot: Slot, item: Item) -> list[str]:
        return [v for column in slot.columns for v in item.attributes.get(column, ())]

    def _column(self, column: str | None) -> np.ndarray:
        values = (item.attributes.get(column, math.nan) for item in self.items)
        return np.fromiter(values, dtype=np.float32, count=len(self))

    def _folded(self, slot: str) -> Mapping[str, tuple[str, ...]]:
        """Folded value or synonym -> values as the file spells them."""
        return self._spellings[slot]

    @cached_property
    def _spellings(self) -> dict[str, dict[str, tuple[str, ...]]]:
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for slot in self.schema.slots.values():
            names = found.setdefault(slot.name, {})
            for value in self.values(slot.name) if slot.type in ("tags", "people") else ():
                for spelling in (value, *slot.synonyms.get(value, ())):
                    names[fold(spelling)] = (*names.get(fold(spelling), ()), value)
        return found


def _number_mask(column: np.ndarray, constraint: Constraint) -> np.ndarray:
    values = [float(v) for v in constraint.values]
    with np.errstate(invalid="ignore"):
        if constraint.op == "min":
            return column >= values[0]
        if constraint.op == "max":
            return column <= values[0]
        equal = np.isin(column, np.array(values, dtype=np.float32))
    return ~equal if constraint.op == "not" else equal


def load_catalog(folder: Path) -> Catalog:
    """Read ``items.csv`` and ``schema.toml`` of a folder. Raises: BadInput with file and line."""
    schema = load_schema(folder / SCHEMA)
    try:
        raw = (folder / ITEMS).read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{folder / ITEMS}: no such file; `chatrec catalog import` makes one") from None
    digest = hashlib.sha256(raw + (folder / SCHEMA).read_bytes()).hexdigest()[:12]
    return Catalog(schema, read_items(raw, folder / ITEMS, schema), digest)


def load_catalogs(folder: Path) -> dict[str, Catalog]:
    """Every catalogue under a folder, by name. Raises: BadInput."""
    found = {path.parent.name: load_catalog(path.parent) for path in sorted(folder.glob(f"*/{SCHEMA}"))}
    if not found:
        raise BadInput(f"{folder}: no catalogue there; `chatrec catalog build` makes the films")
    return found


def import_catalog(name: str, source: Path, schema: Path, catalogs: Path) -> Catalog:
    """Check a CSV against a schema and put both into ``catalogs/name``, whole or not at all.

    Raises:
        BadInput: ``file:line`` of the first bad row and how many more there are; nothing is changed.
    """
    if not name.isidentifier():
        raise BadInput(f"{name!r} can't name a catalogue: use letters, digits and _")
    target = catalogs / name
    catalogs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=catalogs, prefix=f".{name}-") as scratch:
        fresh = Path(scratch) / name
        fresh.mkdir()
        try:
            shutil.copyfile(source, fresh / ITEMS)
            shutil.copyfile(schema, fresh / SCHEMA)
        except OSError as error:
            raise BadInput(f"{error.filename}: {error.strerror}") from None
        found = load_schema(fresh / SCHEMA) if schema.exists() else None
        if found is None or found.name != name:
            raise BadInput(f"{schema}: name must be {name!r}")
        read_items((fresh / ITEMS).read_bytes(), source, found)
        old = Path(scratch) / "old"
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    return load_catalog(target)


def read_items(raw: bytes, path: Path, schema: Schema) -> tuple[Item, ...]:
    """Items of a CSV file's bytes. Raises: BadInput with ``path:line`` of the first bad row and a count of the rest."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BadInput(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None
    if "\0" in text:
        raise BadInput(f"{path}:{text[: text.index(chr(0))].count(chr(10)) + 1}: a NUL byte; this is not a text file")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = next(reader, [])
    needed = [c for role, c in schema.columns.items()] + [c for s in schema.slots.values() for c in s.columns]
    missing = sorted(set(needed) - set(header))
    if missing:
        raise BadInput(f"{path}:1: no column {missing[0]!r}; schema.toml names it")
    items: dict[str, Item] = {}
    problems: list[str] = []
    for line, row in _rows(reader, path):
        problem = _add(items, header, row, schema)
        if problem:
            problems.append(f"{path}:{line}: {problem}")
    if problems:
        more = f" (and {len(problems) - 1} more bad rows)" if len(problems) > 1 else ""
        raise BadInput(problems[0] + more)
    if not items:
        raise BadInput(f"{path}:2: no items")
    return tuple(items.values())


def _rows(reader: Iterator[list[str]], path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise BadInput(f"{path}:{reader.line_num}: {error}") from None


def _add(items: dict[str, Item], header: list[str], row: list[str], schema: Schema) -> str:
    """Put one row into ``items``; the problem in words when it can't be."""
    if len(row) != len(header):
        return f"{len(row)} fields where the header has {len(header)}"
    cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
    item_id, title = cells[schema.columns["id"]], cells[schema.columns["title"]]
    if not item_id or not title:
        return f"{schema.columns['id' if not item_id else 'title']} is empty"
    if item_id in items:
        return f"{schema.columns['id']} {item_id!r} is there twice"
    attributes: dict[str, tuple[str, ...] | float | str] = {}
    kinds = {schema.columns[r]: "number" for r in ("year", "popularity", "reception") if r in schema.columns}
    kinds |= {column: slot.type for slot in schema.slots.values() for column in slot.columns}
    for column, cell in cells.items():
        if not cell or column in (schema.columns["id"], schema.columns["title"]):
            continue
        kind = kinds.get(column, "text")
        if kind == "number":
            try:
                attributes[column] = float(cell)
            except ValueError:
                return f"{column} is {cell!r}, not a number"
            if not math.isfinite(attributes[column]):
                return f"{column} is {cell!r}, not a number"
        else:
            attributes[column] = tuple(v.strip() for v in cell.split("|") if v.strip()) if kind != "text" else cell
    items[item_id] = Item(item_id, title, MappingProxyType(attributes))
    return ""
