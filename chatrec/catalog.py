"""A catalogue: its schema, its items, and its columns as arrays."""

from __future__ import annotations

import hashlib
import logging
import math
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chatrec.errors import BadInput, UnknownItem
from chatrec.policy import NO_POLICY, SLOT, Policy, banned_in, banned_pattern, load_policy
from chatrec.rows import read_items
from chatrec.schema import Mood, Schema, Slot, load_schema
from chatrec.types import Constraint, Item

if TYPE_CHECKING:
    from chatrec.looks import Looks

__all__ = [
    "Catalog",
    "Mood",
    "Schema",
    "Slot",
    "fold",
    "import_catalog",
    "load_catalog",
    "load_catalogs",
    "load_schema",
]

log = logging.getLogger(__name__)

ITEMS, SCHEMA = "items.csv", "schema.toml"


def fold(text: str) -> str:
    """Case, accents and surrounding space removed: how names and values are compared."""
    if text.isascii():
        return text.lower().strip()
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold().strip()


class Catalog:
    """Items in file order, index 0 to N-1. Columns become arrays when first used.

    ``version``: the first 12 hex digits of the sha256 over items.csv and schema.toml. ``policy``: what of it may not
    be shown to whom. ``looks``: how the items look, once somebody has looked (``bootstrap.catalogs_of``).
    """

    looks: Looks | None = None

    def __init__(self, schema: Schema, items: tuple[Item, ...], version: str = "", policy: Policy = NO_POLICY) -> None:
        self.schema, self.items, self.version, self.policy = schema, items, version, policy
        self._position = {item.item_id: i for i, item in enumerate(items)}
        self._values: dict[str, dict[str, np.ndarray]] = {}
        self._numbers: dict[str, np.ndarray] = {}
        self._spellings: dict[str, dict[str, frozenset[str]]] = {}

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._position

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
        counts = np.log1p(np.nan_to_num(self._column(self.schema.columns.get("popularity"))).clip(min=0))
        return counts / max(float(counts.max(initial=0)), 1.0)

    @cached_property
    def reception(self) -> np.ndarray:
        """(N,) float32 in [0, 1]: how well liked; nan where unknown."""
        return self._column(self.schema.columns.get("reception")) / 100

    def values(self, slot: str) -> Mapping[str, np.ndarray]:
        """For every type but number: value -> ascending indices of the items that have it."""
        if slot not in self._values:
            rows: dict[str, list[int]] = {}
            for i, item in enumerate(self.items):
                for value in dict.fromkeys(_own(self.schema.slots[slot], item)):
                    rows.setdefault(value, []).append(i)
            self._values[slot] = {value: np.array(where) for value, where in rows.items()}
        return self._values[slot]

    def numbers(self, slot: str) -> np.ndarray:
        """For numbers: (N,) float32 in the slot's unit, nan where missing."""
        if slot not in self._numbers:
            self._numbers[slot] = self._column(self.schema.slots[slot].columns[0])
        return self._numbers[slot]

    def own(self, slot: str, item: Item) -> tuple[str | float, ...]:
        """The item's values of a slot, over all its columns."""
        return _own(self.schema.slots[slot], item)

    def mask(self, constraint: Constraint) -> np.ndarray:
        """(N,) bool: the items that meet it. A missing value never meets ``is``, ``min`` or ``max``. On the policy's
        slot, those that meet one of what the rule allows."""
        if constraint.slot == SLOT:
            rules = [self.policy.rules[str(name)] for name in constraint.values if name in self.policy.rules]
            allowed = [self.mask(one) for rule in rules for one in rule.only]
            return np.any(allowed, axis=0) if allowed else np.ones(len(self), dtype=bool)
        slot = self.schema.slots[constraint.slot]
        if slot.type == "number":
            return _meet(self.numbers(slot.name), constraint)
        mask = np.zeros(len(self), dtype=bool)
        for value in self._wanted(constraint):
            mask[self.values(slot.name)[value]] = True
        return ~mask if constraint.op == "not" else mask

    def met(self, constraint: Constraint, item: Item) -> tuple[str, ...]:
        """The item's own values that meet the constraint, as strings; for ``not`` all it has; empty when unmet."""
        slot = self.schema.slots[constraint.slot]
        own = _own(slot, item)
        if slot.type == "number":
            column = np.array(own, dtype=np.float32)
            return tuple(f"{value:.15g}" for value in own) if own and _meet(column, constraint).all() else ()
        wanted = self._wanted(constraint)
        if constraint.op == "not":
            return () if wanted.intersection(own) else tuple(dict.fromkeys(own))
        return tuple(value for value in dict.fromkeys(own) if value in wanted)

    def heading(self, item: Item) -> str:
        """``Alien (1979)``; the title alone without a year."""
        year = item.attributes.get(self.schema.columns.get("year", ""))
        return f"{item.title} ({year:g})" if isinstance(year, float) else item.title

    def describe(self, item: Item) -> str:
        """The item in one line, for the encoder, the ranker and people: heading, the schema's ``describe``, prose."""
        parts = [self.heading(item)]
        for column in self.schema.describe:
            said = ", ".join(_texts(item.attributes.get(column, ())))
            if said:
                label = self.schema.labels.get(column, "")
                parts.append(f"{label[:1].upper()}{label[1:]} {said}".strip())
        parts += _texts(item.attributes.get(self.schema.columns.get("text", ""), ()))
        return " ".join(part if part[-1] in ".!?" else f"{part}." for part in parts)

    def _wanted(self, constraint: Constraint) -> frozenset[str]:
        """The catalogue's own spellings of the constraint's values, synonyms understood."""
        spellings = self._spelled(self.schema.slots[constraint.slot])
        return frozenset().union(*(spellings.get(fold(str(value)), ()) for value in constraint.values))

    def _spelled(self, slot: Slot) -> Mapping[str, frozenset[str]]:
        """Folded value or synonym -> values as items.csv spells them; a value wins over another's synonym."""
        if slot.name not in self._spellings:
            values = _gathered((fold(value), value) for value in self.values(slot.name))
            synonyms = _gathered(
                (fold(word), own)
                for value, words in slot.synonyms.items()
                for own in values.get(fold(value), ())
                for word in words
            )
            self._spellings[slot.name] = synonyms | values
        return self._spellings[slot.name]

    def _column(self, column: str | None) -> np.ndarray:
        cells = (item.attributes.get(column, math.nan) for item in self.items)
        return np.fromiter(cells, dtype=np.float32, count=len(self))


