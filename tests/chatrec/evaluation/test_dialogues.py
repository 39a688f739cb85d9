"""Figures over recorded dialogues: as computed by hand, for every scorer alike, from files that are checked."""

from __future__ import annotations

import json
from dataclasses import replace
from math import log2
from pathlib import Path

import numpy as np
import pytest

from chatrec.catalog import Catalog
from chatrec.errors import BadInput
from chatrec.evaluation.beyond import Ground
from chatrec.evaluation.dialogues import (
    FILMS,
    Case,
    background,
    comention,
    copier,
    dense,
    evaluate,
    fusion,
    load_cases,
    load_films,
    mentions,
    popularity,
    query_of,
    report,
    sessions,
    wishes,
    with_popularity,
    worded,
)
from chatrec.linker import Linker
from chatrec.types import Item, Query, Turn

HEADER = "item_id,title,year,genres,directors,cast,description\n"
FOUR = "a,Alien,1979,Horror,,,\nb,Heat,,Crime,,,\nc,,1995,Comedy,,,\nd,Ran,1985,Drama,,,\n"
HI = {"speaker": "user", "text": "hi"}
GOOD = {"case_id": "1", "turns": [HI], "mentioned": [], "speaker": "bot", "targets": ["a"]}


def case(mentioned: str, targets: str, *said: str) -> Case:
    """Items by their letters."""
    turns = tuple(Turn("user", text) for text in said)
    return Case("", turns, tuple(mentioned.split()), "bot", tuple(targets.split()))


@pytest.fixture
def four(tmp_path) -> Catalog:
    path = tmp_path / "items.csv"
    path.write_text(HEADER + FOUR)
    return load_films(path)


def in_file_order(query: Query) -> np.ndarray:
    return np.array([i for i, item_id in enumerate("abcd") if item_id not in query.exclude])


def order(scorer, query: Query) -> str:
    return "".join("abcd"[i] for i in scorer(query))


def figures(recall_1: float, recall_10: float, ndcg: float, mrr: float, n: int):
    """As :func:`evaluate` gives them; of four items, nothing more is found in 50 than in 10."""
    recalls = {"recall@1": recall_1, "recall@10": recall_10, "recall@50": recall_10}
    return pytest.approx({**recalls, "ndcg@10": ndcg, "mrr": mrr, "n": n})


def accuracy(figures: dict) -> dict:
    """Without what :mod:`test_beyond` is about."""
    return {name: figures[name] for name in ("recall@1", "recall@10", "recall@50", "ndcg@10", "mrr", "n")}


def even(size: int) -> Ground:
    """Nothing is known of anybody."""
    return Ground(np.zeros(size), 0, np.eye(size))


def test_the_figures_are_those_computed_by_hand(four):
    """Ranks of the targets: 2; 2 and 4; 4; 1 and nowhere. Of the new ones: 1; 3; none is new; 1 and nowhere."""
    cases = [case("a", "b"), case("b", "b d"), case("d", "d"), case("", "a gone")]
    found, two = evaluate(cases, four, in_file_order, even(4)), 1 + 1 / log2(3)  # the ideal gain of two targets
    gain = 1 / log2(3) + (1 / log2(3) + 1 / log2(5)) / two + 1 / log2(5) + 1 / two
    assert accuracy(found["all"]) == figures(0.5 / 4, 3.5 / 4, gain / 4, (1 / 2 + 1 / 2 + 1 / 4 + 1) / 4, 4)
    assert accuracy(found["new"]) == figures(1.5 / 3, 2.5 / 3, (1 + 1 / log2(4) + 1 / two) / 3, (1 + 1 / 3 + 1) / 3, 3)


@pytest.mark.parametrize(
    ("rank", "recalls", "ndcg"), [(10, [0, 1, 1], 1 / log2(11)), (11, [0, 0, 1], 0), (51, [0, 0, 0], 0)]
)
def test_what_stands_behind_a_cutoff_is_not_found(four, rank, recalls, ndcg):
    items = tuple(Item(str(n), str(n), {}) for n in range(1, 61))
    found = evaluate([case("", str(rank))], Catalog(four.schema, items), lambda query: np.arange(60), even(60))["all"]
    assert [found[f"recall@{k}"] for k in (1, 10, 50)] == recalls
    assert found["ndcg@10"] == pytest.approx(ndcg)
    assert found["mrr"] == pytest.approx(1 / rank)


def test_without_cases_all_figures_are_zero(four):
    assert set(accuracy(evaluate([], four, in_file_order, even(4))["new"]).values()) == {0.0}


