"""What was computed is computed once, for whatever it depends on; what is damaged, once more."""

from __future__ import annotations

import numpy as np

from benchmarks.kept import Kept, fingerprint


def test_a_second_run_computes_nothing_again(tmp_path):
    calls = []

    def fit():
        calls.append("fit")
        return lambda histories: np.array([[len(h)] for h in histories])

    for _ in range(2):  # as two runs: nothing but the folder is shared
        scores = Kept(tmp_path).scorer("model", ("seed", 0), fit)([np.array([1, 2]), np.array([3])])
        assert scores.tolist() == [[2], [1]]
    assert calls == ["fit"]


def test_another_key_or_other_histories_are_computed_anew(tmp_path):
    kept = Kept(tmp_path)
    assert kept.array("a", (0,), lambda: np.array(1.0)) == 1
    assert kept.array("a", (1,), lambda: np.array(2.0)) == 2
    assert kept.array("a", (0,), lambda: np.array(3.0)) == 1
    assert fingerprint(np.array([1, 2]), np.array([3])) != fingerprint(np.array([1]), np.array([2, 3]))


def test_half_a_file_is_written_again(tmp_path):
    kept = Kept(tmp_path)
    kept.array("a", (), lambda: np.arange(100))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:200])
    assert kept.array("a", (), lambda: np.arange(5)).tolist() == [0, 1, 2, 3, 4]
    assert np.load(path).tolist() == [0, 1, 2, 3, 4]
