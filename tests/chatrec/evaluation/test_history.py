"""Figures over recorded histories: as computed by hand, at chance for shuffled labels, blind to what comes later."""

from __future__ import annotations

import json
from math import log2
from pathlib import Path

import numpy as np
import pytest

from chatrec.blend import Blend
from chatrec.cli import main
from chatrec.collaborative import popularity
from chatrec.errors import BadInput
from chatrec.evaluation.beyond import Ground
from chatrec.evaluation.history import (
    Cases,
    Hybrid,
    Log,
    baselines,
    evaluate,
    figures,
    fit_hybrid,
    held_out,
    linear_signals,
    load_log,
    load_texts,
    make_log,
    places,
    report,
    rmse,
)
from chatrec.factors import Factors

HEADER = "userId,movieId,rating,timestamp\n"
ITEMS = "movieId,title,genres\n1,Heat (1995),Crime|Drama\n2,Ran (1985),\n3,,\n"


def log_of(histories: list[list[int]], items: int) -> Log:
    """A log of items by number, an event a second, four stars each."""
    events = [(str(u), str(i), float(t), 4.0) for u, h in enumerate(histories) for t, i in enumerate(h)]
    return make_log(events, {str(i): f"film {i}" for i in range(items)})


def tastes(users: int = 120, items: int = 40, seed: int = 0) -> Log:
    """Each user takes films of one of four kinds, in a random order."""
    rng = np.random.default_rng(seed)
    return log_of([list(u % 4 * 10 + rng.permutation(10)[:7]) for u in range(users)], items)


def written(folder: Path, ratings: str, items: str = ITEMS) -> list[str]:
    (folder / "ratings.csv").write_text(ratings, encoding="utf-8")
    (folder / "items.csv").write_text(items, encoding="utf-8")
    return ["--ratings", str(folder / "ratings.csv"), "--items", str(folder / "items.csv")]


def test_events_are_in_order_of_time_then_of_the_file(tmp_path: Path) -> None:
    written(tmp_path, HEADER + "u,2,3,9\nu,1,4,9\nu,3,5,1\nv,1,2,5\nu,3,1,20\n")
    log = load_log(tmp_path / "ratings.csv", tmp_path / "items.csv")
    assert log.items == ("1", "2", "3") and log.users == ("u", "v")
    assert [h.tolist() for h in log.histories] == [[2, 1, 0], [0]]  # rated again: the first time counts
    assert [s.tolist() for s in log.stars] == [[5, 3, 4], [2]]
    assert log.texts == ("Heat (1995). Crime, Drama", "Ran (1985)", "3")


def test_an_item_without_a_row_goes_by_its_id(tmp_path: Path) -> None:
    written(tmp_path, HEADER + "u,1,3,1\nu,2,3,2\nu,99,3,3\n")
    log = load_log(tmp_path / "ratings.csv", tmp_path / "items.csv")
    assert log.items == ("1", "2", "3", "99") and log.texts[3] == "99"


@pytest.mark.parametrize(
    ("ratings", "items", "place"),
    [
        (HEADER + "u,1,9,1\n", ITEMS, "ratings.csv:2: rating"),
        ("a,b\n", ITEMS, "ratings.csv:1: no column"),
        (HEADER + "u,1,3,1\nu,2,3,2\n", ITEMS, "ratings.csv:1: nobody has three events"),
        (HEADER, "a,b\n", "items.csv:1: no column"),
        (HEADER, "movieId,title\n1,A\n1,B\n", "items.csv:3: '1' is there twice"),
        (HEADER, "movieId,title\n1,A\n,B\n", "items.csv:3: no movieId"),
        (HEADER, "movieId,title\n1,A\n2\n", "items.csv:3: not as many fields"),
        (HEADER, "movieId,title\n1,A\n2,B,C\n", "items.csv:3: not as many fields"),
        (HEADER, "movieId,title\n", "items.csv:1: no items"),
        (HEADER, "", "items.csv:1: no column"),
    ],
)
def test_bad_files_say_where(tmp_path: Path, capsys, ratings: str, items: str, place: str) -> None:
    files = written(tmp_path, ratings, items)
    with pytest.raises(BadInput, match=place):
        load_log(tmp_path / "ratings.csv", tmp_path / "items.csv")
    assert main(["evaluate", "history", *files]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and place in err


def test_unreadable_items_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="can't read it"):
        load_texts(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"movieId,title\n1,\xe9\n")
    with pytest.raises(BadInput, match="latin.csv:2: not UTF-8"):
        load_texts(tmp_path / "latin.csv")


