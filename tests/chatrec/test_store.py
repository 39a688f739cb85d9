"""What the store promises, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatrec.errors import BadInput
from chatrec.records import FollowUp
from chatrec.store import Store
from chatrec.tables import owned
from chatrec.types import Constraint, Event, Item, Query, RankedList, Recommendation, Turn

NO_HORROR = Constraint("genre", "not", ("Horror",), "no horror please")


def ranked(impression_id: str, *item_ids: str) -> RankedList:
    lines = [Recommendation(i + 1, Item(x, x.title(), {}), 9.0 - i, 0.5, "") for i, x in enumerate(item_ids)]
    return RankedList("movies", tuple(lines), impression_id=impression_id, model="test-model")


def fill(store: Store, platform_id: str, word: str) -> str:
    """One user with a row in every table and ``word`` wherever a user's own words can get to."""
    user = store.user(platform_id)
    store.add_event(user, "movies", Event("alien", "like", 1.0, impression_id=f"{word}-list"), f"{word}-key")
    query = Query("movies", (Turn("user", word),), (NO_HORROR,), history=(Event("alien", "like", 1.0),))
    store.add_impression(user, ranked(f"{word}-list", "alien", "brazil"), query, [1.0, 0.5])
    store.add_turn(user, platform_id, Turn("user", f"I said {word}"), 2.0, f"{word}-key")
    store.remember(user, "movies", Constraint("genre", "is", ("Comedy",), f"{word} comedies"))
    store.consent(user, f"training on {word}", True)
    store.plan_follow_up(user, FollowUp("webchat", word, word, "movies", "alien", 3.0))
    (shown,) = (one for one in store.shown(0.0) if one.user == user)
    store.review(shown, "note", f"{word} again")
    return user


# Users


def test_a_user_keeps_the_key_and_the_platform_id_is_stored_nowhere(store, cells):
    user = store.user("telegram:quokka")
    assert store.user("telegram:quokka") == user == store.find_user("telegram:quokka") == store.find_user(user)
    assert not [value for _, value in cells() if "quokka" in value]


def test_nobody_is_found_under_an_unknown_id_or_with_another_secret(store, url):
    user = store.user("telegram:quokka")
    assert store.find_user("telegram:wombat") is None
    other = Store.open(url, "another secret")
    assert other.find_user("telegram:quokka") is None and other.user("telegram:quokka") != user
    other.close()


def test_a_user_without_an_id_is_refused(store):
    with pytest.raises(BadInput):
        store.user("")


def test_a_user_who_comes_again_moves_last_seen_and_leaves_created_at(store):
    user = store.user("web:1")
    before = store.export(user)["users"][0]
    assert store.user("web:1") == user
    after = store.export(user)["users"][0]
    assert after["last_seen"] > before["last_seen"] and after["created_at"] == before["created_at"]


def test_behaviour_of_an_unknown_user_is_refused(store):
    with pytest.raises(BadInput, match="was the user created"):
        store.add_event("nobody", "movies", Event("alien", "like", 1.0), "k")


# Behaviour


def test_events_come_back_as_they_were_oldest_first(store):
    user = store.user("web:1")
    late, early = Event("alien", "rating", 1700000000.25, 4.5, "imp-1"), Event("brazil", "seen", 3.0)
    store.add_event(user, "movies", late, "a")
    store.add_event(user, "movies", early, "b")
    store.add_event(user, "travel", Event("rome", "like", 2.0), "c")
    assert store.events(user, "movies") == (early, late)
    assert [event.item_id for event in store.events(user)] == ["rome", "brazil", "alien"]


def test_a_key_counts_once_for_its_user_and_does_not_touch_other_users(store):
    first, second = store.user("web:1"), store.user("web:2")
    event = Event("alien", "like", 1.0)
    assert store.add_event(first, "movies", event, "k") is True
    assert store.add_event(first, "movies", Event("alien", "dislike", 2.0), "k") is False
    assert store.add_event(second, "movies", event, "k") is True
    assert store.events(first) == (event,)