def test_a_scorer_sees_what_was_said_and_named_and_never_a_target(four):
    seen = []
    evaluate([case("a b", "b c", "hi", "like alien?")], four, lambda query: seen.append(query) or np.arange(4), even(4))
    plain = Query("films", (Turn("user", "hi"), Turn("user", "like alien?")), anchors=("a", "b"))
    assert seen == [plain, replace(plain, exclude=frozenset("ab"))]


def test_the_copier_repeats_what_was_named_latest_first(four):
    named = case("a c gone a d", "b")
    assert order(copier(four), query_of(named, four, new=False)) == "dac"
    assert order(copier(four), query_of(named, four, new=True)) == ""


def test_the_most_named_come_first_whatever_is_said(four):
    counted = with_popularity(four, [case("", "c d"), case("d", "c b"), case("a", "c b gone"), case("", "a")])
    scorer = popularity(counted)
    assert order(scorer, query_of(case("", "a", "hi"), counted, new=True)) == "cbad"
    assert order(scorer, query_of(case("c", "a"), counted, new=False)) == "cbad"
    assert order(scorer, query_of(case("c a", "a"), counted, new=True)) == "bd"
    assert not four.popularity.any()


class Letters:
    """An encoder that counts the letters a to d."""

    name, dimensions = "letters", 4

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.array([[text.count(letter) for letter in "abcd"] for text in texts], dtype=np.float32)


def test_dense_ranks_by_closeness_to_the_last_four_turns(four):
    scorer = dense(four, Letters(), np.eye(4, dtype=np.float32))
    said = case("b", "a", "aaaaa", "bbbb", "ccc", "dd c", "a")
    assert order(scorer, query_of(said, four, new=False)) == "bcda"
    assert order(scorer, query_of(said, four, new=True)) == "cda"


def test_a_report_holds_the_model_and_each_baseline(four):
    found = report([case("a", "a b")], four, in_file_order, {"copier": copier(four)}, even(4))
    assert found["model"]["all"]["mrr"] == found["baselines"]["copier"]["all"]["mrr"] == 1.0
    assert found["baselines"]["copier"]["new"]["mrr"] == 0.0
    with pytest.raises(BadInput, match="do the two files belong together"):
        report([case("a", "gone")], four, in_file_order, {}, even(4))


def test_lists_are_seen_against_what_dialogues_name_and_what_was_named_before(four):
    """a is named in two dialogues of three, b in one; new items of the two lists are bcd and abcd."""
    ground = background(four, [talk("1:1", "", "a b"), talk("2:1", "a", "a gone"), talk("3:1", "", "gone")], np.eye(4))
    assert (ground.counts.tolist(), ground.people) == ([2, 1, 0, 0], 3)
    found = evaluate([case("a", "b"), case("", "c")], four, in_file_order, ground)["new"]
    assert found["coverage"] == 1
    assert found["gini"] == pytest.approx((-3 * 1 - 2 + 2 + 3 * 2) / (4 * 7))  # of 1, 2, 2 and 2 places
    assert found["popularity_lift"] == pytest.approx((1 / 3) / 2 - 1)
    assert found["diversity"] == 1


def write(folder: Path, *lines: dict | bytes) -> Path:
    path = folder / "cases.jsonl"
    path.write_bytes(
        b"\n".join(x if isinstance(x, bytes) else json.dumps(x, ensure_ascii=False).encode() for x in lines)
    )
    return path


def test_cases_are_read_by_who_named_the_items(tmp_path):
    odd = {**GOOD, "turns": [{"speaker": "bot", "text": "one\u2028two"}], "mentioned": ["b"]}
    path = write(tmp_path, b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), b"", {**odd, "speaker": "user"}, odd)
    first, second = load_cases(path)
    assert first == Case("1", (Turn("user", "hi"),), (), "bot", ("a",))
    assert second == Case("1", (Turn("bot", "one\u2028two"),), ("b",), "bot", ("a",))
    assert load_cases(path, speakers=("user",)) == (replace(second, speaker="user"),)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "not JSON"),
        (b'"\xff"', "not UTF-8"),
        (b"[]", "not a case"),
        (b"null", "not a case"),
        ({k: v for k, v in GOOD.items() if k != "targets"}, "'targets' is missing"),
        ({**GOOD, "turns": [{"speaker": "user"}]}, "'text' is missing"),
        ({**GOOD, "turns": ["hi"]}, "must be lists"),
        ({**GOOD, "targets": "ab"}, "must be lists"),
        ({**GOOD, "mentioned": {"a": 1}}, "must be lists"),
        ({**GOOD, "targets": []}, "at least one target"),
        ({**GOOD, "targets": [7]}, "ids are strings"),
        ({**GOOD, "turns": [{"speaker": "user", "text": None}]}, "texts and item ids are strings"),
        ({**GOOD, "speaker": "robot"}, "'user' or 'bot'"),
        ({**GOOD, "turns": [{"speaker": "robot", "text": "hi"}]}, "'user' or 'bot'"),
    ],
)
def test_a_bad_case_is_told_by_file_and_line(tmp_path, line, says):
    path = write(tmp_path, GOOD, b"", line)
    with pytest.raises(BadInput) as refused:
        load_cases(path)
    assert str(refused.value).startswith(f"{path}:3: ")
    assert says in str(refused.value)


