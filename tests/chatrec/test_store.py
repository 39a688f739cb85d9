"""What the store promises, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from chatrec.errors import BadInput, StoreDown
from chatrec.store import Store
from chatrec.tables import metadata
from chatrec.types import Constraint, Event, Item, Query, RankedList, Recommendation, Turn

SECRET = "a secret of the tests"
NO_HORROR = Constraint("genre", "not", ("Horror",), "no horror please")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request, tmp_path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new folder' / 'store.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def store(url) -> Iterator[Store]:
    opened = Store.open(url, SECRET)
    yield opened
    opened.close()


def ranked(impression_id: str, *item_ids: str) -> RankedList:
    lines = [Recommendation(i + 1, Item(x, x.title(), {}), 9.0 - i, 0.5, "") for i, x in enumerate(item_ids)]
    return RankedList("movies", tuple(lines), impression_id=impression_id, model="test-model")


def cells(url: str) -> list[tuple[str, str]]:
    """Every value of every table, read past the store."""
    engine = create_engine(url, future=True)
    with engine.connect() as connection:
        found = [
            (table, str(value))
            for table in inspect(connection).get_table_names()
            for row in connection.execute(text(f'SELECT * FROM "{table}"'))
            for value in row
        ]
    engine.dispose()
    return found


def fill(store: Store, platform_id: str, word: str) -> str:
    """One user with a row in every table and ``word`` wherever a user's own words can get to."""
    user = store.user(platform_id)
    store.add_event(user, "movies", Event("alien", "like", 1.0, impression_id=f"{word}-list"), f"{word}-key")
    query = Query("movies", (Turn("user", word),), (NO_HORROR,), history=(Event("alien", "like", 1.0),))
    store.add_impression(user, ranked(f"{word}-list", "alien", "brazil"), query, [1.0, 0.5])
    store.add_turn(user, platform_id, Turn("user", f"I said {word}"), 2.0, f"{word}-key")
    store.remember(user, "movies", Constraint("genre", "is", ("Comedy",), f"{word} comedies"))
    store.consent(user, f"training on {word}", True)
    return user


# Users


def test_a_user_keeps_the_key_and_the_platform_id_is_stored_nowhere(store, url):
    user = store.user("telegram:4711")
    assert store.user("telegram:4711") == user == store.find_user("telegram:4711") == store.find_user(user)
    assert not [value for _, value in cells(url) if "4711" in value]


def test_nobody_is_found_under_an_unknown_id_or_with_another_secret(store, url):
    user = store.user("telegram:4711")
    assert store.find_user("telegram:4712") is None
    other = Store.open(url, "another secret")
    assert other.find_user("telegram:4711") is None and other.user("telegram:4711") != user
    other.close()


def test_a_user_without_an_id_is_refused(store):
    with pytest.raises(BadInput):
        store.user("")


def test_seen_user_moves_last_seen_and_leaves_created_at(store):
    user = store.user("web:1")
    before = store.export(user)["users"][0]
    store.seen_user(user)
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


def test_add_event_takes_under_five_milliseconds_on_sqlite(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}", SECRET)
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


def test_sql_in_any_argument_is_data(store, url):
    attack = "x' OR '1'='1"
    victim, attacker = fill(store, "web:victim", "word"), store.user(attack)
    assert store.events(attack) == store.preferences(attack) == store.turns(attack, attack, 9) == ()
    assert store.impression(attack) is None and store.find_user("' OR ''='") is None
    assert store.forget(attack) == 1 and store.find_user(attacker) is None
    assert all(store.export(victim).values())
    assert {table for table, _ in cells(url)} >= set(metadata.tables)


# Profile


