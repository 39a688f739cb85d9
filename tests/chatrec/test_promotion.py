"""Which trained ranker serves: the last one put there, and the one before it when that is taken back."""

from __future__ import annotations

import pytest

from chatrec import promotion
from chatrec.errors import BadInput


def test_before_the_first_promotion_nothing_serves(tmp_path):
    assert promotion.serving(tmp_path / "models") is None
    (tmp_path / promotion.CURRENT).write_text("\n \n")
    assert promotion.serving(tmp_path) is None


def test_the_model_put_into_service_last_serves(tmp_path):
    for name in ("first", "second"):
        promotion.promote(tmp_path / "models", name)
        assert promotion.serving(tmp_path / "models") == name


def test_going_back_step_by_step_ends_at_the_first_model(tmp_path):
    for name in ("first", "second", "third"):
        promotion.promote(tmp_path, name)
    assert [promotion.roll_back(tmp_path), promotion.roll_back(tmp_path)] == ["second", "first"]
    with pytest.raises(BadInput, match="no earlier model"):
        promotion.roll_back(tmp_path)
    assert promotion.serving(tmp_path) == "first"


def test_with_no_model_there_is_nothing_to_go_back_to(tmp_path):
    with pytest.raises(BadInput, match="no earlier model"):
        promotion.roll_back(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_promoted_again_is_listed_once(tmp_path):
    for name in ("first", "second", "first"):
        promotion.promote(tmp_path, name)
    assert promotion.serving(tmp_path) == "first"
    assert promotion.roll_back(tmp_path) == "second"
    with pytest.raises(BadInput):
        promotion.roll_back(tmp_path)


def test_an_unused_name_is_the_first_that_no_folder_has(tmp_path):
    assert promotion.unused(tmp_path, "films") == "films"
    for name in ("films", "films-2", "films-4"):
        (tmp_path / name).mkdir()
    assert promotion.unused(tmp_path, "films") == "films-3"


def test_nothing_but_the_list_of_names_is_left_behind_and_others_can_read_it(tmp_path):
    for name in ("first", "second"):
        promotion.promote(tmp_path, name)
    (only,) = tmp_path.iterdir()
    assert only.name == promotion.CURRENT
    assert only.stat().st_mode & 0o044 == 0o044