def test_a_file_without_cases_and_one_that_is_not_there_are_told(tmp_path):
    with pytest.raises(BadInput, match=r"cases\.jsonl:1: no cases"):
        load_cases(write(tmp_path, b"", b""))
    for load in (load_cases, load_films):
        with pytest.raises(BadInput, match=r"gone: No such file"):
            load(tmp_path / "gone")


@pytest.mark.parametrize("empty", ["", '""', " ", ' "" '])
def test_an_item_without_a_title_goes_by_its_id_and_lines_stay_those_of_the_file(tmp_path, empty):
    path = tmp_path / "items.csv"
    rows = f'a,Alien,1979,Horror,,,"two\nlines"\nb,{empty},,,,,\n'
    path.write_text("\ufeff" + HEADER + rows)
    assert [item.title for item in load_films(path).items] == ["Alien", "b"]
    path.write_text(HEADER + rows + "c,Heat,soon,,,,\n")
    with pytest.raises(BadInput, match=r"items\.csv:5: year is 'soon'"):
        load_films(path)


def talk(case_id: str, mentioned: str, targets: str) -> Case:
    return replace(case(mentioned, targets), case_id=case_id)


def test_comention_ranks_by_what_dialogues_name_beside_the_items_named(four):
    """b is named beside a twice, c beside b and d once; a dialogue counts once, however many turns it has."""
    fit = [talk("1:2", "a", "b"), talk("1:4", "a b", "b"), talk("2:1", "", "a b"), talk("3:1", "d", "b c")]
    counted = with_popularity(four, [case("", "c c"), case("", "c d")])
    scorer = comention(counted, fit)
    assert order(scorer, query_of(case("a", "b"), counted, new=True)) == "bcd"
    assert order(scorer, query_of(case("b d", "a"), counted, new=True)) == "ca"  # two each
    assert order(scorer, query_of(case("", "a"), counted, new=True)) == "cdab"


def test_sessions_hold_what_a_dialogue_names_once_in_order():
    fit = [talk("1:2", "a", "b"), talk("2:1", "", "c"), talk("1:4", "a b", "d a")]
    assert sessions(fit) == [("a", "b", "d"), ("c",)]


def test_mentions_add_the_mean_of_what_was_named_to_what_was_said(four):
    """Said: b once, d twice. The mean of a and c counts half for each."""
    scorer = mentions(four, Letters(), np.eye(4, dtype=np.float32))
    assert order(scorer, query_of(case("", "a", "b dd"), four, new=False)) == "dbac"
    assert order(scorer, query_of(case("a a a c gone", "b", ""), four, new=False)) == "acbd"


def test_the_sum_counts_every_part_by_its_spread(four):
    """Popularity says d; words, however loud, weigh no more than it does; beside a and named with a, c wins."""
    counted = with_popularity(four, [case("", "d")])
    scorer = fusion(counted, Letters(), np.eye(4, dtype=np.float32), [talk("1:1", "a", "c")])
    assert order(scorer, query_of(case("", "a", ""), counted, new=False))[0] == "d"
    assert order(scorer, query_of(case("", "a", "bbbb"), counted, new=False))[:2] == "bd"
    assert order(scorer, query_of(case("a", "b", "c"), counted, new=True))[0] == "c"


def test_wishes_are_what_the_user_asks_for_and_all_soft(four):
    words = replace(
        FILMS, slots={**FILMS.slots, "genre": replace(FILMS.slots["genre"], synonyms={"Horror": ("scary",)})}
    )
    spoken = worded(four, words)
    turns = (Turn("bot", "a comedy?"), Turn("user", "no, something scary"), Turn("user", "crime, no drama"))
    found = [(c.op, c.values, c.soft) for c in wishes(turns, Linker(spoken), spoken)]
    assert found == [("is", ("Horror",), True), ("is", ("Crime",), True), ("not", ("Drama",), True)]