def test_eight_threads_adding_the_same_hundred_keys_store_a_hundred_events(store):
    user = store.user("web:1")

    def add_all(_: int) -> int:
        return sum(store.add_event(user, "movies", Event(f"i{n}", "like", n), f"k{n}") for n in range(100))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add_all, range(8))) == 100
    assert [event.item_id for event in store.events(user)] == [f"i{n}" for n in range(100)]


def test_a_change_of_mind_keeps_both_events_and_the_latest_is_the_stance(store):
    user = store.user("web:1")
    like, dislike = Event("alien", "like", 1.0), Event("alien", "dislike", 2.0)
    for event in (dislike, like):
        store.add_event(user, "movies", event, event.kind)
    assert store.events(user) == (like, dislike)
    assert store.stances(user, "movies") == {"alien": dislike}


def test_seen_does_not_take_back_a_like_but_a_like_goes_past_seen(store):
    user = store.user("web:1")
    for n, (item, kind) in enumerate([("a", "like"), ("a", "seen"), ("b", "seen"), ("b", "dislike"), ("c", "seen")]):
        store.add_event(user, "movies", Event(item, kind, float(n)), str(n))
    kinds = {item: event.kind for item, event in store.stances(user, "movies").items()}
    assert kinds == {"a": "like", "b": "dislike", "c": "seen"}


def test_histories_are_what_everybody_did_in_one_catalogue_oldest_first(store):
    first, second = store.user("web:1"), store.user("web:2")
    acts = [(first, Event("b", "like", 2.0, impression_id="i")), (second, Event("c", "rating", 3.0, 4.5))]
    for n, (user, event) in enumerate([*acts, (first, Event("a", "seen", 1.0))]):
        store.add_event(user, "movies", event, str(n))
    store.add_event(store.user("web:3"), "travel", Event("d", "like", 1.0), "elsewhere")
    found = store.histories("movies")
    assert found == {first: (Event("a", "seen", 1.0), acts[0][1]), second: (acts[1][1],)}
    assert found == {user: store.events(user, "movies") for user in (first, second)}
    assert store.histories("books") == {}


@pytest.mark.alone
def test_add_event_takes_under_five_milliseconds_on_sqlite(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}", "secret")
    user = store.user("web:1")
    seconds = []
    for n in range(200):
        start = time.perf_counter()
        store.add_event(user, "movies", Event("alien", "like", n), str(n))
        seconds.append(time.perf_counter() - start)
    assert statistics.median(seconds) < 0.005


# Lists shown


def test_an_impression_comes_back_in_order_with_its_owner_and_catalogue(store):
    user = store.user("web:1")
    store.add_impression(user, ranked("imp-1", "brazil", "alien"), Query("movies"), [1.0, 0.25])
    kept = store.impression("imp-1")
    assert (kept.user, kept.catalog, kept.item_ids, kept.model) == (user, "movies", ("brazil", "alien"), "test-model")
    assert (kept.scores, kept.propensities) == ((9.0, 8.0), (1.0, 0.25))
    assert store.impression("imp-2") is None


def test_the_last_impression_is_the_newest_of_that_user_and_catalogue(store):
    first, second = store.user("web:1"), store.user("web:2")
    for user, name in ((first, "imp-1"), (first, "imp-2"), (second, "imp-3")):
        store.add_impression(user, ranked(name, "alien"), Query("movies"), [1.0])
    assert store.last_impression(first, "movies").impression_id == "imp-2"
    assert store.last_impression(first, "travel") is None


def test_a_stored_impression_cannot_be_overwritten(store):
    first, second = store.user("web:1"), store.user("web:2")
    store.add_impression(first, ranked("imp-1", "alien"), Query("movies"), [1.0])
    store.add_impression(second, ranked("imp-1", "brazil"), Query("movies"), [1.0])
    assert store.impression("imp-1").user == first and store.impression("imp-1").item_ids == ("alien",)


