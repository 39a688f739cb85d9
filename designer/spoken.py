"""Which action can say which response: its function, and the helpers that it calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from components.speech import Speech, sources

Function = tuple[str, str]  # the file's name and the function's


@dataclass(frozen=True)
class Spoken:
    """``leads``: other actions as which it may go on."""

    responses: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()


def actions() -> dict[str, Function]:
    """Every action that is written, and the function that does its work; read, not run, since that takes seconds."""
    trees = _trees()
    functions = _functions(trees)
    return {name: start for file, tree in trees.items() for name, start in _written(file, tree, functions)}


def spoken_by(speech: Speech, responses: Collection[str]) -> dict[str, Spoken]:
    """Action -> what it can say."""
    starts, calls = actions(), _calls(_functions(_trees()))
    names = {start: action for action, start in starts.items()}
    found = {}
    for action, start in starts.items():
        reached, ahead, leads = {start}, [start], []
        while ahead:
            for function in calls[ahead.pop()]:
                if function in names:
                    leads.append(names[function])
                elif function not in reached:
                    reached.add(function)
                    ahead.append(function)
        patterns = {line.pattern for line in speech.lines if (line.file, line.function) in reached}
        said = (name for name in responses if any(re.fullmatch(pattern, name) for pattern in patterns))
        found[action] = Spoken(tuple(said), tuple(dict.fromkeys(lead for lead in leads if lead != action)))
    return found


def _trees() -> dict[str, ast.Module]:
    return {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sources()}


def _functions(trees: Mapping[str, ast.Module]) -> dict[Function, ast.FunctionDef]:
    found = ((file, node) for file, tree in trees.items() for node in tree.body if isinstance(node, ast.FunctionDef))
    return {(file, node.name): node for file, node in found}


def _calls(functions: Mapping[Function, ast.FunctionDef]) -> dict[Function, list[Function]]:
    """Function -> the functions that it calls or hands on."""
    calls: dict[Function, list[Function]] = {}
    for here, function in functions.items():
        names = (node for node in ast.walk(function) if isinstance(node, (ast.Name, ast.Attribute)))
        calls[here] = [called for node in names if (called := _resolved(here[0], node, functions))]
    return calls


def _resolved(file: str, node: ast.expr, functions: Mapping[Function, ast.FunctionDef]) -> Function | None:
    """The function that a name means: of this file, else the public one of that name."""
    if isinstance(node, ast.Name) and (file, node.id) in functions:
        return file, node.id
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return next((f for f in functions if f[1] == name and not name.startswith("_") and f[0] != file), None)


def _written(
    file: str, tree: ast.Module, functions: Mapping[Function, ast.FunctionDef]
) -> Iterator[tuple[str, Function]]:
    """Classes with a ``name()`` that run ``respond(function, …)``."""
    for node in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        inside = list(ast.walk(node))
        names = [n.value.value for n in inside if isinstance(n, ast.Return) and isinstance(n.value, ast.Constant)]
        calls = [n for n in inside if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "respond"]
        if names and calls and (start := _resolved(file, calls[0].args[0], functions)):
            yield names[0], start