def test_the_last_event_is_held_out() -> None:
    log = log_of([[0, 1, 2, 3], [3, 2, 1], [0, 1]], 5)
    test, valid, cold = held_out(log, 1), held_out(log, 2), held_out(log, 1, few=2)
    assert [h.tolist() for h in test.histories] == [[0, 1, 2], [3, 2]] and test.targets.tolist() == [3, 1]
    assert [h.tolist() for h in valid.histories] == [[0, 1], [3]] and valid.targets.tolist() == [2, 2]
    assert [h.tolist() for h in cold.histories] == [[0, 1], [3, 2]] and cold.targets.tolist() == [3, 1]
    assert [h.tolist() for h in log.known(2)] == [[0, 1], [3], []]


def test_ranks_as_computed_by_hand() -> None:
    scores = np.array([[9, 1, 3, 2], [1, 2, 3, 4], [5, 5, 5, 5]])
    ranks, fronts = places(scores, [np.array([0]), np.array([], dtype=int), np.array([1])], np.array([3, 0, 2]))
    assert ranks.tolist() == [2, 4, 2]
    assert fronts.tolist() == [[2, 3, 1, 0], [3, 2, 1, 0], [0, 2, 3, 1]]


def test_a_scorer_that_gives_no_numbers_finds_nothing() -> None:
    scores = np.full((1, 50), np.nan)
    scores[0, :40] = 0
    assert places(scores, [np.array([0])], np.array([49]))[0].tolist() == [49]


def test_figures_as_computed_by_hand() -> None:
    ndcg = (1 + 1 / log2(4)) / 3
    expected = {"hr@10": 2 / 3, "ndcg@10": ndcg, "hr@20": 1, "mrr": (1 + 1 / 3 + 1 / 15) / 3}
    assert figures(np.array([1, 3, 15])) == pytest.approx(expected)


def ground(log: Log) -> Ground:
    return Ground(popularity(log.known(1), len(log.items)), len(log.users), np.eye(len(log.items)))


def test_batches_change_nothing() -> None:
    log = tastes()
    cases, scorer = held_out(log, 1), baselines(log.known(1), 40)["ease"]
    assert evaluate(cases, scorer, ground(log), batch=7) == pytest.approx(evaluate(cases, scorer, ground(log)))


def test_the_hybrid_finds_tastes_and_shuffled_labels_fall_to_chance() -> None:
    log = tastes()
    hybrid, cases = fit_hybrid(log, linear_signals(40)), held_out(log, 1)
    assert evaluate(cases, hybrid.score, ground(log))["hr@10"] == 1  # four films of the kind are left
    rng = np.random.default_rng(1)
    left = [rng.choice(np.setdiff1d(np.arange(40), history)) for history in cases.histories]
    chance = evaluate(Cases(cases.histories, np.array(left)), hybrid.score, ground(log))["hr@10"]
    assert chance == pytest.approx(10 / 34, abs=0.13)