def test_an_impression_keeps_the_whole_query(store):
    user = store.user("web:1")
    query = Query("movies", (Turn("user", "hi"),), (NO_HORROR,), ("alien",), exclude=frozenset({"b", "a"}), n=3)
    store.add_impression(user, ranked("imp-1", "brazil"), query, [1.0])
    kept = store.export(user)["impressions"][0]["query"]
    assert kept["turns"] == [{"speaker": "user", "text": "hi"}] and kept["exclude"] == ["a", "b"] and kept["n"] == 3
    assert Constraint.from_json(kept["constraints"][0]) == NO_HORROR


def test_lists_come_back_oldest_first_with_the_whole_query_and_each_items_chance(store):
    told = (Event("a", "rating", 1.0, 4.5), Event("b", "like", 2.0, impression_id="imp-0"))
    year = Constraint("year", "min", (1990.0,), soft=True)
    full = Query("movies", (Turn("bot", "hi"),), (NO_HORROR, year), ("c",), told, frozenset("xy"), 3, "robots")
    for name, query in (("imp-2", full), ("imp-1", Query("movies"))):
        store.add_impression(store.user("web:1"), ranked(name, "brazil", "alien"), query, [1.0, 0.25])
    chances = {"brazil": 1.0, "alien": 0.25}
    assert list(store.lists("movies")) == [("imp-2", full, chances), ("imp-1", Query("movies"), chances)]
    assert list(store.lists("travel")) == []


@pytest.mark.parametrize(("impression_id", "propensities"), [("", [1.0]), ("imp-1", []), ("imp-1", [1.0, 1.0])])
def test_an_impression_without_id_or_with_odd_propensities_is_refused(store, impression_id, propensities):
    with pytest.raises(BadInput):
        store.add_impression(store.user("web:1"), ranked(impression_id, "alien"), Query("movies"), propensities)


# Conversation


def test_turns_are_the_last_ones_of_that_conversation_oldest_first(store):
    user = store.user("web:1")
    for n in range(5):
        store.add_turn(user, "talk", Turn("user" if n % 2 else "bot", f"turn {n}"), float(n), f"k{n}")
    store.add_turn(user, "another talk", Turn("user", "elsewhere"), 9.0, "k9")
    assert store.turns(user, "talk", 2) == (Turn("user", "turn 3"), Turn("bot", "turn 4"))


def test_a_turn_delivered_twice_is_stored_once(store):
    user = store.user("web:1")
    assert store.add_turn(user, "talk", Turn("user", "hi"), 1.0, "k") is True
    assert store.add_turn(user, "talk", Turn("user", "hi"), 2.0, "k") is False
    assert store.turns(user, "talk", 10) == (Turn("user", "hi"),)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("🎬👩‍👩‍👧‍👦", "🎬👩‍👩‍👧‍👦"),
        ("日本映画 и кино", "日本映画 и кино"),
        ("nul\0character", "nulcharacter"),
        ("half \ud83d emoji", "half ? emoji"),
        ("'; DROP TABLE turns; --", "'; DROP TABLE turns; --"),
        ("x" * 10_000, "x" * 10_000),
    ],
)
def test_text_comes_back_as_it_was_without_what_databases_refuse(store, said, kept):
    user = store.user(f"web:{said}")
    store.add_turn(user, said, Turn("user", said), 1.0, said)
    store.add_event(user, said, Event(said, "like", 1.0), said)
    store.add_impression(user, ranked(said, said), Query("movies", (Turn("user", said),)), [1.0])
    store.remember(user, said, Constraint(said, "is", (said,), said))
    assert store.turns(user, said, 1) == (Turn("user", kept),)
    assert store.events(user, said) == (Event(kept, "like", 1.0),)
    assert store.impression(said).impression_id == kept
    assert store.preferences(user)[0].constraint.text == kept
    assert store.find_user(f"web:{said}") == user


def test_sql_in_any_argument_is_data(store, cells):
    attack = "x' OR '1'='1"
    victim, attacker = fill(store, "web:victim", "word"), store.user(attack)
    assert store.events(attack) == store.preferences(attack) == store.turns(attack, attack, 9) == ()
    assert store.impression(attack) is None and store.find_user("' OR ''='") is None
    assert store.forget(attack) == 1 and store.find_user(attacker) is None
    assert all(store.export(victim).values())
    assert {table for table, _ in cells()} >= {table.name for table in owned}


