"""What the actions say: read from their source, since Rasa can't see which responses a custom action speaks.

A response is spoken where its name stands, whole or as an f-string, or in a table that is named there:
``Say("utter_nothing")``, ``Say(f"utter_ask_{slot}")``, ``words(REASONS[kind], value=…)``. The values given with it are
those that its text may have in braces.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from chatrec.settings import ROOT

SOURCES = ("actions/*.py", "channels/*.py", "chatrec/facts.py")
EVERYWHERE = frozenset({"noun", "plural"})  # of the catalogue, in every response
RASA = "utter_default"  # said by Rasa itself when no policy knows what to do


@dataclass(frozen=True)
class Line:
    """Where a response is spoken: ``pattern`` of its name, ``values`` given with it, the file's name and function."""

    pattern: str
    values: frozenset[str] = frozenset()
    file: str = ""
    function: str = ""


@dataclass(frozen=True)
class Speech:
    """All that the actions say. ``suffixes``: of the catalogues' and languages' own words for a response."""

    lines: tuple[Line, ...]
    suffixes: tuple[str, ...]

    def values(self, response: str) -> frozenset[str] | None:
        """What actions fill into the text of a response; None when no action speaks it."""
        names = [response] + [response.removesuffix(end) for end in self.suffixes if response.endswith(end)]
        for name in names:
            given = [line.values for line in self.lines if re.fullmatch(line.pattern, name)]
            if given:
                return EVERYWHERE.union(*given)
        return None

    def fixed(self) -> list[str]:
        """The names that the actions hold whole: these responses must be there."""
        return sorted({line.pattern for line in self.lines if re.fullmatch(r"\w+", line.pattern)} - {RASA})


def read_speech(catalogs: Collection[str], languages: Collection[str], **choices: Collection[str]) -> Speech:
    """``choices``: what an expression in a name may be, by its last word: ``slot=…`` for ``{question.slot}``."""
    choices = {"catalog": catalogs, **choices}
    lines = [line for path in sources() for line in _said(path, choices)]
    own = (*(f"_{c}_{code}" for c in catalogs for code in languages), *(f"_{name}" for name in (*languages, *catalogs)))
    return Speech((Line(RASA), *dict.fromkeys(lines)), own)


def sources() -> list[Path]:
    """The files in which the bot's speech is."""
    return sorted(path for pattern in SOURCES for path in ROOT.glob(pattern))


def _said(path: Path, choices: Mapping[str, Collection[str]]) -> Iterator[Line]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = _meanings(node for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign)))
    for function in (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))):
        local = named | _meanings(ast.walk(function))
        for node in ast.walk(function):
            if isinstance(node, (ast.Constant, ast.JoinedStr)) and (name := _pattern(node, choices)):
                yield Line(name, frozenset(), path.stem, function.name)
            if isinstance(node, ast.Call) and node.args:
                for name in _names(node.args[0], local, choices):
                    yield Line(name, _values(node, local), path.stem, function.name)


def _meanings(nodes: Iterable[ast.AST]) -> dict[str, ast.expr]:
    """Name -> what is put into it: by an assignment, or by a loop over it."""
    found: dict[str, ast.expr] = {}
    for node in nodes:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = node.iter if isinstance(node, ast.For) else getattr(node, "value", None)
        names = (part for target in targets if target for part in ast.walk(target) if isinstance(part, ast.Name))
        found |= {part.id: value for part in names if value is not None}
    return found


def _names(node: ast.expr, local: Mapping[str, ast.expr], choices: Mapping[str, Collection[str]]) -> Iterator[str]:
    """The responses that an argument may be, also out of a table that it names."""
    for part in ast.walk(node):
        if isinstance(part, (ast.Constant, ast.JoinedStr)) and (name := _pattern(part, choices)):
            yield name
        if isinstance(part, ast.Name) and part.id in local:
            rest = {name: value for name, value in local.items() if name != part.id}
            yield from _names(local[part.id], rest, choices)


def _pattern(node: ast.Constant | ast.JoinedStr, choices: Mapping[str, Collection[str]]) -> str:
    """A regular expression for the name; empty for any other text."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    first = parts[0] if parts else None
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str) and re.match(r"utter_\w*$", first.value)):
        return ""
    if len(parts) == 1 and first.value.endswith("_"):  # the beginning of an f-string, met by itself
        return ""
    return "".join(
        re.escape(str(part.value)) if isinstance(part, ast.Constant) else _choice(part.value, choices) for part in parts
    )


def _choice(node: ast.expr, choices: Mapping[str, Collection[str]]) -> str:
    known = choices.get(getattr(node, "attr", getattr(node, "id", "")))
    return "[a-z]+" if known is None else f"(?:{'|'.join(map(re.escape, known))})"


def _values(call: ast.Call, local: Mapping[str, ast.expr]) -> frozenset[str]:
    """Names given with a response: the keys of the dict behind it, or keywords (``words("utter_fact", item=…)``)."""
    given = call.args[1] if len(call.args) > 1 else None
    given = local.get(given.id) if isinstance(given, ast.Name) else given
    keys = [key.value for key in given.keys if isinstance(key, ast.Constant)] if isinstance(given, ast.Dict) else []
    return frozenset((*keys, *(k.arg for k in call.keywords if k.arg not in (None, "buttons", "of"))))
