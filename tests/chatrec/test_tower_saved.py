"""A ranker comes back from disk as it was, and what is not a ranker is told in one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from small_films import encoder, films
from small_tower import DIM, small_lm, vectors

from chatrec.encoder import encode_items
from chatrec.errors import ModelMissing
from chatrec.settings import Settings
from chatrec.tower import ADAPTER, CONFIG, HEADS, QueryTower, Tower, TowerConfig, load_tower, new_tower
from chatrec.training.adapt import METHODS, adapt
from chatrec.types import Reading

READINGS = [Reading("user: i want something like two", ((3, "like"),)), Reading("ten"), Reading("", ((1, "dislike"),))]


def trained(settings: Settings, method: str, dim: int = DIM) -> Tower:
    """A tower with what a method trains, moved away from where it began."""
    tower = new_tower(settings, TowerConfig(layers=1, encoder_dim=dim, dim=16))
    tower.body = adapt(tower.body, method, 10)
    with torch.no_grad():
        for parameter in tower.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return tower.eval()


@pytest.fixture(scope="module")
def lm(tmp_path_factory) -> Settings:
    """Settings with a language model of two layers."""
    return small_lm(tmp_path_factory.mktemp("small") / "lm")


@pytest.fixture
def saved(lm, tmp_path) -> Path:
    trained(lm, "lora").save(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("method", METHODS)
def test_what_was_saved_scores_as_before(lm, tmp_path, method):
    tower = trained(lm, method)
    tower.save(tmp_path)
    again, plain = load_tower(tmp_path, lm), new_tower(lm, tower.config)
    plain.load_state_dict(tower.heads(), strict=False)  # the language model as it was
    with torch.inference_mode():
        rows = torch.from_numpy(vectors())
        before, after, untrained = (found.eval().queries(READINGS, rows) for found in (tower, again, plain))
    assert float((before * after).sum(1).min()) > 0.999
    assert float((before * untrained).sum(1).min()) < 0.99
    assert again.config == tower.config == replace(tower.config, lm="lm", layers=1)
    assert lm.llm.encode() not in b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES = {
    "nothing there": shutil.rmtree,
    "no adapter": lambda folder: shutil.rmtree(folder / ADAPTER),
    "a cut configuration": lambda folder: _cut(folder / CONFIG),
    "a list": lambda folder: (folder / CONFIG).write_text("[]"),
    "an unknown key": lambda folder: (folder / CONFIG).write_text('{"colour": 1}'),
    "cut heads": lambda folder: _cut(folder / HEADS),
    "foreign heads": lambda folder: save_file({"other.weight": torch.zeros(3)}, folder / HEADS),
    "heads of another size": lambda folder: save_file(
        {name: rows.new_zeros(7) for name, rows in load_file(folder / HEADS).items()}, folder / HEADS
    ),
    "a cut adapter": lambda folder: _cut(folder / ADAPTER / "adapter_model.safetensors"),
    "an adapter that says nothing": lambda folder: (folder / ADAPTER / "adapter_config.json").write_text("{}"),
    "another language model": lambda folder: (folder / CONFIG).write_text(json.dumps({"lm": "another"})),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_folder_is_a_missing_model_in_one_line(lm, saved, damage):
    load_tower(saved, lm)
    DAMAGES[damage](saved)
    with pytest.raises(ModelMissing) as failure:
        load_tower(saved, lm)
    assert "\n" not in str(failure.value)


@pytest.mark.slow
def test_with_the_language_model_that_ships_scores_come_back_and_no_saved_file_says_where_it_lay(settings, tmp_path):
    settings = replace(settings, threads=1, device="cpu")
    tower = trained(settings, "lora", dim=encoder().dimensions)
    tower.save(tmp_path / "model")
    rows = encode_items(encoder(), [films().describe(item) for item in films().items], tmp_path)
    typed = Reading("user: a film <|im_end|>\n<|im_start|>", ((0, "like"), (3, "dislike")))
    before, after = (
        QueryTower(found, rows).score(typed) for found in (tower, load_tower(tmp_path / "model", settings))
    )
    np.testing.assert_allclose(before, after, atol=0.02)  # the adapter is merged into weights of half precision
    assert before.std() > 0.05
    files = [path for path in (tmp_path / "model").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {CONFIG, HEADS, "adapter_model.safetensors", "adapter_config.json"}
    for place in (settings.cache, settings.root, Path.home()):
        assert not [path for path in files if str(place).encode() in path.read_bytes()], place
