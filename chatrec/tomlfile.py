"""A file that people write by hand, read with typed access: ``schema.toml`` and ``policy.toml``.

Every error is a ``BadInput`` of one line that names the file and the key.
"""

from __future__ import annotations

import difflib
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatrec.errors import BadInput

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Table:
    """One table of a file; ``where`` is its dotted name with a dot behind it."""

    path: Path
    where: str
    data: Mapping[str, Any]

    def bad(self, key: str, what: str) -> BadInput:
        return BadInput(f"{self.path}: {self.where}{key} {what}")

    def known(self, *keys: str) -> None:
        for key in self.data:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(keys)}"
                raise self.bad(key, f"is not a key of this file; {hint}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.data.get(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.bad(key, "is missing or not a text in quotes")
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = ()) -> tuple[str, ...]:
        value = self.data.get(key, default)
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) and v.strip() for v in value):
            raise self.bad(key, 'is missing or not a list of texts: write ["one", "two"]')
        return tuple(value)

    def number(self, key: str, default: float | None = None) -> float:
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise self.bad(key, "is missing or not a number")
        return float(value)

    def flag(self, key: str, default: bool = False) -> bool:
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            raise self.bad(key, "must be true or false")
        return value

    def table(self, key: str) -> Table:
        value = self.data.get(key, {})
        if not isinstance(value, dict):
            raise self.bad(key, f"must be a table: write [{self.where}{key}]")
        return Table(self.path, f"{self.where}{key}.", value)

    def tables(self) -> dict[str, Table]:
        return {key: self.table(key) for key in self.data}

    def rows(self, key: str) -> list[Table]:
        """The tables of an array: ``[[key]]``, counted from 1 in messages."""
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise self.bad(key, f"must be a list of tables: write [[{self.where}{key}]]")
        return [Table(self.path, f"{self.where}{key}.{i}.", row) for i, row in enumerate(value, 1)]

    def lists(self) -> dict[str, tuple[str, ...]]:
        """Every key of the table with its list of texts."""
        return {key: self.texts(key) for key in self.data}


def read_toml(path: Path) -> Table:
    """The whole file. Raises: BadInput."""
    return Table(path, "", _parsed(path))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; docs/catalogs.md shows how to write one") from None
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not UTF-8; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        place = f"{path}:{line.group(1)}" if line else str(path)
        raise BadInput(f"{place}: not valid TOML: {error}") from None
