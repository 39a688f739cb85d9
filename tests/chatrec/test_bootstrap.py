"""The engine as every surface calls it: one request in words, with what is stored of a user and without."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_films import encoder, films

from chatrec import bootstrap
from chatrec.bootstrap import Engine, build
from chatrec.candidates import CandidateGenerator
from chatrec.errors import BadInput, UnknownCatalog
from chatrec.linker import Linker
from chatrec.lm import NAME
from chatrec.rank import KeepOrder
from chatrec.recommender import Recommender
from chatrec.routing import Router
from chatrec.settings import ROOT, Settings
from chatrec.store import Store
from chatrec.types import Constraint, Event, Query, RankedList

FILMS = films()
EVERY_GENRE = tuple(FILMS.values("genre"))
TEAS = """
name = "teas"
noun = "tea"
plural = "teas"
[columns]
id = "item_id"
title = "title"
[slots.kind]
type = "tags"
columns = ["kinds"]
"""


@pytest.fixture(scope="module")
def recommender(tmp_path_factory) -> Recommender:
    generator = CandidateGenerator(FILMS, encoder(), tmp_path_factory.mktemp("vectors"))
    return Recommender(FILMS, generator, KeepOrder(), "dull")


@pytest.fixture
def url(tmp_path) -> str:
    """SQLite is enough here: that both databases keep the same is shown where the store is tested."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture(scope="module")
def linker() -> Linker:
    return Linker(FILMS)


@pytest.fixture
def engine(store, recommender, linker) -> Engine:
    """The dozen films, and a new store."""
    return Engine(
        Settings(),
        store,
        {"films": FILMS},
        {"films": linker},
        {"films": recommender},
        Router({"films": FILMS}, encoder(), Path("unused")),
        {},
    )


def ids(ranked: RankedList) -> list[str]:
    return [line.item.item_id for line in ranked.items]


def did(store: Store, who: str, kind: str, item_id: str, catalog: str = "films") -> None:
    store.add_event(store.user(who), catalog, Event(item_id, kind, 1.0), f"{who} {kind} {item_id}")


def test_a_request_of_a_user_is_kept_as_an_impression(engine):
    ranked = engine.ask("films", "something with robots", user="web:ada", n=3)
    kept = engine.store.last_impression(engine.store.user("web:ada"), "films")
    assert (kept.impression_id, kept.catalog, kept.model) == (ranked.impression_id, "films", "dull")
    assert kept.item_ids == tuple(ids(ranked))
    assert kept.scores == pytest.approx([line.score for line in ranked.items])
    assert kept.propensities == (1.0, 1.0, 1.0)


def test_a_request_of_nobody_leaves_no_trace(engine, cells):
    before = cells()
    assert len(ids(engine.ask("films", "something with robots"))) == 5
    assert cells() == before


def test_an_empty_list_was_not_shown_and_is_not_kept(engine):
    nothing = Constraint("genre", "not", EVERY_GENRE)
    assert ids(engine.ask("films", "", user="web:ada", slots=[nothing])) == []
    assert engine.store.last_impression(engine.store.user("web:ada"), "films") is None


def test_a_list_for_a_stored_user_is_kept_with_its_query(engine):
    ada = engine.store.user("web:ada")
    ranked = engine.recommend(ada, Query("films", topic="robots", n=2))
    (row,) = engine.store.export("web:ada")["impressions"]
    assert (row["id"], row["query"]["topic"], row["query"]["n"]) == (ranked.impression_id, "robots", 2)


def test_a_stored_like_changes_the_list(engine):
    """The film that was liked is not recommended again, and its neighbours rise."""
    plain = ids(engine.ask("films", "", user="web:ada", n=99))
    did(engine.store, "web:ada", "like", "sabrina")
    told = ids(engine.ask("films", "", user="web:ada", n=99))
    assert "sabrina" in plain
    assert "sabrina" not in told
    assert told.index("hill") < plain.index("hill")


def test_what_others_like_or_somebody_likes_elsewhere_changes_nothing(engine):
    plain = ids(engine.ask("films", "", user="web:ada", n=99))
    did(engine.store, "web:bob", "like", "sabrina")
    did(engine.store, "web:ada", "like", "sabrina", catalog="books")
    assert ids(engine.ask("films", "", user="web:ada", n=99)) == plain


