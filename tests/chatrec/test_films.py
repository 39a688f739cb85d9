"""The shipped films: what the builder keeps and tidies, and that items.csv, schema and billing fit together."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import pytest
from bokeh_sampledata.movies_data import movie_path

from chatrec.catalog import fold
from chatrec.errors import BadInput
from chatrec.films import build_films, combined_scores, tidy_genres, tidy_people, tidy_title


@pytest.fixture(scope="module")
def built(settings, tmp_path_factory) -> Path:
    """The films built once more, with the shipped billing."""
    out = tmp_path_factory.mktemp("films")
    (out / "billing.csv").write_bytes((settings.catalogs / "movies" / "billing.csv").read_bytes())
    build_films(Path(movie_path), out)
    return out


def test_the_shipped_file_is_what_the_builder_writes(settings, built):
    """Nobody edited items.csv by hand, and the same source gives the same bytes."""
    assert (built / "items.csv").read_bytes() == (settings.catalogs / "movies" / "items.csv").read_bytes()


def test_the_catalogue_is_large_and_the_file_is_small(settings, movies):
    assert len(movies) >= 12_000
    assert (settings.catalogs / "movies" / "items.csv").stat().st_size < 4_000_000


def test_every_film_has_all_that_recommending_needs(movies):
    needed = {"year", "genres", "directors", "cast", "score", "reviews", "imdb_id"}
    for item in movies.items:
        assert needed <= item.attributes.keys(), item.title
        assert item.attributes["imdb_id"] == item.item_id
        assert 0 <= item.attributes["score"] <= 100
        assert 1 <= len(item.attributes["cast"]) <= 8


def test_no_two_films_look_the_same(movies):
    headings = [fold(movies.heading(item)) for item in movies.items]
    assert len(set(headings)) == len(headings)
    assert "Apocalypse Now Redux" not in {item.title for item in movies.items}, "same IMDb id as Apocalypse Now"


def test_the_best_known_film_comes_first(movies):
    reviews = movies.numbers("rating") * 0 + [item.attributes["reviews"] for item in movies.items]
    assert (reviews[:-1] >= reviews[1:]).all()


def test_titles_and_names_are_clean(movies):
    people = movies.values("person")
    for text in [item.title for item in movies.items] + list(people):
        assert text == " ".join(text.split()), text
        assert not text.startswith(("Jr", "Sr.", "list of ")), text
        assert text.isprintable() and "�" not in text, text
    assert not any(item.title.endswith(" film)") for item in movies.items)
    assert "Robert Downey Jr." in people


def test_genres_countries_and_languages_have_one_everyday_name(movies):
    assert set(movies.values("genre")) == set(movies.schema.slots["genre"].synonyms), "each genre has its words"
    assert "China" in movies.values("country") and "People's Republic of China" not in movies.values("country")
    assert "Mandarin" in movies.values("language") and "Standard Chinese" not in movies.values("language")
    assert set(movies.values("age")) == {"G", "PG", "PG-13", "R", "NC-17"}


def test_the_schema_speaks_only_of_values_that_films_have(movies):
    """A misspelt value in schema.toml would never match anything."""
    slots = movies.schema.slots
    for slot in (slots["genre"], slots["country"], slots["language"], slots["age"]):
        named = {*slot.synonyms, *(value for values in slot.combinations.values() for value in values)}
        assert named <= set(movies.values(slot.name)), slot.name
    for mood in movies.schema.moods.values():
        for side in (mood.prefer, mood.avoid):
            for slot, values in side.items():
                assert set(values) <= set(movies.values(slot)), mood.name


def test_a_word_belongs_to_one_mood_only(movies):
    words = [word for mood in movies.schema.moods.values() for word in mood.words]
    assert len(words) == len(set(words))
    assert len(movies.schema.moods) >= 12


def test_every_word_for_a_number_finds_films(movies):
    for name in ("year", "length", "rating"):
        for word, (low, high) in movies.schema.slots[name].words.items():
            column = movies.numbers(name)
            assert ((column >= (low or -1)) & (column <= (high or 1e9))).sum() >= 20, word


def test_billed_names_are_spelt_as_in_the_source(settings):
    """Billing decides an order; only for films without a cast it may bring names of its own."""
    query = 'SELECT "Cast" FROM omdb WHERE imdbID = ? AND "Cast" <> \'\''
    source = sqlite3.connect(movie_path)
    with (settings.catalogs / "movies" / "billing.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            casts = [tidy_people(cast) for (cast,) in source.execute(query, (row["imdb_id"],))]
            if casts:
                assert set(row["cast"].split("|")) <= {name for cast in casts for name in cast}, row["title"]


def test_billing_lines_name_the_film_they_are_about(settings, movies):
    with (settings.catalogs / "movies" / "billing.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            film = movies.item(row["imdb_id"])
            assert film.title == row["title"]
            billed = tuple(row["cast"].split("|"))[:8]
            assert film.attributes["cast"][: len(billed)] == billed


def test_few_good_reviews_do_not_beat_a_classic():
    classic, three_raves, panned = combined_scores([(97, 100, 150), (100, None, 3), (20, None, 100)])
    assert classic > three_raves > panned


def test_a_missing_metacritic_counts_as_the_expected_one():
    """With Metacritic at half the Tomatometer throughout, a film of 80 % is treated as if it had 40."""
    rows = [(20, 10, 1000), (60, 30, 1000), (100, 50, 1000)]
    given, guessed = (combined_scores([*rows, (80, critic, 1000)])[-1] for critic in (40, None))
    assert given == guessed


@pytest.mark.parametrize(
    ("names", "people"),
    [
        ("Ann Lee, Bo Fox", ("Ann Lee", "Bo Fox")),
        ("George Tillman, Jr., Ann Lee", ("George Tillman Jr.", "Ann Lee")),
        ("Loudon Wainwright, III", ("Loudon Wainwright III",)),
        ("Bo Fox, 1st Baron Fox, list of Foxes, Ann Lee (1940-2013), Bo Fox", ("Bo Fox", "Ann Lee")),
        ("50 Cent", ("50 Cent",)),
        ("", ()),
    ],
)
def test_people_are_names_and_nothing_else(names, people):
    assert tidy_people(names) == people


def test_genres_given_away_too_freely_go():
    assert tidy_genres(["Drama", "Crime", "History"]) == ("Drama", "Crime")
    assert tidy_genres(["War", "Drama", "History"]) == ("War", "Drama", "History")
    assert tidy_genres(["Sci-Fi", "Thriller", "Mystery", "Drama", "Crime", "Action"]) == (
        "Sci-Fi",
        "Thriller",
        "Mystery",
        "Crime",
        "Action",
    )
    assert tidy_genres(["Music", "Musical"]) == ("Musical",)


@pytest.mark.parametrize(
    ("title", "tidied"),
    [
        ("Upside Down (2012 film)", "Upside Down"),
        ("Godspell (film)", "Godspell"),
        ("(500) Days of Summer", "(500) Days of Summer"),
        ("Some Girl(s)", "Some Girl(s)"),
        (" Alien  3 ", "Alien 3"),
    ],
)
def test_titles_lose_the_sources_own_disambiguation(title, tidied):
    assert tidy_title(title) == tidied


def test_another_database_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        build_films(tmp_path / "movies.db", tmp_path / "out")
    (tmp_path / "movies.db").write_bytes(b"no database at all" * 10)
    with pytest.raises(BadInput, match="not the films database"):
        build_films(tmp_path / "movies.db", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_billing_file_without_its_columns_is_refused(tmp_path):
    (tmp_path / "billing.csv").write_text("film,names\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"billing\.csv:1: the header must name imdb_id and cast"):
        build_films(Path(movie_path), tmp_path)
    assert not (tmp_path / "items.csv").exists()
