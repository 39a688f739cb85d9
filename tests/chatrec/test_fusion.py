"""Weights are those that make the targets likely, whatever was sampled; files hold numbers and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chatrec.errors import BadInput
from chatrec.fusion import Example, Fusion, learn_fusion, sample

NAMES = ("good", "noise")


def whole(*rows: tuple[float, float, float]) -> Example:
    """Every item as (good, noise, share)."""
    table = np.array(rows, dtype=np.float32)
    return Example(table[:, :2], table[:, 2], np.zeros(len(rows)))


def test_the_weight_is_the_one_computed_by_hand():
    """Two items that differ by 1; the better one is named three times of four: log(3/4 : 1/4) = log 3."""
    cases = [whole((1, 0, 1), (0, 0, 0))] * 3 + [whole((1, 0, 0), (0, 0, 1))]
    learnt = learn_fusion(cases, NAMES, ridge=0.0)
    assert learnt.weights["good"] == pytest.approx(math.log(3), abs=1e-3)
    assert learnt.weights["noise"] == 0.0


def test_several_targets_share_a_case():
    """One case with two targets of three says the same as two cases with one each."""
    one = learn_fusion([whole((1, 0, 0.5), (0.5, 1, 0.5), (0, 0, 0))], NAMES, ridge=0.01)
    two = learn_fusion(
        [whole((1, 0, 1), (0.5, 1, 0), (0, 0, 0)), whole((1, 0, 0), (0.5, 1, 1), (0, 0, 0))], NAMES, ridge=0.01
    )
    assert one.weights == pytest.approx(two.weights, rel=1e-3)


def test_sampling_changes_the_weights_little():
    rng = np.random.default_rng(0)
    signals = {"good": rng.normal(size=2000), "noise": rng.normal(size=2000)}
    often = np.exp(0.5 * signals["good"])
    often /= often.sum()
    chance = np.exp(signals["good"])
    targets = rng.choice(2000, size=300, p=chance / chance.sum())
    every = [sample(signals, NAMES, [t], often, rng, size=2000) for t in targets]
    some = [sample(signals, NAMES, [t], often, rng, size=200) for t in targets]
    assert len(every[0].share) == 2000
    assert len(some[0].share) <= 201
    exact, near = (learn_fusion(found, NAMES).weights for found in (every, some))
    assert exact["good"] == pytest.approx(1.0, abs=0.15)
    assert near["good"] == pytest.approx(exact["good"], abs=0.1)
    assert near["noise"] == pytest.approx(exact["noise"], abs=0.1)


def test_a_sample_holds_the_targets_once_and_undoes_the_drawing():
    signals = {"good": np.arange(5.0), "noise": np.zeros(5)}
    found = sample(signals, NAMES, [3, 1, 3], np.full(5, 0.2), np.random.default_rng(0), size=4)
    assert found.signals[:2, 0].tolist() == [1.0, 3.0]
    assert found.share.tolist()[:2] == [0.5, 0.5]
    assert set(found.signals[2:, 0]) <= {0.0, 2.0, 4.0}
    assert found.offset[2:] == pytest.approx(-np.log(4 * 0.2))


def test_what_is_saved_is_what_is_loaded(tmp_path):
    fusion = Fusion({"good": 1.25, "noise": -0.5})
    fusion.save(tmp_path / "models" / "fusion.json")
    assert Fusion.load(tmp_path / "models" / "fusion.json") == fusion


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"weights": [1]}', '{"weights": {"a": "x"}}', '{"weights": 1}'])
def test_a_broken_file_is_told(tmp_path, content):
    path = tmp_path / "fusion.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=r"fusion\.json: not a file of signal weights"):
        Fusion.load(path)


def test_a_weight_that_is_no_number_and_a_file_that_is_not_there_are_told(tmp_path):
    path = tmp_path / "fusion.json"
    with pytest.raises(BadInput, match="No such file"):
        Fusion.load(path)
    path.write_text('{"weights": {"a": NaN}}')
    with pytest.raises(BadInput, match="not a number"):
        Fusion.load(path)


def test_what_was_learnt_before_counts_as_if_its_cases_were_still_there():
    rng = np.random.default_rng(1)

    def cases(good: float, count: int) -> list[Example]:
        found = []
        for _ in range(count):
            table = rng.normal(size=(30, 2)).astype(np.float32)
            chance = np.exp(good * table[:, 0] + 0.5 * table[:, 1])
            share = np.eye(30)[rng.choice(30, p=chance / chance.sum())]
            found.append(Example(table, share, np.zeros(30)))
        return found

    old, new = cases(1.0, 400), cases(2.0, 200)
    before = learn_fusion(old, NAMES)
    after, together = learn_fusion(new, NAMES, prior=before), learn_fusion(old + new, NAMES)
    assert before.weights["good"] < after.weights["good"] < learn_fusion(new, NAMES).weights["good"]
    assert after.weights == pytest.approx(together.weights, abs=0.1)
    assert after.precision == pytest.approx(together.precision, rel=0.2, abs=20)


def test_weights_learnt_before_a_signal_came_count_for_the_others():
    rng = np.random.default_rng(2)
    table = rng.normal(size=(30, 2)).astype(np.float32)
    old = [Example(table[:, :1], np.eye(30)[np.argmax(table[:, 0])], np.zeros(30))] * 200
    before = learn_fusion(old, ("good",))
    same = Example(np.zeros((2, 2), np.float32), np.array([1.0, 0.0]), np.zeros(2))  # says nothing of either
    after = learn_fusion([same], ("late", "good"), prior=before)
    assert after.weights == pytest.approx({"late": 0.0, "good": before.weights["good"]}, abs=1e-2)


def test_how_sure_the_weights_are_is_saved_too(tmp_path):
    learnt = learn_fusion([whole((1, 0, 1), (0, 1, 0), (0, 0, 0))], NAMES)
    learnt.save(tmp_path / "fusion.json")
    assert Fusion.load(tmp_path / "fusion.json").precision == pytest.approx(learnt.precision, rel=1e-3)


def test_without_cases_there_is_nothing_to_learn():
    with pytest.raises(BadInput, match="nothing to learn from"):
        learn_fusion([], NAMES)
