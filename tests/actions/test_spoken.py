"""No action says a word that is not in domain.yml."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from components.speech import sources

WORDS = re.compile(r"[^\W\d_]{2,}[^\w]+\w|^[A-Z][a-z]+$")  # two words, or one that begins like a label
GRAMMAR = {" and ", " or ", "up to", "chatrec.json"}  # between values, as in the engine's sentences; a file's name


def literals(tree: ast.AST) -> Iterator[ast.Constant]:
    """Texts that could be said: not docstrings, patterns, log lines, comparisons with what was heard, nor what a press
    of a button means (the second of a pair)."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in ("re", "log"):
                continue
        if isinstance(node, ast.Compare):
            continue
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            node = node.elts[0]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node
        yield from literals(node)


def spoken(source: str) -> list[str]:
    return [c.value for c in literals(ast.parse(source)) if WORDS.search(c.value) and c.value not in GRAMMAR]


# Of the channels tests/channels/test_sayings.py says the same: their files are full of other words.
@pytest.mark.parametrize(
    "path", [path for path in sources() if path.parent.name != "channels"], ids=lambda path: path.stem
)
def test_what_is_said_stands_in_the_domain(path):
    found = spoken(path.read_text(encoding="utf-8"))
    assert found == [], f"{path}: move {found} to domain.yml"


@pytest.mark.parametrize(
    "source",
    [
        'Say(text="I like that one")',
        'Say(text=f"{title} is not there")',
        'buttons = [("Start over", "start over")]',
        'KINDS = {"liked": "You liked"}',
        'dispatcher.utter_message(text="sorry")\nlabel = "Sorry"',
    ],
)
def test_a_spoken_word_would_be_found(source):
    assert spoken(source)
