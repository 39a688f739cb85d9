"""Reasons read like English, and each says no more than its evidence."""

from __future__ import annotations

import pytest

from chatrec.catalog import Catalog
from chatrec.schema import Schema, Slot
from chatrec.types import Evidence, Item
from chatrec.wording import MAX_WORDS, listing, sentence, with_article

LONG = "The Englishman Who Went up a Hill but Came down a Mountain"


@pytest.fixture(scope="module")
def shop() -> Catalog:
    """Things to read, so that nothing leans on films."""
    rows = (
        ("dune", "Dune", ("Sci-Fi", "Adventure"), ("Frank Herbert",), 1965.0, ("United States",), 90.0, 900.0, 412.0),
        ("dune-2", "Dune", ("Sci-Fi",), ("Someone Else",), 1999.0, ("France",), 50.0, 1.0, 90.0),
        ("emma", "Emma", ("Romance",), ("Jane Austen",), 1815.0, ("United Kingdom",), 80.0, 2.0, 474.0),
        ("persuasion", "Persuasion", ("Romance",), ("Jane Austen",), 1817.0, ("United Kingdom",), 75.0, 3.0, 249.0),
        ("long", LONG, ("Comedy",), ("Ifor Monger",), 1995.0, ("Wales",), 60.0, 2.0, 100.0),
        ("bare", "Bare", (), (), None, (), None, None, None),
    )
    names = ("kinds", "authors", "year", "countries", "score", "sales", "pages")
    items = tuple(
        Item(row[0], row[1], {n: v for n, v in zip(names, row[2:], strict=True) if v not in ((), None)}) for row in rows
    )
    slots = (
        Slot("kind", "tags", ("kinds",), "kind"),
        Slot("author", "people", ("authors",), "author"),
        Slot("year", "number", ("year",), "year", reason="it is from {value}"),
        Slot("country", "tags", ("countries",), "country", reason="it is from {value}"),
        Slot("pages", "number", ("pages",), "length", reason="it runs to {value} pages"),
        Slot("rating", "number", ("score",), "rating", reason="readers give it {value} of 100"),
    )
    columns = {"id": "id", "title": "title", "year": "year", "popularity": "sales", "reception": "score"}
    schema = Schema("books", "book", "books", columns, {s.name: s for s in slots}, labels={"authors": "written by"})
    return Catalog(schema, items, "test")


def _met(slot: str, *values: str) -> list[Evidence]:
    return [Evidence("constraint", value, slot) for value in values]


def _near(kind: str, *item_ids: str) -> list[Evidence]:
    return [Evidence(kind, "Romance", None, (item_id,), 0.1) for item_id in item_ids]


RATED = [Evidence("reception", "80", "rating")]


@pytest.mark.parametrize(
    ("item_id", "evidence", "expected"),
    [
        ("emma", _met("kind", "Romance"), "A romance book written by Jane Austen."),
        ("dune", _met("kind", "Adventure", "Sci-Fi"), "An adventure and sci-fi book written by Frank Herbert."),
        ("dune", _met("year", "1965") + _met("country", "United States"), "A book from 1965, from the United States."),
        ("dune", _met("pages", "412"), "A book that runs to 412 pages."),
        ("dune", _met("year", "1965") + _met("pages", "412"), "A book from 1965, which runs to 412 pages."),
        ("emma", _met("author", "Jane Austen") + RATED, "A book written by Jane Austen; readers give it 80 of 100."),
        ("emma", _met("rating", "80") + RATED, "Readers give it 80 of 100."),
        ("emma", _near("history", "persuasion"), "Close to Persuasion, which you liked."),
        ("emma", _near("history", "persuasion", "long"), f"Close to Persuasion and {LONG}, both of which you liked."),
        ("emma", _near("anchor", "persuasion"), "Close to Persuasion."),
        ("emma", _near("anchor", "dune-2"), "Close to Dune (1999)."),
        (
            "emma",
            _near("anchor", "long") + _near("history", "persuasion"),
            f"Close to {LONG} and to Persuasion, which you liked.",
        ),
        (
            "emma",
            _near("history", "persuasion") + [Evidence("people", "Jane Austen", "author", ("persuasion",))],
            "Close to Persuasion, which you liked, and also written by Jane Austen.",
        ),
        (
            "emma",
            [Evidence("people", "Jane Austen", "author", ("persuasion",))],
            "Written by Jane Austen, like Persuasion.",
        ),
        (
            "emma",
            [Evidence("novelty", "Romance", "kind")],
            "A romance book written by Jane Austen, a change from what you have liked so far.",
        ),
    ],
)
def test_evidence_in_words(item_id, evidence, expected, shop):
    assert sentence(evidence, shop.item(item_id), shop) == expected


def test_five_cards_in_a_row_do_not_read_alike(shop):
    """The same evidence, three ways; a like may open the sentence."""
    evidence = _met("kind", "Romance") + _near("history", "persuasion") + RATED
    assert [sentence(evidence, shop.item("emma"), shop, variant) for variant in range(3)] == [
        "A romance book, close to Persuasion, which you liked; readers give it 80 of 100.",
        "Readers give it 80 of 100: a romance book, similar to Persuasion, which you liked.",
        "Here because you liked Persuasion: a romance book; readers give it 80 of 100.",
    ]


def test_well_known_is_said_only_of_what_is(shop):
    rated = [Evidence("reception", "90", "rating")]
    well_known = (
        "Well known and well liked: a sci-fi and adventure book written by Frank Herbert; readers give it 90 of 100."
    )
    assert sentence(rated, shop.item("dune"), shop) == well_known
    assert (
        sentence(RATED, shop.item("emma"), shop) == "A romance book written by Jane Austen; readers give it 80 of 100."
    )


def test_without_evidence_nothing_is_made_up(shop):
    assert sentence((), shop.item("emma"), shop) == "A romance book written by Jane Austen."
    assert sentence((), shop.item("bare"), shop) == "It ranks well overall, though no single thing explains it."


def test_what_comes_last_gives_way_when_the_sentence_gets_long(shop):
    evidence = _met("kind", "Romance") + _near("history", "long") + _met("country", "United Kingdom") + RATED
    text = sentence(evidence, shop.item("emma"), shop)
    assert len(text.split()) <= MAX_WORDS
    assert LONG in text
    assert "80" not in text


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("film", "a film"),
        ("action film", "an action film"),
        ("R-rated film", "an R-rated film"),
        ("PG-13 film", "a PG-13 film"),
        ("FBI film", "an FBI film"),
        ("European film", "a European film"),
        ("historical film", "a historical film"),
        ("hour", "an hour"),
        ("unusual film", "an unusual film"),
        ("unidentified object", "an unidentified object"),
        ("universal remote", "a universal remote"),
        ("one-act play", "a one-act play"),
        ("80s film", "an 80s film"),
        ("Hotel", "a Hotel"),
    ],
)
def test_articles(phrase, expected):
    assert with_article(phrase) == expected


@pytest.mark.parametrize(
    ("values", "expected"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_listing(values, expected):
    assert listing(values) == expected
