"""Training in tests tells nobody: without this, runs would be reported where Weights & Biases is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_films import ROWS, encoder
from small_tower import small_lm

from chatrec.cli import main
from chatrec.training import privately, session

SCHEMA = """
name = "films"
noun = "film"
plural = "films"
[columns]
id = "item_id"
title = "title"
[slots.genre]
type = "tags"
columns = ["genres"]
"""
HEADER = "userId,movieId,rating,timestamp\n"
RATINGS = "".join(f"u{u},{item},{5 if (u + n) % 3 else 2},{n + 1}\n" for u in range(12) for n, item in enumerate(ROWS))


@pytest.fixture(scope="session", autouse=True)
def alone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        yield


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """An installation with a dozen films, ratings of them, and a language model of two layers."""
    folder = tmp_path / "data" / "catalogs" / "films"
    folder.mkdir(parents=True)
    (folder / "schema.toml").write_text(SCHEMA)
    rows = [f"{item_id},{row[0]},{row[1]}" for item_id, row in ROWS.items()]
    (folder / "items.csv").write_text("\n".join(["item_id,title,genres", *rows]) + "\n")
    (tmp_path / "ratings.csv").write_text(HEADER + RATINGS)
    for name in ("DB", "VAR", "CACHE", "ENCODER", "DEBUG"):
        monkeypatch.delenv(f"CHATREC_{name}", raising=False)
    settings = {"HOME": tmp_path, "SECRET": "of the tests", "THREADS": 1, "DEVICE": "cpu"}
    for name, value in settings.items():
        monkeypatch.setenv(f"CHATREC_{name}", str(value))
    monkeypatch.setenv("CHATREC_LLM", small_lm(tmp_path / "lm").llm)
    for module in (session, privately):
        monkeypatch.setattr(module, "load_encoder", lambda settings: encoder())
    return tmp_path


@pytest.fixture
def train(home, capsys):
    """Run ``chatrec train`` on the films: ``(exit code, standard output, standard error without progress)``."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = main(["train", "--domain", "films", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, "".join(line for line in err.splitlines(keepends=True) if "\r" not in line)

    return call