def test_users_are_told_apart_by_what_is_said_of_them() -> None:
    """A scorer that knows what comes next, of every second user."""
    log = tastes()
    targets = {tuple(history[:-1]): history[-1] for history in log.histories}

    def score(histories):
        found = np.zeros((len(histories), 40))
        for row, history in enumerate(histories):
            found[row, targets.get(tuple(history), 0)] = (-1.0, 1.0)[history[0] // 10 % 2]
        return found

    hybrid = Hybrid({"it": score}, Blend(("it",), (), np.ones((1, 1))))
    people = {user: {"side": "ab"[int(user) % 2]} for user in log.users}
    side = report(log, hybrid, 0.0, np.eye(40), people)["model"]["groups"]["side"]
    assert (side["a"], side["b"], side["gap"]) == (0, 1, 1)


@pytest.mark.parametrize("name", ["popularity", "item-knn", "ease", "ease-recency"])
def test_baselines_rank_each_history_by_itself(name: str) -> None:
    log = tastes()
    scorer, histories = baselines(log.known(1), 40)[name], held_out(log, 1).histories
    assert scorer(histories[:3]) == pytest.approx(scorer(histories)[:3], abs=1e-5)


def test_what_comes_after_changes_no_score() -> None:
    log = tastes()
    later = Log(log.users, log.items, tuple(np.append(h[:-1], 39 - h[-1]) for h in log.histories), log.stars, log.texts)
    histories = held_out(log, 1).histories
    one, other = (fit_hybrid(some, linear_signals(40)).score(histories) for some in (log, later))
    assert np.array_equal(one, other)


def test_weights_are_learned_from_signals_that_never_saw_the_target() -> None:
    log, seen = tastes(), []

    def memory(known):
        seen.append(sorted(len(history) for history in known))
        return lambda histories: np.zeros((len(histories), 40))

    fit_hybrid(log, {"memory": memory})
    assert seen == [[5] * 120, [6] * 120]


def test_stars_of_a_pattern_are_predicted() -> None:
    rng = np.random.default_rng(0)
    kind = rng.normal(size=30)
    events = [
        (str(u), str(i), 1.0, float(np.clip(3 + (-1) ** u * kind[i], 0.5, 5))) for u in range(40) for i in range(30)
    ]
    log = make_log(events, {})
    spread = float(np.std(np.concatenate(log.stars)))
    assert rmse(log, width=4, sweeps=30, burn=10) < 0.35 * spread
    mixed = Log(log.users, log.items, log.histories, tuple(rng.permutation(s) for s in log.stars), log.texts)
    assert rmse(mixed, width=4, sweeps=30, burn=10) > 0.9 * spread


def test_predicted_stars_stay_in_range_and_know_no_stranger() -> None:
    from scipy import sparse

    stars = sparse.csr_matrix(np.array([[5.0, 4, 0], [5, 0, 0], [0, 4, 0], [0, 0, 0]]))
    model = Factors.fit(stars, width=3, sweeps=20, burn=5)
    found = model.predict(np.array([0, 1, 3, 3]), np.array([0, 1, 0, 2]))
    assert np.all((found >= 4) & (found <= 5))


@pytest.mark.slow
def test_the_command_prints_the_report(tmp_path: Path, capsys) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{u},{u % 2 * 10 + i},{3 + i % 3},{t}" for u in range(60) for t, i in enumerate(rng.permutation(10)[:6])]
    items = "movieId,title\n" + "".join(f"{i},Film {i}\n" for i in range(20))
    files = written(tmp_path, HEADER + "\n".join(lines) + "\n", items)
    people = tmp_path / "people.csv"
    people.write_text("userId,gender\n" + "".join(f"{u},{'FM'[u % 2]}\n" for u in range(60)), encoding="utf-8")
    files += ["--people", str(people)]
    assert main(["evaluate", "history", *files, "--epochs", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report["baselines"]) == ["popularity", "item-knn", "ease", "ease-recency"]
    keys = ["hr@10", "ndcg@10", "hr@20", "mrr", "coverage", "gini", "mean_popularity", "popularity_lift", "novelty"]
    keys += ["diversity", "groups"]
    assert list(report["model"]) == [*keys, "rmse"] and all(list(row) == keys for row in report["baselines"].values())
    assert list(report["model"]["groups"]["gender"]) == ["F", "M", "gap", "error"]
    assert main(["evaluate", "history", *files, "--epochs", "1"]) == 0
    out = capsys.readouterr().out
    assert "item-knn" in out and "diversity" in out and "gender" in out
    assert main(["evaluate", "history", *files, "--epochs", "0"]) == 2
