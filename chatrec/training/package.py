"""A trained ranker as a folder: written whole or not at all, with a card that says what it is; and which one serves.

models/recommender/<name>/   tower.json, heads.safetensors, adapter/ (PEFT), README.md, figures.json, and what
                             ``chatrec.model`` says about knowledge and weights
models/recommender/current   names, one a line: the last one serves, those before it served earlier
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatrec.errors import BadInput
from chatrec.model import Learnt
from chatrec.tower import CONFIG, Tower

CARD = """---
license: {licence}
base_model: {base}
library_name: peft
---
# {name}

A ranker of Chat-REC: a query tower on the first {layers} layers of {base}, fine-tuned with {method}. It reads wishes,
the last turns of a conversation and the items of a history, and scores every item of a catalogue in one pass.

## Learned from
{data}
{beside}
## Figures
On {held_out} held-out examples that nothing was learned from, whole dialogues and users; full ranking of the catalogue:

| measure | value |
|---|---|
{figures}
{privacy}
## Limits
It leans towards what the people in this data liked. It knows items by their texts; what is not in those it cannot know.
Hard wishes are enforced outside of it. Trained at commit {commit}, seed {seed}.
"""

BESIDE = """
`knowledge.npz` and the weights beside it are learnt from the same ratings and dialogues: which items the same people
like or name together, or turn to soon after each other, and how much that counts. They hold no user's ratings.
"""


@dataclass(frozen=True)
class Card:
    """What a model card says. ``data``: lines on what was learned from, each with its licence; ``privacy``: a
    section of its own."""

    base: str
    method: str
    licence: str
    data: Sequence[str]
    held_out: int
    seed: int
    privacy: str = ""


def check(out: Path) -> None:
    """Raises: BadInput when no model can be written there, or something that is none would go."""
    if out.exists() and not (out / CONFIG).exists() and not (out.is_dir() and not any(out.iterdir())):
        raise BadInput(f"{out}: there is something else there; give --out another name")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-").cleanup()
    except OSError as error:
        raise BadInput(f"{out}: can't write the model there: {error.strerror}") from None


def write(
    tower: Tower,
    out: Path,
    card: Card,
    figures: Mapping[str, float],
    curve: Sequence[Mapping[str, float]],
    learnt: Learnt | None = None,
) -> None:
    """The model's folder in place of what was there. Raises: BadInput when the place cannot be written."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            fresh = Path(scratch) / "model"
            tower.save(fresh)
            if learnt:
                learnt.save(fresh)
            (fresh / "README.md").write_text(_card(out.name, tower, card, figures, learnt), encoding="utf-8")
            told = {"figures": dict(figures), "curve": [dict(row) for row in curve]}
            (fresh / "figures.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
            _replace(out, fresh, Path(scratch) / "old")
    except OSError as error:
        raise BadInput(f"{out}: can't write the model there: {error.strerror}") from None


def _replace(out: Path, fresh: Path, old: Path) -> None:
    if out.exists():
        out.rename(old)
    try:
        fresh.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise


def _card(name: str, tower: Tower, card: Card, figures: Mapping[str, float], learnt: Learnt | None) -> str:
    values: dict[str, Any] = {
        "name": name,
        "layers": tower.config.layers,
        "data": "\n".join(f"- {line}" for line in card.data),
        "figures": "\n".join(f"| {measure} | {value:.3f} |" for measure, value in figures.items()),
        "beside": BESIDE if learnt else "",
        "commit": _commit(),
    }
    return CARD.format(**vars(card) | values)


def _commit() -> str:
    git = shutil.which("git")
    found = git and subprocess.run([git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() if found and found.returncode == 0 else "unknown"
