"""What is learned from is read and checked as a whole, kept apart by owner, and counts by how often it is met."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_films import films

from chatrec.errors import BadInput
from chatrec.store import Store
from chatrec.training import sources
from chatrec.training.examples import Example
from chatrec.types import Event, Query, RankedList, Reading, Recommendation, Turn

FILMS = films()
HEADER = "userId,movieId,rating,timestamp\n"
CASE = {
    "case_id": "talk:1",
    "turns": [{"speaker": "user", "text": "robots"}],
    "mentioned": [],
    "speaker": "bot",
    "targets": ["alien"],
}


def liked(item_id: str, at: float, impression: str | None = None) -> Event:
    return Event(item_id, "like", at, impression_id=impression)


@pytest.mark.parametrize("row", ["7,alien,eleven,1", "7,alien,5", "7,,5,1"])
def test_a_bad_rating_is_told_by_file_and_line(tmp_path, row):
    path = tmp_path / "ratings.csv"
    path.write_text(f"{HEADER}7,heat,4,2\n{row}\n")
    with pytest.raises(BadInput, match=rf"^{path}:3: "):
        sources.ratings(path)


def test_ratings_become_histories_oldest_first(tmp_path):
    (tmp_path / "ratings.csv").write_text(f"{HEADER}7,heat,4,20\n8,ronin,1,5\n7,alien,5,10\n")
    found = sources.ratings(tmp_path / "ratings.csv")
    assert {user: [e.item_id for e in events] for user, events in found.items()} == {
        "7": ["alien", "heat"],
        "8": ["ronin"],
    }


@pytest.mark.parametrize("line", ["not json", '{"case_id": 1}', json.dumps({**CASE, "targets": []})])
def test_a_bad_dialogue_is_told_by_file_and_line(tmp_path, line):
    path = tmp_path / "cases.jsonl"
    path.write_text(f"{json.dumps(CASE)}\n{line}\n")
    with pytest.raises(BadInput, match=rf"^{path}:2: "):
        sources.dialogues([path], FILMS)


def test_all_turns_of_a_dialogue_have_one_owner_and_both_speakers_are_learned_from(tmp_path):
    rows = [CASE, {**CASE, "case_id": "talk:2", "speaker": "user", "targets": ["heat"]}, {**CASE, "case_id": "other"}]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = sources.dialogues([tmp_path / "cases.jsonl"], FILMS)
    assert [(owner, e.targets[0]) for owner, e in found] == [
        ("talk", FILMS.index("alien")), ("talk", FILMS.index("heat")), ("other", FILMS.index("alien")),
    ]  # fmt: skip


@given(sizes=st.lists(st.integers(1, 4), min_size=2, max_size=40), seed=st.integers(0, 9))
def test_whole_owners_are_held_out_a_tenth_of_them_and_at_least_one(sizes, seed):
    owned = [(f"u{n}", Example(Reading(f"u{n}"), (i,))) for n, size in enumerate(sizes) for i in range(size)]
    learned, held = sources.split(owned, seed)
    owners = [{e.reading.text for e in part} for part in (learned, held)]
    assert owners[0].isdisjoint(owners[1])
    assert len(owners[1]) == max(1, round(len(sizes) / 10))
    assert Counter(learned + held) == Counter(e for _, e in owned)
    assert sources.split(owned[::-1], seed) == (learned[::-1], held[::-1])


def test_another_seed_holds_others_out_and_nothing_splits_into_nothing():
    owned = [(str(n), Example(Reading(str(n)), (0,))) for n in range(50)]
    assert len({tuple(e.reading.text for e in sources.split(owned, seed)[1]) for seed in range(5)}) > 1
    assert sources.split([], 0) == ([], [])


def test_a_rarer_target_counts_more_within_bounds_and_a_target_counts_one_on_average():
    histories = {f"u{n}": [liked("heat", 1.0)] for n in range(2000)} | {"rare": [liked("alien", 1.0)]}
    found = sources.behaviour(histories, FILMS, seed=0)
    weights = {e.targets[0]: e.weight for _, e in found}
    heat, alien = weights[FILMS.index("heat")], weights[FILMS.index("alien")]
    assert heat < alien
    assert alien / heat == pytest.approx(sources.LONGEST)
    assert sum(e.weight for _, e in found) / len(found) == pytest.approx(1.0)
    fewer = sources.behaviour({u: histories[u] for u in ("u0", "u1", "u2", "u3", "u4", "rare")}, FILMS, seed=0)
    ratio = {e.targets[0]: e.weight for _, e in fewer}
    assert ratio[FILMS.index("alien")] / ratio[FILMS.index("heat")] == pytest.approx((6 / 2) ** 0.5)


def test_behaviour_of_nobody_is_no_examples():
    assert sources.behaviour({}, FILMS, seed=0) == []
    assert sources.behaviour({"u": [liked("gone", 1.0), Event("heat", "seen", 2.0)]}, FILMS, seed=0) == []


def test_a_users_examples_do_not_depend_on_other_users():
    one = {"ada": [liked(item.item_id, float(n)) for n, item in enumerate(FILMS.items)]}
    both = one | {"bob": [liked("heat", 1.0)], "aaron": [liked("ronin", 1.0)]}
    alone, beside = ([e.reading for u, e in sources.behaviour(h, FILMS, 0) if u == "ada"] for h in (one, both))
    assert alone == beside


@pytest.fixture
def store(tmp_path) -> Store:
    """SQLite is enough: that both databases give the same is shown where the store is tested."""
    return Store.open(f"sqlite:///{tmp_path / 'store.db'}", "a secret of the tests")


def show(store: Store, impression: str, propensities: dict[str, float], query: Query) -> str:
    lines = [Recommendation(n, FILMS.item(i), 1.0, 0.5, "") for n, i in enumerate(propensities, 1)]
    user = store.user("web:ada")
    store.add_impression(
        user, RankedList("films", tuple(lines), impression_id=impression), query, [*propensities.values()]
    )
    return user


def test_a_like_of_a_list_is_an_example_weighted_by_one_over_the_chance_that_it_was_shown(store):
    query = Query("films", (Turn("user", "robots"),), history=(liked("ronin", 1.0),))
    user = show(store, "list", {"alien": 0.5, "heat": 0.001, "hill": 1.0}, query)
    for n, event in enumerate([
        liked("alien", 2.0, "list"), liked("heat", 3.0, "list"), Event("hill", "dislike", 4.0, impression_id="list"),
        liked("hill", 5.0), liked("solaris", 6.0, "list"), liked("gone", 7.0, "list"), liked("hill", 8.0, "no list"),
    ]):  # fmt: skip
        store.add_event(user, "films", event, str(n))
    found = sources.feedback(store, FILMS)
    assert {owner for owner, _ in found} == {user}
    assert [(e.targets, e.weight) for _, e in found] == [
        ((FILMS.index("alien"),), 2.0), ((FILMS.index("heat"),), sources.LONGEST),
    ]  # fmt: skip
    assert {e.reading for _, e in found} == {Reading("user: robots", ((FILMS.index("ronin"), "like"),))}


def test_what_was_liked_is_not_among_what_the_example_is_told(store):
    user = show(store, "list", {"alien": 1.0}, Query("films", history=(Event("alien", "seen", 1.0),)))
    store.add_event(user, "films", liked("alien", 2.0, "list"), "1")
    ((_, example),) = sources.feedback(store, FILMS)
    assert example.reading == Reading("")