def test_a_stored_aversion_excludes_and_a_stored_taste_only_leans(engine):
    ada, plain = engine.store.user("web:ada"), ids(engine.ask("films", "", n=99))
    engine.store.remember(ada, "films", Constraint("genre", "not", ("Horror",)))
    engine.store.remember(ada, "films", Constraint("genre", "is", ("Music",)))
    engine.store.remember(ada, "books", Constraint("genre", "not", ("Comedy",)))
    told = ids(engine.ask("films", "", user="web:ada", n=99))
    assert set(told) == set(plain) - {"alien"}
    assert told.index("amadeus") < plain.index("amadeus")


@pytest.mark.parametrize(
    ("text", "slots", "shown"),
    [
        ("a comedy", (Constraint("year", "min", (1999.0,)),), {"amelie", "hill"}),
        ("a thriller from the 80s", (), {"runner"}),
        ("sci-fi", (Constraint("genre", "not", ("Horror", "Action", "Thriller")),), {"solaris"}),
        ("anything with Harrison Ford, but no sci-fi", (), {"sabrina"}),
        ("Sigourney Weaver, not horror", (), {"aliens"}),
    ],
)
def test_words_and_slots_both_count(engine, text, slots, shown):
    ranked = engine.ask("films", text, slots=slots)
    assert set(ids(ranked)) == shown
    assert ranked.relaxed == ()


def test_something_like_a_film_starts_with_its_nearest_relative(engine):
    assert ids(engine.ask("films", "something like Alien", n=1)) == ["aliens"]


def test_lists_for_many_users_at_once_stay_apart(engine):
    with ThreadPoolExecutor(8) as pool:
        lists = list(pool.map(lambda n: engine.ask("films", "a film", user=f"web:{n}", n=1 + n % 3), range(16)))
    for n, ranked in enumerate(lists):
        (row,) = engine.store.export(f"web:{n}")["impressions"]
        assert row["id"] == ranked.impression_id
        assert len(row["items"]) == 1 + n % 3


def test_an_unknown_catalogue_is_refused_with_the_names_of_those_there_are(engine):
    two = {"films": None, "books": None}
    engine = Engine(Settings(), engine.store, two, two, two, engine.router, {})
    for refused in (engine.catalog, engine.linker, engine.recommender, lambda name: engine.ask(name, "anything")):
        with pytest.raises(UnknownCatalog, match="no catalogue named 'teas'; there is books, films"):
            refused("teas")


def test_a_broken_catalogue_is_told_before_anything_is_loaded(tmp_path):
    with pytest.raises(BadInput, match="no catalogue there"):
        build(Settings(root=tmp_path, llm="/nothing", encoder="/nothing", db="nothing"))


@pytest.fixture
def home(tmp_path, monkeypatch) -> Iterator[None]:
    """An installation with a catalogue of three teas, and the weights of this one."""
    folder = tmp_path / "data" / "catalogs" / "teas"
    folder.mkdir(parents=True)
    (folder / "schema.toml").write_text(TEAS)
    (folder / "items.csv").write_text("item_id,title,kinds\nt1,Sencha,Green\nt2,Assam,Black\nt3,Earl Grey,Black\n")
    for name in ("DB", "VAR", "LLM", "ENCODER", "SECRET"):
        monkeypatch.delenv(f"CHATREC_{name}", raising=False)
    monkeypatch.setenv("CHATREC_HOME", str(tmp_path))
    monkeypatch.setenv("CHATREC_CACHE", str(ROOT / "var" / "cache"))
    bootstrap.live.cache_clear()
    yield
    bootstrap.live.cache_clear()


@pytest.mark.slow
def test_the_engine_of_a_process_is_built_once_from_the_environment(home, tmp_path):
    built = bootstrap.engine()
    assert bootstrap.engine() is built
    assert list(built.catalogs) == list(built.linkers) == list(built.recommenders) == ["teas"]
    ranked = built.ask("teas", "a black tea", user="web:ada")
    assert set(ids(ranked)) == {"t2", "t3"}
    assert ranked.model == NAME
    reopened = Store.open(f"sqlite:///{tmp_path / 'var' / 'chatrec.db'}", (tmp_path / "var" / "secret").read_text())
    assert reopened.last_impression(reopened.find_user("web:ada"), "teas").impression_id == ranked.impression_id