def _gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for key, value in pairs:
        found.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in found.items()}


def _own(slot: Slot, item: Item) -> tuple[str | float, ...]:
    """The item's values of a slot, over all its columns."""
    found: list[str | float] = []
    for column in slot.columns:
        value = item.attributes.get(column, ())
        found.extend(value if isinstance(value, tuple) else (value,))
    return tuple(found)


def _texts(value: tuple[str, ...] | float | str) -> tuple[str, ...]:
    if isinstance(value, float):
        return (f"{value:.15g}",)
    return value if isinstance(value, tuple) else (value,)


def _meet(column: np.ndarray, constraint: Constraint) -> np.ndarray:
    """(N,) bool for a column of numbers; comparisons with nan are false, so ``not`` holds for a missing value."""
    values = np.array(constraint.values, dtype=np.float32)
    if constraint.op == "min":
        return column >= values.max()
    if constraint.op == "max":
        return column <= values.min()
    return np.isin(column, values, invert=constraint.op == "not")


def load_catalog(folder: Path) -> Catalog:
    """Read ``items.csv``, ``schema.toml`` and, if there, ``policy.toml`` of a folder. Items with a banned word are left
    out, and each is reported.

    Raises:
        BadInput: a file is missing or wrong, with its name and line or key.
    """
    schema = load_schema(folder / SCHEMA)
    raw = _read(folder / ITEMS)
    version = hashlib.sha256(raw + _read(folder / SCHEMA)).hexdigest()[:12]
    everything = Catalog(schema, read_items(raw, folder / ITEMS, schema), version)
    policy = load_policy(folder, everything)
    return Catalog(schema, tuple(_without_banned(everything, policy, folder / ITEMS)), version, policy)


def _without_banned(catalog: Catalog, policy: Policy, path: Path) -> Iterator[Item]:
    pattern = banned_pattern(policy.banned)
    for item in catalog.items:
        word = policy.banned and banned_in(item, catalog.schema.columns, pattern)
        if word:
            log.warning("%s: %s is left out, since its policy bans %r", path, item.title, word)
        else:
            yield item


def catalog_folders(folder: Path) -> list[Path]:
    """The folders of the catalogues under a folder, by name."""
    return sorted(path.parent for path in folder.glob(f"[!.]*/{SCHEMA}"))


def load_catalogs(folder: Path) -> dict[str, Catalog]:
    """Every catalogue under a folder, by the folder's name; the one where conversations begin comes first.

    Raises:
        BadInput: one of them is broken, or there is none.
    """
    found = {own.name: load_catalog(own) for own in catalog_folders(folder)}
    if not found:
        raise BadInput(f"{folder}: no catalogue there; `chatrec catalog build` makes the films")
    for name, catalog in found.items():
        if catalog.schema.name != name:
            raise BadInput(f"{folder / name / SCHEMA}: name must be {name!r}, as the folder is called")
    return dict(sorted(found.items(), key=lambda pair: not pair[1].schema.start))


def import_catalog(name: str, csv: Path, schema: Path | None, catalogs: Path) -> Catalog:
    """Check a CSV against a schema and put both into ``catalogs/name``, whole or not at all.

    ``schema`` None: the one that the catalogue has. The copy's ``name`` becomes ``name``.

    Raises:
        BadInput: ``file:line: what`` is wrong and which other rows are; nothing was changed.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise BadInput(f"{name!r} can't name a catalogue; use small letters, digits and _")
    source = schema or catalogs / name / SCHEMA
    raw = _read(csv)
    read_items(raw, csv, load_schema(source))
    text, renamed = re.subn(r"(?m)^name\s*=.*$", f'name = "{name}"', _read(source).decode("utf-8-sig"), count=1)
    if not renamed:
        raise BadInput(f"{source}: begin a line with name = {name!r}")
    try:
        _replace_folder(catalogs / name, {ITEMS: raw, SCHEMA: text.encode()})
    except OSError as error:
        raise BadInput(f"{catalogs / name}: can't be written: {error.strerror}") from None
    return load_catalog(catalogs / name)


def _replace_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write the files beside ``target`` and swap the folders, so that a reader sees the old or the new one.
    What else the old folder holds is kept."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        fresh, old = Path(scratch) / "fresh", Path(scratch) / "old"
        if target.exists():
            shutil.copytree(target, fresh)
        else:
            fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; docs/catalogs.md says what a catalogue needs") from None
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
