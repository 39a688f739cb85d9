"""What a catalogue's columns mean: ``schema.toml``, read and checked.

The format is described in docs/catalogs.md. Every error is a ``BadInput`` that names the file and the key.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from chatrec.errors import BadInput

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROLES = ("id", "title", "text", "year", "popularity", "reception")
TYPES = ("tags", "people", "number", "text")


@dataclass(frozen=True)
class Slot:
    """One thing people wish about, over one or more columns.

    ``synonyms``: value as in items.csv -> what people say. ``words``: a word -> inclusive (min, max) bounds.
    ``more`` and ``less``: relative critiques; ``step``: how far one moves, in the column's unit. ``softness``: given up
    first when highest. ``reason``: a fragment with ``{value}``. ``inquiry``: words of a question about it.
    """

    name: str
    type: Literal["tags", "people", "number", "text"]
    columns: tuple[str, ...]
    label: str
    unit: str = ""
    units: tuple[str, ...] = ()
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    more: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    step: float = 0.0
    ask: bool = False
    softness: int = 0
    reason: str = ""
    inquiry: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mood:
    """A mood and what it favours and avoids: slot -> values. Moods move a ranking and remove nothing."""

    name: str
    words: tuple[str, ...]
    prefer: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    avoid: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Schema:
    """``columns``: role (see ``ROLES``) -> column. ``labels``: column -> label where a slot has several columns."""

    name: str
    noun: str
    plural: str
    columns: Mapping[str, str]
    labels: Mapping[str, str]
    slots: Mapping[str, Slot]
    moods: Mapping[str, Mood]


def load_schema(path: Path) -> Schema:
    """Read and check a ``schema.toml``.

    Raises:
        BadInput: not there, not TOML, a key missing, unknown or of the wrong type.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; docs/catalogs.md shows how to write one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not valid TOML: {error}") from None
    _known(path, "", data, ("name", "noun", "plural", "columns", "slots", "moods"))
    columns = dict(_need(path, data, "columns", dict))
    labels = {str(k): str(v) for k, v in columns.pop("labels", {}).items()}
    _known(path, "columns.", columns, ROLES)
    for role in ("id", "title"):
        _need(path, columns, role, str, "columns.")
    slots = {name: _slot(path, name, table) for name, table in data.get("slots", {}).items()}
    moods = {name: _mood(path, name, table, slots) for name, table in data.get("moods", {}).items()}
    words = (_need(path, data, key, str) for key in ("name", "noun", "plural"))
    return Schema(*words, columns=columns, labels=labels, slots=slots, moods=moods)


def _slot(path: Path, name: str, table: Mapping[str, Any]) -> Slot:
    where = f"slots.{name}."
    _known(path, where, table, tuple(f.name for f in fields(Slot) if f.name != "name"))
    if _need(path, table, "type", str, where) not in TYPES:
        raise BadInput(f"{path}: {where}type must be one of {', '.join(TYPES)}")
    _need(path, table, "columns", list, where)
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items() if k not in ("synonyms", "words")}
    return Slot(
        **{"label": name, **plain},
        name=name,
        synonyms={str(k): tuple(v) for k, v in table.get("synonyms", {}).items()},
        words={word: _bounds(path, where + word, b) for word, b in table.get("words", {}).items()},
    )


def _bounds(path: Path, where: str, bounds: Any) -> tuple[float | None, float | None]:
    if not isinstance(bounds, dict) or not bounds or set(bounds) - {"min", "max"}:
        raise BadInput(f"{path}: {where}: write {{ min = 1 }}, {{ max = 2 }} or both")
    low, high = bounds.get("min"), bounds.get("max")
    return (None if low is None else float(low), None if high is None else float(high))


def _mood(path: Path, name: str, table: Mapping[str, Any], slots: Mapping[str, Slot]) -> Mood:
    where = f"moods.{name}."
    _known(path, where, table, ("words", "prefer", "avoid"))
    _need(path, table, "words", list, where)
    for side in ("prefer", "avoid"):
        for slot in table.get(side, {}):
            if slot not in slots:
                raise BadInput(f"{path}: {where}{side}: no slot {slot!r}; there is {', '.join(slots)}")
    sides = {side: {k: tuple(v) for k, v in table.get(side, {}).items()} for side in ("prefer", "avoid")}
    return Mood(name, tuple(table["words"]), **sides)


def _need(path: Path, table: Mapping[str, Any], key: str, kind: type, where: str = "") -> Any:
    if not isinstance(table.get(key), kind):
        names = {str: "a text", list: "a list", dict: "a table"}
        raise BadInput(f"{path}: {where}{key} is missing or not {names[kind]}")
    return table[key]


def _known(path: Path, where: str, table: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(keys)}"
            raise BadInput(f"{path}: unknown key {where}{key}{hint}")
