"""Print linked to a catalogue: the large print is the title, a brand is a brand, and other text is nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_films import films

from chatrec.catalog import Catalog
from chatrec.pictures import Line
from chatrec.printed import Match, Printed
from chatrec.schema import Schema, Slot
from chatrec.types import Item

SHELF = (
    ("oatly-milk", "Oat Drink Barista", "Oatly"),
    ("oatly-gurt", "Oatgurt Natural", "Oatly"),
    ("arla-milk", "Medium Fat Milk", "Arla"),
    ("mango", "Mango", ""),
)


def printed_on(*lines: tuple[str, float]) -> tuple[Line, ...]:
    return tuple(Line(text, 0.95, height) for text, height in lines)


def shelf() -> Catalog:
    slot = Slot("brand", "text", ("brand",), "brand", printed=True)
    schema = Schema("shelf", "product", "products", {"id": "id", "title": "title"}, {"brand": slot})
    items = tuple(Item(i, title, {"brand": brand} if brand else {}) for i, title, brand in SHELF)
    return Catalog(schema, items)


@pytest.fixture(scope="module")
def cinema() -> Printed:
    return Printed(films())


def found(matches: tuple[Match, ...]) -> list[str]:
    return [match.item_id for match in matches]


@pytest.mark.parametrize(
    "lines",
    [
        [("SOLARIS", 80)],
        [("S0LAR1S", 80)],  # look-alikes
        [("A film by Andrei Tarkovsky", 20), ("Solaris", 80), ("in cinemas", 15)],
        [("so", 80), ("LARIS", 78)],  # broken in two
    ],
)
def test_the_large_print_is_the_title(cinema, lines):
    first = cinema.match(printed_on(*lines))[0]
    assert (first.item_id, first.heading, first.catalog) == ("solaris", "Solaris (1972)", "films")
    assert 0.65 <= first.score <= 1


@pytest.mark.parametrize("texts", [["BLADE", "RUNNER"], ["RUNNER", "BLADE"], ["BLADERUNNER"]])
def test_a_title_over_two_lines_is_found_upside_down_and_run_together_too(cinema, texts):
    assert found(cinema.match(printed_on(*((text, 80) for text in texts)))) == ["runner"]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [("39,90", 60)],
        [("THE GODFATHER", 80), ("the heat of the night", 20)],  # a title in the small print
        [("HEAT RESISTANT GLOVES", 80)],  # a word of the large print
        [("HEST", 80)],  # a short title must be exact
        [("舞", 80)],
    ],
)
def test_other_text_is_no_title(cinema, lines):
    assert cinema.match(printed_on(*lines)) == ()


def test_names_and_the_year_on_a_poster_tell_two_films_of_one_title_apart():
    catalog = films()
    other = {"year": 2002.0, "directors": ("S. Soderbergh",)}
    later = replace(catalog.item("solaris"), item_id="later", attributes=other)
    both = Printed(Catalog(catalog.schema, (later, *catalog.items)))
    assert found(both.match(printed_on(("SOLARIS", 80), ("Andrei Tarkovsky", 20))))[0] == "solaris"
    assert found(both.match(printed_on(("SOLARIS", 80), ("Soderbergh 2002", 20))))[0] == "later"


def test_a_brand_names_its_products_and_the_other_words_tell_which():
    goods = Printed(shelf())
    assert found(goods.match(printed_on(("OATLY", 60), ("NATURAL", 30))))[:2] == ["oatly-gurt", "oatly-milk"]
    assert found(goods.match(printed_on(("Arlo", 40), ("MILK", 30)))) == ["arla-milk"]
    assert goods.match(printed_on(("Barista", 10), ("SOMETHING ELSE", 60))) == ()


def test_at_most_n_come_back_and_the_best_first(cinema):
    matches = Printed(shelf()).match(printed_on(("OATLY", 60)), n=1)
    assert len(matches) == 1
    scores = [match.score for match in cinema.match(printed_on(("ALIEN", 80), ("ALIENS", 80)))]
    assert scores == sorted(scores, reverse=True)