def test_wishes_can_be_listed_corrected_and_forgotten(store):
    user = store.user("web:1")
    first = store.remember(user, "movies", NO_HORROR)
    second = store.remember(user, "movies", Constraint("year", "min", (2000.0,), "newer films", soft=True))
    assert [kept.constraint for kept in store.preferences(user)] == [
        NO_HORROR,
        Constraint("year", "min", (2000.0,), "newer films", True),
    ]
    assert store.correct_preference(second, Constraint("year", "min", (1990.0,))) is True
    assert store.forget_preference(first) is True
    assert [(kept.preference_id, kept.constraint.values) for kept in store.preferences(user)] == [(second, (1990.0,))]
    assert store.forget_preference(first) is False and store.correct_preference(first, NO_HORROR) is False


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
    assert {name: len(rows) for name, rows in exported.items()} == dict.fromkeys(metadata.tables, 1)
    assert json.loads(json.dumps(exported)) == exported == store.export(user)
    assert "I said zebra" in json.dumps(exported) and "lion" not in json.dumps(exported)
    assert not any(store.export("web:3").values())


def test_forget_leaves_no_byte_of_the_user_and_all_of_the_others(store, url):
    user = fill(store, "web:4711", "zebra")
    other = fill(store, "web:2", "lion")
    before = store.export(other)
    traces = ("zebra", "4711", user)
    assert [value for _, value in cells(url) if "zebra" in value]
    assert store.forget("web:4711") == 6
    assert not [value for _, value in cells(url) if any(trace in value for trace in traces)]
    assert store.export(other) == before
    assert store.find_user("web:4711") is None and store.forget("web:4711") == 0
    if url.startswith("sqlite"):
        left = b"".join(file.read_bytes() for file in Path(url.removeprefix("sqlite:///")).parent.iterdir())
        assert b"lion" in left and not any(trace.encode() in left for trace in traces)


def test_a_forgotten_user_may_come_back_as_a_new_one(store):
    store.forget(fill(store, "web:1", "zebra"))
    user = store.user("web:1")
    assert store.events(user) == () and store.add_event(user, "movies", Event("alien", "like", 1.0), "zebra-key")


# Import


def ratings(folder: Path, *lines: str) -> Path:
    file = folder / "ratings.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
    return file


@pytest.mark.parametrize("header", ["userId,movieId,rating,timestamp", "userId,item_id,rating,timestamp"])
def test_ratings_become_events_of_their_users(store, tmp_path, header):
    file = ratings(tmp_path, header, "7,alien,4.5,1000", "7,brazil,2,900", "8,alien,0.5,1100")
    assert store.import_events(file, "movies") == 3
    user = store.find_user("7")
    assert store.events(user) == (Event("brazil", "rating", 900.0, 2.0), Event("alien", "rating", 1000.0, 4.5))


def test_importing_again_adds_only_what_is_new(store, tmp_path):
    header, rows = "userId,movieId,rating,timestamp", [f"{n % 50},{n},3.5,{n}" for n in range(2_500)]
    assert store.import_events(ratings(tmp_path, header, *rows), "movies") == 2_500
    assert store.import_events(ratings(tmp_path, header, *rows, *rows, "1,9999,5,5"), "movies") == 1
    assert store.import_events(ratings(tmp_path, header, *rows), "other") == 2_500


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("7,alien,6,1000", "rating '6'"),
        ("7,alien,nan,1000", "rating 'nan'"),
        ("7,alien,good,1000", "rating 'good'"),
        ("7,alien,4,yesterday", "timestamp 'yesterday'"),
        ("7,,4,1000", "item is empty"),
        ("7,alien", "rating is empty"),
        ('7,"alien,4,1000', "not CSV"),
        ("7,\udcff,4,1000", "not UTF-8"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line_and_nothing_is_stored(store, url, tmp_path, row, problem):
    good = [f"7,{n},4,{n}" for n in range(1_500)]
    file = ratings(tmp_path, "userId,movieId,rating,timestamp", *good, row)
    with pytest.raises(BadInput) as caught:
        store.import_events(file, "movies")
    assert str(caught.value).startswith(f"{file}:1502: ") and problem in str(caught.value)
    assert not [table for table, _ in cells(url) if table in ("users", "events")]


@pytest.mark.parametrize("content", [b"", b"userId,rating,timestamp\n", b"\xff\xfe\x00", b"who,what\n1,2\n"])
def test_a_file_that_holds_no_ratings_is_refused(store, tmp_path, content):
    file = tmp_path / "ratings.csv"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=str(file)):
        store.import_events(file, "movies")
    with pytest.raises(BadInput, match="nowhere.csv"):
        store.import_events(tmp_path / "nowhere.csv", "movies")