# Profile


def test_wishes_can_be_listed_corrected_and_forgotten(store):
    user = store.user("web:1")
    first = store.remember(user, "movies", NO_HORROR)
    second = store.remember(user, "movies", Constraint("year", "min", (2000.0,), "newer films", soft=True))
    assert [kept.constraint for kept in store.preferences(user)] == [
        NO_HORROR,
        Constraint("year", "min", (2000.0,), "newer films", True),
    ]
    assert store.correct_preference(user, second, Constraint("year", "min", (1990.0,))) is True
    assert store.forget_preference(user, first) is True
    assert [(kept.preference_id, kept.constraint.values) for kept in store.preferences(user)] == [(second, (1990.0,))]
    assert store.forget_preference(user, first) is False
    assert store.correct_preference(user, first, NO_HORROR) is False


def test_a_wish_takes_the_place_of_the_one_it_repeats_or_takes_back(store):
    user = store.user("web:1")
    after_2000, before_2010 = Constraint("year", "min", (2000.0,)), Constraint("year", "max", (2010.0,))
    horror, comedy = Constraint("genre", "is", ("Horror",)), Constraint("genre", "is", ("Comedy",))
    for wish in (NO_HORROR, comedy, Constraint("year", "min", (1950.0,)), before_2010, after_2000, horror):
        store.remember(user, "movies", wish)
    store.remember(user, "travel", NO_HORROR)
    kept = [preference.constraint for preference in store.preferences(user) if preference.catalog == "movies"]
    assert kept == [comedy, before_2010, after_2000, horror]
    assert len(store.preferences(user)) == 5


def test_the_latest_consent_counts_and_earlier_ones_stay_on_record(store):
    user = store.user("web:1")
    for purpose, granted in (("training", True), ("reminders", True), ("training", False)):
        store.consent(user, purpose, granted)
    assert [(c.purpose, c.granted) for c in store.consents(user)] == [("reminders", True), ("training", False)]
    assert len(store.export(user)["consents"]) == 3


# Everything about one person


def test_an_export_is_json_and_holds_every_row_of_the_user_and_none_of_others(store, url):
    user = fill(store, "web:1", "zebra")
    fill(store, "web:2", "lion")
    exported = store.export("web:1")
    assert {name: len(rows) for name, rows in exported.items()} == dict.fromkeys((table.name for table in owned), 1)
    assert json.loads(json.dumps(exported)) == exported == store.export(user)
    assert "I said zebra" in json.dumps(exported) and "lion" not in json.dumps(exported)
    assert not any(store.export("web:3").values())


def test_forget_leaves_no_byte_of_the_user_and_all_of_the_others(store, url, cells):
    user = fill(store, "web:quokka", "zebra")
    other = fill(store, "web:2", "lion")
    before = store.export(other)
    traces = ("zebra", "quokka", user)
    assert [value for _, value in cells() if "zebra" in value]
    assert store.forget("web:quokka") == 8
    assert not [value for _, value in cells() if any(trace in value for trace in traces)]
    assert store.export(other) == before
    assert store.find_user("web:quokka") is None and store.forget("web:quokka") == 0
    if url.startswith("sqlite"):
        left = b"".join(file.read_bytes() for file in Path(url.removeprefix("sqlite:///")).parent.iterdir())
        assert b"lion" in left and not any(trace.encode() in left for trace in traces)


def test_a_forgotten_user_may_come_back_as_a_new_one(store):
    store.forget(fill(store, "web:1", "zebra"))
    user = store.user("web:1")
    assert store.events(user) == () and store.add_event(user, "movies", Event("alien", "like", 1.0), "zebra-key")


def planned(at: float, item_id: str = "tt1") -> FollowUp:
    return FollowUp("telegram", "telegram:7", "telegram:7", "movies", item_id, at)


