"""Which trained ranker serves.

models/recommender/current   names of folders beside it, one a line: the last serves, those before served earlier
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

from chatrec.errors import BadInput

CURRENT = "current"


def serving(models: Path) -> str | None:
    """The name of the model in service, if any."""
    names = _names(models)
    return names[-1] if names else None


def unused(models: Path, name: str) -> str:
    """A name that no model has: ``name``, else with a number behind it."""
    numbered = (f"{name}-{n}" for n in count(2))
    return next(free for free in chain([name], numbered) if not (models / free).exists())


def promote(models: Path, name: str) -> None:
    """Put a model into service."""
    _put(models, [*(n for n in _names(models) if n != name), name])


def roll_back(models: Path) -> str:
    """Put the model before into service and return its name. Raises: BadInput when there is none."""
    names = _names(models)
    if len(names) < 2:
        raise BadInput(f"{models / CURRENT}: no earlier model to go back to")
    _put(models, names[:-1])
    return names[-2]


def _names(models: Path) -> list[str]:
    path = models / CURRENT
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    return [line.strip() for line in lines if line.strip()]


def _put(models: Path, names: Sequence[str]) -> None:
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models, prefix=".current-") as scratch:
        fresh = Path(scratch) / CURRENT  # a temporary file itself could be read by nobody else
        fresh.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        fresh.replace(models / CURRENT)
