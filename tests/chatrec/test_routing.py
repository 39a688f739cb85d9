"""Which of two catalogues a message is about, and what it takes along from one to the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_books import books
from small_films import encoder, films

from chatrec.catalog import Catalog
from chatrec.dialogue import State, understand
from chatrec.linker import Linker
from chatrec.routing import NOUN, WORD, Router, carried, points_back
from chatrec.types import Mention

ALIEN = "alien"


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory) -> dict[str, Catalog]:
    return {"films": films(), "books": books(tmp_path_factory.mktemp("books"))}


@pytest.fixture(scope="module")
def hear(catalogs):
    """What the linkers of all catalogues find in a text."""
    linkers = [Linker(catalog) for catalog in catalogs.values()]
    return lambda text: tuple(mention for linker in linkers for mention in linker.link(text))


@pytest.fixture(scope="module")
def router(catalogs, tmp_path_factory) -> Router:
    return Router(catalogs, encoder(), tmp_path_factory.mktemp("vectors"))


@pytest.mark.parametrize(
    ("text", "intent", "current", "expected"),
    [
        ("i need a good novel", "ask_recommendation", "films", "books"),
        ("something to read in bed", "ask_recommendation", "films", "books"),
        ("a crime novel by jon eide", "critique_feature", "films", "books"),
        ("a film with harrison ford", "ask_recommendation", "books", "films"),
        ("something shorter", "critique_feature", "books", "books"),
        ("not horror", "critique_feature", "films", "films"),
        ("the second one", "accept", "books", "books"),
        ("more like it", "continue", "films", "films"),
        ("hm", "neutral", "books", "books"),
        ("I already know the second one and liked it", "provide_preference", "books", "books"),
        ("I've seen the second one, now a novel to read", "ask_recommendation", "films", "books"),
        ("a book like that film", "ask_recommendation", "films", "books"),
        ("I want to read something, crime", "ask_recommendation", "films", "books"),
        ("can you recommend a fiml", "ask_recommendation", "books", "films"),
        ("I liked Salt and Wind, and Letters to a Lamp", "ask_recommendation", "books", "books"),
    ],
)
def test_a_message_goes_to_the_catalogue_it_is_about_and_else_stays(router, hear, text, intent, current, expected):
    assert router.route(text, intent, hear(text), State(current, shown=("some", "items"))) == expected


def test_one_item_is_called_as_the_catalogue_calls_several(catalogs, tmp_path):
    named = Catalog(replace(catalogs["films"].schema, name="movies"), catalogs["films"].items)
    router = Router({"movies": named, "books": catalogs["books"]}, encoder(), tmp_path)
    assert router.scores("any moovie", (), "books")["movies"] >= WORD + NOUN


@pytest.mark.parametrize("text", ["enough films", "not a film", "I'm done with films"])
def test_a_noun_that_is_turned_down_speaks_for_nothing(router, text):
    assert router.scores(text, (), "films")["films"] < WORD <= router.scores("films", (), "films")["films"]


def test_a_word_within_a_value_of_another_catalogue_says_nothing(router):
    text = "comic books as well"
    value = Mention("genre", 0, 11, "comic books", "Comic", catalog="films")
    alone, within = (router.scores(text, mentions, "films")["books"] for mentions in ((), (value,)))
    assert alone - within == WORD + NOUN


def test_what_says_nothing_to_search_by_stays(router, hear):
    for text in ("recommend me something", "surprise me", "show me more"):
        assert router.route(text, "ask_recommendation", hear(text), State("books")) == "books"


def test_an_answer_to_a_question_stays_unless_it_names_another_catalogue(router, hear):
    answer = "crime"
    assert router.route(answer, "answer", hear(answer), State("films", pending="genre")) == "films"
    change = "actually i want a novel to read, a book about robots"
    assert router.route(change, "ask_recommendation", hear(change), State("films", pending="genre")) == "books"


def test_with_one_catalogue_there_is_nothing_to_choose(catalogs):
    alone = Router({"films": catalogs["films"]}, encoder(), Path("unused"))
    assert alone.route("a novel to read", "ask_recommendation", (), State("films")) == "films"


def test_a_state_is_parked_and_found_again():
    talk = State("films", topic="robots", shown=("alien", "aliens"), pending="genre")
    away = talk.move("books")
    assert (away.catalog, away.shown, away.topic) == ("books", (), "")
    back = State.from_json(away.to_json()).move("films")
    assert (back.topic, back.shown, back.pending) == ("robots", ("alien", "aliens"), "")
    assert back.parked["books"]["catalog"] == "books"


def test_starting_over_forgets_one_catalogue_and_not_the_other(catalogs):
    away = State("films", topic="robots").move("books")
    fresh = understand(away, "start_over", "start over", (), catalogs["books"]).state
    assert fresh.move("films").topic == "robots"


def test_what_a_film_is_about_is_carried_to_the_books(catalogs):
    (mention,) = carried("films", [ALIEN], catalogs, "books")
    (wish,) = mention.constraints
    assert (wish.slot, wish.op, wish.values, wish.text) == ("subject", "is", ("Science fiction",), "as in Alien")
    assert carried("films", ["amadeus"], catalogs, "books") == ()  # no book is about music
    assert carried("books", ["b1"], catalogs, "films") == ()  # the films say nothing about books


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a book like that film", True),
        ("set in the same film", True),
        ("a book about films", False),
        ("a novel", False),
    ],
)
def test_only_a_message_that_points_at_the_film_takes_it_along(catalogs, text, expected):
    assert points_back(text, catalogs["films"]) is expected


def related(catalogs, hear, state: State, text: str):
    return understand(state, "inquire", text, hear(text), catalogs["books"])


def test_what_goes_with_an_item_is_asked_for_by_its_own_values(catalogs, hear):
    state = State("books", shown=("b2", "b4"), topic="robots")
    outcome = related(catalogs, hear, state, "what else did they write, the one in the first?")
    assert (outcome.related, outcome.subjects) == ("found", ("b2",))
    hard, leaning = outcome.state.constraints
    assert (hard.slot, hard.values, hard.soft) == ("writer", ("Ada Munro",), False)
    assert (leaning.slot, leaning.values, leaning.soft) == ("subject", ("Science fiction",), True)
    assert outcome.state.topic == ""


def test_it_stands_for_the_item_in_hand(catalogs, hear):
    outcome = related(catalogs, hear, State("books", shown=("b2", "b4"), focus="b4"), "more by the same writer")
    assert outcome.state.constraints[0].values == ("Jon Eide",)


def test_without_an_item_or_anything_that_goes_with_it_that_is_said(catalogs, hear):
    assert related(catalogs, hear, State("books", shown=("b2", "b4")), "more by the same writer").related == "which"
    assert related(catalogs, hear, State("books", focus="b8"), "more by the same writer").related == "nothing"


def test_a_word_within_a_long_title_of_another_catalogue_says_nothing(router):
    text = "I liked the novel on the night train"
    title = Mention("title", 8, len(text), text[8:], item_ids=("x",), catalog="films")
    assert router.scores(text, (title,), "films")["books"] < router.scores(text, (), "films")["books"]