def test_a_follow_up_is_given_once_when_it_is_due_and_again_only_if_it_was_not_ended(store):
    user = store.user("telegram:7")
    store.plan_follow_up(user, planned(100.0, "tt0"))
    store.plan_follow_up(user, planned(100.0))
    assert store.due_follow_ups("telegram", 99.0, again=10) == ()
    assert store.due_follow_ups("slack", 100.0, again=10) == ()
    assert store.due_follow_ups("telegram", 100.0, again=10) == (planned(100.0),)
    assert store.due_follow_ups("telegram", 109.0, again=10) == ()
    assert store.due_follow_ups("telegram", 110.0, again=10) == (planned(110.0),)
    assert store.end_follow_up(user)
    assert not store.end_follow_up(user)
    assert store.due_follow_ups("telegram", 999.0, again=10) == ()


def test_who_is_forgotten_is_asked_nothing(store):
    user = store.user("telegram:7")
    store.plan_follow_up(user, planned(100.0))
    store.forget(user)
    assert store.due_follow_ups("telegram", 100.0, again=10) == ()


# Consent, retention, and what was given away


def test_a_consent_alone_is_nothing_that_is_held(store):
    key = store.key("web:1")
    assert store.find_user(key) is None  # asking for a key stores nothing
    store.consent(key, "memory", False)
    assert not store.holds(key)
    store.remember(key, "movies", NO_HORROR, "no horror please, said I")
    assert store.holds(key)
    assert [kept.said for kept in store.preferences(key)] == ["no horror please, said I"]


def test_the_sentence_of_an_event_is_kept_and_one_item_can_be_forgotten(store):
    user = store.user("web:1")
    store.add_event(user, "movies", Event("alien", "seen", 1.0), "a", "I have seen Alien")
    store.add_event(user, "movies", Event("alien", "like", 2.0), "b", "and I loved it")
    store.add_event(user, "movies", Event("brazil", "like", 3.0), "c")
    assert store.said(user, "movies") == {"alien": "and I loved it"}
    assert store.forget_item(user, "movies", "alien") and not store.forget_item(user, "movies", "alien")
    assert [event.item_id for event in store.events(user)] == ["brazil"]


def test_export_forget_import_restores_everything_once(store):
    user = fill(store, "web:1", "word")
    fill(store, "web:2", "other")
    given = json.loads(json.dumps(store.export(user)))
    assert store.forget(user) > 0 and store.find_user(user) is None
    assert store.restore(given, "file") == sum(map(len, given.values()))
    assert store.restore(given, "file") == 0

    def without_numbers(rows: dict) -> dict:
        return {name: [{k: v for k, v in row.items() if not isinstance(v, int)} for row in rows[name]] for name in rows}

    assert without_numbers(store.export(user)) == without_numbers(given)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data | {"secrets": []}, "not an export"),
        (lambda data: [], "not an export"),
        (lambda data: data | {"events": [{"item_id": "alien"}]}, r"events\[0\] should have"),
        (lambda data: data | {"users": [data["users"][0] | {"last_seen": "today"}]}, r"users\[0\].last_seen"),
        (lambda data: data | {"users": [*data["users"], data["users"][0] | {"user_key": "x"}]}, "about one user"),
    ],
)
def test_a_broken_export_is_refused_whole(store, spoil, message):
    user = fill(store, "web:1", "word")
    given = store.export(user)
    store.forget(user)
    with pytest.raises(BadInput, match=f"^file: .*{message}"):
        store.restore(spoil(given), "file")
    assert store.find_user(user) is None


def test_what_is_old_goes_and_wishes_stay_while_their_user_comes(store):
    gone, here = fill(store, "web:gone", "one"), fill(store, "web:here", "two")
    time.sleep(0.01)
    long_ago = time.time()
    store.user("web:here")
    assert store.expire(long_ago) > 0
    assert store.find_user(gone) is None
    left = {name for name, rows in store.export(here).items() if rows}
    assert left == {"users", "preferences", "consents"}
    assert store.expire(0.0) == 0