# The database behind it

WRITER = """
import sys
from chatrec.store import Store
from chatrec.types import Event
store = Store.open(sys.argv[1], sys.argv[2])
user = store.user("web:1")
for n in range(1000):
    store.add_event(user, "movies", Event(f"i{n}", "like", float(n)), f"k{n}")
    print(f"i{n}", flush=True)
"""

STARTER = """
import sys
from chatrec.store import Store
print("loaded", flush=True)
sys.stdin.readline()
print(Store.open(sys.argv[1], sys.argv[2]).health().revision)
"""


def python(code: str, url: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code, url, SECRET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_events_acknowledged_before_kill_9_are_there_exactly_once(url):
    child = python(WRITER, url)
    acknowledged = [child.stdout.readline().strip() for _ in range(300)]
    child.kill()
    acknowledged += child.communicate()[0].split()

    store = Store.open(url, SECRET)
    stored = Counter(event.item_id for event in store.events(store.user("web:1")))
    assert 300 <= len(acknowledged) < 1000
    assert all(stored[item] == 1 for item in acknowledged)
    assert len(stored) < 1000  # killed in the middle: a few more may be stored than the parent has read of

    again = python(WRITER, url)
    again.communicate(timeout=120)
    stored = Counter(event.item_id for event in store.events(store.user("web:1")))
    assert again.returncode == 0 and stored == Counter(f"i{n}" for n in range(1000))
    store.close()


def test_four_processes_may_open_a_new_database_at_once(url):
    children = [python(STARTER, url) for _ in range(4)]
    for child in children:
        assert child.stdout.readline() == "loaded\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    revisions = {child.communicate(timeout=120)[0].strip() for child in children}
    assert [child.returncode for child in children] == [0, 0, 0, 0]
    assert [value for table, value in cells(url) if table == "alembic_version"] == list(revisions)


def test_the_migrations_make_the_tables_that_the_code_declares(store, url):
    engine = create_engine(url, future=True)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_migrations_can_be_taken_back(store, url):
    engine = create_engine(url, future=True)
    config = Config()
    config.set_main_option("script_location", "chatrec:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_health_names_the_database_and_notices_a_schema_that_is_missing(url):
    with pytest.raises(StoreDown, match="not at"):
        Store(url, SECRET).health()
    store = Store.open(url, SECRET)
    assert url.startswith(store.health().database)
    store.close()


def test_a_database_of_a_newer_version_is_left_alone(store, url):
    engine = create_engine(url, future=True)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreDown, match="newer version"):
        Store.open(url, SECRET)
    with pytest.raises(StoreDown, match="9999"):
        store.health()
    engine.dispose()


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql://ann:s3cret@127.0.0.1:1/chatrec",
        "postgresql://ann:s3cret@no-such-host.invalid/chatrec",
        "postgresql://ann:s3cret@localhost:port/chatrec",
        "mysql://ann:s3cret@localhost/chatrec",
        "s3cret",
        "",
        "sqlite:////proc/s3cret/chatrec.db",
        "sqlite:////dev",
        "sqlite:////tmp/nul\0/chatrec.db",
    ],
)
def test_a_wrong_address_is_store_down_in_one_line_without_the_password(wrong):
    with pytest.raises(StoreDown) as caught:
        Store.open(wrong, SECRET)
    message = str(caught.value)
    assert message and "\n" not in message and ("s3cret" not in message or "/proc/s3cret" in message)


def test_a_file_that_is_no_database_is_store_down_and_stays_as_it_is(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("my notes\n" * 100)
    with pytest.raises(StoreDown, match="not a database"):
        Store.open(f"sqlite:///{file}", SECRET)
    assert file.read_text() == "my notes\n" * 100


@pytest.mark.parametrize("memory", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_serves_several_threads(memory):
    store = Store.open(memory, SECRET)
    with ThreadPoolExecutor(8) as pool:
        users = list(pool.map(lambda n: fill(store, f"web:{n}", f"word{n}"), range(16)))
    assert all(all(store.export(user).values()) for user in users)
