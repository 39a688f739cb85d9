"""A run learns what there is to learn, goes on after a kill as if nothing had happened, and keeps its best epoch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_tower import ITEMS, small_tower, toy

from chatrec.tower import Tower
from chatrec.training import run
from chatrec.training.adapt import METHODS
from chatrec.training.examples import Example
from chatrec.training.fit import Plan, World, ranks
from chatrec.training.run import STATE, Trained, figures, train

PLAN = Plan(epochs=3, warm=1, batch=16, head_rate=1e-2, body_rate=3e-3)
LEARNED, HELD = toy(60, seed=1), toy(30, seed=2)


def go(scratch: Path, plan: Plan = PLAN, learned: World = LEARNED, tower: Tower | None = None) -> tuple[Trained, Tower]:
    tower = tower or small_tower()
    return train(tower, [learned], [HELD], plan, scratch, threads=1), tower


def weights(tower: Tower) -> dict[str, torch.Tensor]:
    return dict(tower.named_parameters())


def assert_same(one: tuple[Trained, Tower], other: tuple[Trained, Tower]) -> None:
    assert one[0] == other[0]
    assert all(torch.equal(value, weights(other[1])[name]) for name, value in weights(one[1]).items())


def killed(scratch: Path, monkeypatch, plan: Plan, after: int) -> None:
    """A run that is killed in the epoch after those, when its pass over the examples is done."""
    calls = []

    def dies(*args):
        calls.append(args)
        if len(calls) > after:
            raise KeyboardInterrupt
        return ranks(*args)

    with monkeypatch.context() as patch:
        patch.setattr(run, "ranks", dies)
        with pytest.raises(KeyboardInterrupt):
            go(scratch, plan)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, tuple[Trained, Tower]]:
    """An uninterrupted run of each method."""
    return {m: go(tmp_path_factory.mktemp(m), replace(PLAN, method=m)) for m in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_a_run_killed_after_some_epochs_goes_on_to_exactly_what_an_uninterrupted_one_gives(
    tmp_path, monkeypatch, whole, method
):
    plan = replace(PLAN, method=method)
    killed(tmp_path, monkeypatch, plan, after=2)
    assert_same(go(tmp_path, plan), whole[method])


def test_a_run_that_was_done_is_not_done_again(tmp_path, monkeypatch, whole):
    go(tmp_path)
    monkeypatch.setattr(run, "batches", lambda worlds, plan, epoch: iter([None] * 4))
    assert_same(go(tmp_path), whole["lora"])


def test_the_seed_decides_all(tmp_path, whole):
    assert_same(go(tmp_path / "same"), whole["lora"])
    assert go(tmp_path / "other", replace(PLAN, seed=1))[0].curve != whole["lora"][0].curve


@pytest.mark.parametrize("change", ["plan", "examples", "weights", "tower"])
def test_what_another_run_left_is_dropped(tmp_path, monkeypatch, change):
    killed(tmp_path, monkeypatch, PLAN, after=1)
    other = {
        "plan": lambda place: go(place, replace(PLAN, decay=0.02)),
        "examples": lambda place: go(place, learned=toy(60, seed=3)),
        "weights": lambda place: go(
            place, learned=replace(LEARNED, examples=[replace(e, weight=2.0) for e in LEARNED.examples])
        ),
        "tower": lambda place: go(place, tower=small_tower(tokens=2)),
    }[change]
    assert_same(other(tmp_path), other(tmp_path / "elsewhere"))


@pytest.mark.parametrize("method", METHODS)
def test_what_can_be_learned_is_learned_by_every_method(tmp_path, method):
    """Held-out requests name their target in other sentences; one of a dozen would be chance."""
    plan = replace(PLAN, epochs=8, patience=8, method=method)
    found, tower = go(tmp_path, plan, toy(240, seed=1))
    assert found.figures["recall@1"] > 0.8
    assert found.curve[-1]["loss"] < found.curve[0]["loss"] / 2


def test_shuffled_labels_teach_nothing(tmp_path):
    found, _ = go(tmp_path, replace(PLAN, epochs=4), toy(240, seed=1, shuffled=True))
    assert max(row["recall@1"] for row in found.curve) < 0.35


def test_examples_that_count_more_win(tmp_path):
    """The same request is answered in two ways; which one is learned is a matter of weight."""
    asked = [replace(e, targets=((e.targets[0] + shift) % ITEMS,)) for e in toy(120).examples for shift in (0, 1)]
    for heavy in (0, 1):
        weighted = [replace(e, weight=20.0 if n % 2 == heavy else 1.0) for n, e in enumerate(asked)]
        _, tower = go(tmp_path / str(heavy), replace(PLAN, epochs=5), replace(LEARNED, examples=weighted))
        wanted = [Example(e.reading, ((e.targets[0] + heavy) % ITEMS,)) for e in HELD.examples]
        clear = [e for e in wanted if e.targets[0] not in [i for i, _ in e.reading.items]]
        assert (ranks(tower, HELD, clear, 0.0) == 0).mean() > 0.6


def test_the_best_epoch_is_kept_and_training_stops_when_nothing_gets_better(tmp_path, monkeypatch):
    """Figures get worse from the third epoch on: two more are put up with, then it is over."""
    seen, given = [], iter([5, 3, 0, 4, 4, 0, 0])

    def told(tower, world, examples, prior):
        seen.append({name: value.detach().clone() for name, value in weights(tower).items()})
        return np.array([next(given)])

    monkeypatch.setattr(run, "ranks", told)
    found, tower = go(tmp_path, replace(PLAN, epochs=7, patience=1))
    assert [row["ndcg@10"] for row in found.curve] == pytest.approx([1 / np.log2(r + 2) for r in (5, 3, 0, 4, 4)])
    assert found.figures == found.curve[2]
    assert all(torch.equal(value, seen[2][name]) for name, value in weights(tower).items())
    assert not all(torch.equal(value, seen[4][name]) for name, value in weights(tower).items())


def test_the_language_model_rests_while_the_heads_warm_up(tmp_path):
    _, tower = go(tmp_path, replace(PLAN, epochs=1, warm=1))
    moved = [name for name, rows in weights(tower).items() if "lora_B" in name and rows.any()]
    assert moved == []
    _, tower = go(tmp_path, replace(PLAN, epochs=1, warm=0))
    assert [name for name, rows in weights(tower).items() if "lora_B" in name and rows.any()]


def test_each_epoch_is_logged_and_only_the_newest_state_is_kept(tmp_path):
    go(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {STATE, "tensorboard"}
    assert list((tmp_path / "tensorboard").iterdir())


def test_figures_are_those_computed_by_hand():
    found = figures(np.array([0, 2, 10, 49]))
    assert found == pytest.approx(
        {
            "recall@1": 0.25,
            "recall@10": 0.5,
            "recall@50": 1.0,
            "ndcg@10": (1 + 0.5) / 4,
            "mrr": (1 + 1 / 3 + 1 / 11 + 1 / 50) / 4,
        }
    )
