"""What the bot says about items is what their rows say."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from small_films import films

from chatrec.catalog import Catalog
from chatrec.facts import answer, compare, evidence_lines, in_words, missing, whether
from chatrec.schema import Slot
from chatrec.settings import ROOT
from chatrec.types import Constraint, Evidence, Item


def told() -> Catalog:
    """The dozen films with words to ask by, and their number of reviews as a price."""
    plain = films()
    slots = {
        **{name: replace(slot, inquiry=INQUIRY[name]) for name, slot in plain.schema.slots.items()},
        "price": Slot("price", "number", ("reviews",), "price", unit="euros", inquiry=("how much",)),
        "rating": Slot("rating", "number", ("score",), "rating"),
    }
    return Catalog(replace(plain.schema, slots=slots), plain.items)


RESPONSES = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))["responses"]


def words(response: str, **values: str) -> str:
    """The first variation in domain.yml."""
    return RESPONSES[response][0]["text"].format(**values)


INQUIRY = {"genre": ("what kind",), "person": ("who is", "who made"), "year": ("when",)}
FILMS = told()
ALIEN, ALIENS, HILL, LOST = (FILMS.item(i) for i in ("alien", "aliens", "hill", "lost"))
HORROR, COMEDY, SCIFI = (Constraint("genre", "is", (v,)) for v in ("Horror", "Comedy", "Sci-Fi"))
NO_HORROR = replace(HORROR, op="not")
FUNNY = (replace(COMEDY, text="funny", soft=True), replace(NO_HORROR, text="funny", soft=True))


def bound(op: str, value: float, slot: str = "year", **more) -> Constraint:
    return Constraint(slot, op, (value,), **more)


@pytest.mark.parametrize(
    ("question", "item", "says"),
    [
        ("Who is in it?", ALIEN, "Alien (1979): directed by Ridley Scott; with Sigourney Weaver."),
        ("when was that", ALIEN, "Alien (1979): year 1979."),
        ("who made it, and WHEN?", ALIEN, "Alien (1979): directed by Ridley Scott; with Sigourney Weaver; year 1979."),
        ("how much is it?", ALIEN, "Alien (1979): price 900 euros."),
        ("when?", LOST, "The Lost Reel: my catalogue does not say anything about its year."),
        ("when, and who is in it?", LOST, "The Lost Reel: directed by Nobody Known; with Somebody Else."),
        ("tell me more", ALIEN, FILMS.describe(ALIEN)),
        ("what is it about?", ALIEN, FILMS.describe(ALIEN)),
    ],
)
def test_a_question_is_answered_with_what_it_asks_for_and_else_with_the_whole_row(question, item, says):
    assert answer(question, item, FILMS, words) == says


@pytest.mark.parametrize(("question", "admits"), [("what happens in it?", True), ("tell me more", False)])
def test_a_catalogue_without_stories_admits_it_when_asked_for_one(question, admits):
    columns = {role: column for role, column in FILMS.schema.columns.items() if role != "text"}
    dry = Catalog(replace(FILMS.schema, columns=columns), FILMS.items)
    assert ("not the story" in answer(question, ALIEN, dry, words)) == admits
    assert answer(question, ALIEN, dry, words).endswith(dry.describe(ALIEN))


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ((), ""),
        ((SCIFI, bound("min", 1990.0), bound("max", 1999.0), NO_HORROR), "Sci-Fi, 1990 to 1999, not Horror"),
        ((Constraint("genre", "is", ("Horror", "Comedy")),), "Horror or Comedy"),
        ((bound("min", 1990.0),), "from 1990"),
        ((bound("max", 20.0, "price"),), "up to 20 euros"),
        ((bound("max", 20.0, "price"), bound("min", 10.0, "price")), "10 to 20 euros"),
        ((bound("min", 80.0, "rating"),), "rating from 80"),
        (FUNNY, "funny"),
        ((replace(NO_HORROR, soft=True),), "not Horror"),
        ((bound("min", 1990.0, text="modern", soft=True), bound("max", 1999.0)), "modern, up to 1999"),
        (
            (bound("min", 1980.0), bound("max", 1999.0), bound("min", 1995.0, text="modern", soft=True)),
            "1980 to 1999, modern",
        ),
    ],
)
def test_wishes_are_said_back(wishes, says):
    assert in_words(wishes, FILMS) == says


@pytest.mark.parametrize(
    ("wishes", "item", "says"),
    [
        ((HORROR,), ALIEN, "Alien (1979): yes, Horror."),
        ((HORROR,), HILL, "Notting Hill (1999): not as far as I know; genre Comedy, Romance."),
        ((bound("min", 1990.0),), LOST, "The Lost Reel: not as far as I know; my catalogue does not say."),
        ((Constraint("genre", "is", ("Horror", "Comedy")),), HILL, "Notting Hill (1999): yes, Comedy."),
        ((HORROR, COMEDY), ALIEN, "Alien (1979): not as far as I know; genre Horror, Sci-Fi."),
        ((COMEDY, bound("min", 1990.0)), HILL, "Notting Hill (1999): yes, Comedy, 1999."),
        ((COMEDY, NO_HORROR), HILL, "Notting Hill (1999): yes, Comedy, Romance."),
        ((NO_HORROR,), ALIEN, "Alien (1979): not as far as I know; genre Horror, Sci-Fi."),
    ],
)
def test_a_yes_or_no_question_is_yes_only_when_everything_holds(wishes, item, says):
    assert whether(wishes, item, FILMS, words) == says


@pytest.mark.parametrize(
    ("wishes", "item", "says"),
    [
        (FUNNY, HILL, "yes, Comedy."),
        (FUNNY, FILMS.item("heat"), "not as far as I know; genre Crime, Thriller."),
        ((Constraint("genre", "is", ("Romance",), soft=True), bound("min", 2005.0, soft=True)), HILL, "yes, Romance."),
        (FUNNY[1:], HILL, "yes, Comedy, Romance."),
        (FUNNY[1:], ALIEN, "not as far as I know; genre Horror, Sci-Fi."),
    ],
    ids=["one sign", "nothing to avoid is no sign", "one of two signs", "not a mood", "not a mood, but it is"],
)
def test_a_mood_is_there_by_one_sign_of_it(wishes, item, says):
    assert whether(wishes, item, FILMS, words) == f"{FILMS.heading(item)}: {says}"


def test_each_wish_that_an_item_does_not_meet_has_a_line():
    wishes = (COMEDY, SCIFI, NO_HORROR, bound("min", 1990.0), replace(COMEDY, text="funny", soft=True))
    assert missing(wishes, ALIEN, FILMS, words) == [
        "• Comedy, you said; here: genre Horror, Sci-Fi",
        "• not Horror, you said; here: genre Horror, Sci-Fi",
        "• from 1990, you said; here: year 1979",
    ]
    assert missing([bound("max", 1990.0)], LOST, FILMS, words) == ["• up to 1990, you said; here: unknown"]
    assert missing([SCIFI], ALIEN, FILMS, words) == []


def test_a_comparison_has_a_line_for_each_difference_and_one_for_what_is_shared():
    assert compare(ALIEN, ALIENS, FILMS, words).splitlines() == [
        "Alien (1979) and Aliens (1986):",
        "Genre: Horror, Sci-Fi / Action, Sci-Fi",
        "Directed by: Ridley Scott / James Cameron",
        "Year: 1979 / 1986",
        "Price: 900 euros / 800 euros",
        "Rating: 93 / 91",
        "Both: Sci-Fi, Sigourney Weaver",
    ]
    assert "Year: 1979 / unknown" in compare(ALIEN, LOST, FILMS, words)
    assert "Both" not in compare(ALIEN, HILL, FILMS, words)


def test_the_order_of_values_is_no_difference():
    turned = Item("turned", "Alien", {**ALIEN.attributes, "genres": ("Sci-Fi", "Horror"), "year": 1980.0})
    assert compare(ALIEN, turned, FILMS, words).splitlines()[1:] == [
        "Year: 1979 / 1980",
        "Both: Horror, Sci-Fi, Ridley Scott, Sigourney Weaver",
    ]


def test_large_numbers_are_told_to_the_last_digit():
    dear = replace(ALIEN, attributes={**ALIEN.attributes, "reviews": 1234567.0})
    cheap = bound("max", 1234566.0, "price")
    assert answer("how much?", dear, FILMS, words) == "Alien (1979): price 1234567 euros."
    assert in_words([cheap], FILMS) == "up to 1234566 euros"
    assert in_words([cheap, bound("min", 1000001.0, "price")], FILMS) == "1000001 to 1234566 euros"


@pytest.mark.parametrize(
    ("evidence", "line"),
    [
        (Evidence("constraint", "Horror", "genre"), "genre: Horror, as you asked"),
        (
            Evidence("anchor", "Sci-Fi", item_ids=("aliens",), effect=0.2),
            "it is close to Aliens (1986); without that it would rank lower",
        ),
        (
            Evidence("history", "Sci-Fi", item_ids=("aliens", "heat"), effect=0.1),
            "you liked Aliens (1986) and Heat (1995); without that it would rank lower",
        ),
        (
            Evidence("people", "Ridley Scott", "person", ("runner",)),
            "Ridley Scott, as in Blade Runner (1982)",
        ),
        (Evidence("others", "", None, ("aliens",), 0.2), "people who liked Aliens (1986) liked it too"),
        (Evidence("reception", "93", "rating"), "rated 93 of 100"),
        (
            Evidence("novelty", "Horror", "genre"),
            "something different, a change from what you have liked so far: Horror",
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Evidence) else "",
)
def test_each_piece_of_evidence_has_a_line(evidence, line):
    assert evidence_lines([evidence, evidence], FILMS, words) == [f"• {line}"] * 2
