"""A trained ranker is written whole or not at all, and says what it is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from small_tower import small_tower

from chatrec.errors import BadInput
from chatrec.tower import ADAPTER, CONFIG, HEADS
from chatrec.training import package

CARD = package.Card("small", "lora", "cc-by-4.0", ("Talks (CC BY 4.0)", "Ratings (own)"), held_out=7, seed=3)
FIGURES = {"recall@1": 0.25, "ndcg@10": 0.5}


def write(out: Path, figures=FIGURES) -> None:
    package.write(small_tower(), out, CARD, figures, [{"loss": 1.5, **figures}])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_holds_model_card_and_figures_and_nothing_lies_beside_it(tmp_path):
    write(tmp_path / "new" / "films")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["films"]
    assert {path.name for path in (tmp_path / "new" / "films").iterdir()} == {
        CONFIG, HEADS, ADAPTER, "README.md", "figures.json",
    }  # fmt: skip
    told = json.loads((tmp_path / "new" / "films" / "figures.json").read_text())
    assert told == {"figures": FIGURES, "curve": [{"loss": 1.5, **FIGURES}]}


def test_the_card_says_data_licence_figures_commit_and_seed(tmp_path):
    write(tmp_path / "films")
    card = (tmp_path / "films" / "README.md").read_text()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    for words in (
        "license: cc-by-4.0",
        "base_model: small",
        "# films",
        "fine-tuned with lora",
        "first 2 layers",
        "- Talks (CC BY 4.0)\n- Ratings (own)",
        "On 7 held-out examples",
        "| ndcg@10 | 0.500 |",
        f"commit {commit or 'unknown'}, seed 3",
    ):
        assert words in card


def test_without_git_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(package.shutil, "which", lambda name: None)
    write(tmp_path / "films")
    assert "at commit unknown" in (tmp_path / "films" / "README.md").read_text()


def test_a_new_model_takes_the_place_of_the_old_one(tmp_path):
    write(tmp_path / "films")
    (tmp_path / "films" / "left over").touch()
    write(tmp_path / "films", {"recall@1": 0.75})
    assert "left over" not in contents(tmp_path / "films")
    assert b"0.75" in contents(tmp_path / "films")["figures.json"]


@pytest.mark.parametrize("step", ["save", "rename"])
def test_a_disk_that_fails_leaves_the_old_model_and_no_half_of_a_new_one(tmp_path, monkeypatch, step):
    write(tmp_path / "films")
    before = contents(tmp_path)
    rename = Path.rename

    def full(path: Path, target: Path | str, **_: str) -> None:
        if step == "rename" and path.name != "model":
            return rename(path, target)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full) if step == "rename" else monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(BadInput, match="No space left"):
        write(tmp_path / "films", {"recall@1": 0.75})
    assert contents(tmp_path) == before


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    for refuse in (package.check, write):
        with pytest.raises(BadInput, match="can't write the model there"):
            refuse(tmp_path / "file" / "films")


def test_what_is_not_a_model_is_not_replaced(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").touch()
    for place in (tmp_path / "notes", tmp_path / "notes" / "diary.txt"):
        with pytest.raises(BadInput, match="something else"):
            package.check(place)


def test_a_free_place_an_empty_folder_and_an_older_model_may_be_written_to(tmp_path):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "films")
    for name in ("free", "empty", "films"):
        package.check(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "films"}
