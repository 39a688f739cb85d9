"""Files that designers edit, read so that every thing in them has a line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasa.shared.exceptions import YamlException
from rasa.shared.utils.validation import YamlValidationException, validate_yaml_schema
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

SCHEMAS = {  # Rasa's own, by the keys that a file begins with
    "stories": "shared/utils/schemas/stories.yml",
    "rules": "shared/utils/schemas/stories.yml",
    "nlu": "shared/nlu/training_data/schemas/nlu.yml",
    "responses": "shared/utils/schemas/domain.yml",
    "intents": "shared/utils/schemas/domain.yml",
}


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong in which line, and what to do about it; line 1 when it concerns the whole file."""

    path: Path
    line: int
    what: str

    def shown(self, root: Path) -> str:
        """In one line, the file as it is called from ``root``."""
        path = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        return f"{path}:{self.line}: {self.what.replace(f'{root}/', '')}"


@dataclass(frozen=True)
class Source:
    """A YAML file. ``data`` knows the line of each of its keys and items; empty when the file is broken."""

    path: Path
    data: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()

    def lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines()


def read_source(path: Path) -> Source:
    """A file, with what is wrong with its form: first as YAML, then as Rasa wants it."""
    try:
        text = path.read_text(encoding="utf-8")
        data = YAML(typ="rt").load(text)
    except UnicodeDecodeError:
        return Source(path, {}, (Problem(path, 1, "not UTF-8; save the file as UTF-8"),))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join((error.problem or str(error)).split())
        hint = "look for a missing quote, colon or space at the start of this line or the one before"
        return Source(path, {}, (Problem(path, mark.line + 1 if mark else 1, f"not valid YAML ({what}); {hint}"),))
    except YAMLError as error:
        return Source(path, {}, (Problem(path, 1, f"not valid YAML: {' '.join(str(error).split())}"),))
    if not isinstance(data, dict):
        return Source(path, {}, (Problem(path, 1, 'not a table of keys; begin with version: "3.1"'),))
    form = tuple(_form(path, text, data))
    return Source(path, {} if form else data, form)


def _form(path: Path, text: str, data: Mapping[str, Any]) -> Iterator[Problem]:
    """One problem a line: of several the last, which names the key."""
    for schema in dict.fromkeys(SCHEMAS[key] for key in SCHEMAS if key in data):
        try:
            validate_yaml_schema(text, schema)
        except YamlValidationException as error:
            found = {error._line_number_for_path(error.content, e.path) or 1: e for e in error.validation_errors or ()}
            for line, entry in found.items():
                what = re.sub(r"<SchemaError: error code \d+: |:? ?Path: .*", "", " ".join(str(entry).split()))
                yield Problem(path, line, f"not as Rasa wants it: {what}")
        except YamlException as error:
            yield Problem(path, 1, " ".join(str(error).split()))


def line_of(parent: Any, key: str | int) -> int:
    """The line of a key of a table, or of an item of a list."""
    position = parent.lc.item(key) if isinstance(key, int) else parent.lc.key(key)
    return position[0] + 1


def near(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known; empty when none is like it."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def toml_line(path: Path, dotted: str) -> int:
    """The line where a key of a TOML file stands, or the table that it would stand in; 1 when there is neither."""
    best, depth, table = 1, 0, ""
    parts = dotted.split(".")
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            table = header[1].replace('"', "")
            here = table
        elif key := re.match(r"\s*(\"[^\"]*\"|'[^']*'|[\w-]+)\s*=", line):
            here = f"{table}.{key[1].strip(chr(34) + chr(39))}".lstrip(".")
        else:
            continue
        match = len(here.split("."))
        if match > depth and parts[:match] == here.split("."):
            best, depth = number, match
    return best
