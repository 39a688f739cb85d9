"""items.csv: cells become values, and each bad row is named with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatrec.errors import BadInput
from chatrec.rows import read_items
from chatrec.schema import Schema, Slot

PATH = Path("items.csv")
SLOTS = {
    "kind": Slot("kind", "tags", ("kinds",), "kind"),
    "maker": Slot("maker", "people", ("makers",), "maker"),
    "price": Slot("price", "number", ("price",), "price", min=0, max=1000),
}
TOYS = Schema("toys", "toy", "toys", {"id": "sku", "title": "name", "text": "about"}, SLOTS)
HEADER = "sku,name,kinds,makers,price,about\n"


def read(rows: str, header: str = HEADER) -> tuple:
    return read_items((header + rows).encode(), PATH, TOYS)


def test_cells_become_tuples_numbers_and_texts_and_empty_ones_nothing():
    (ball, dice) = read("b1, Ball ,Round | Red|Round,Ann,2.50,bounces\nd1,Dice,,,,\n")
    assert ball.title == "Ball"
    assert ball.attributes == {"kinds": ("Round", "Red"), "makers": ("Ann",), "price": 2.5, "about": "bounces"}
    assert dice.attributes == {}


def test_byte_order_mark_blank_lines_quotes_and_other_columns_are_fine():
    raw = (
        "\ufeffsku,name,kinds,makers,price,about,shelf\r\n\r\n" + '"b,1","Ball ""big""",,,3,"two\nlines",A\r\n'
    ).encode()
    (ball,) = read_items(raw, PATH, TOYS)
    assert (ball.item_id, ball.title) == ("b,1", 'Ball "big"')
    assert ball.attributes == {"price": 3.0, "about": "two\nlines", "shelf": "A"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (",Ball,,,1,\n", "items.csv:2: sku is empty"),
        ("b1,,,,1,\n", "items.csv:2: name is empty"),
        ("b1,Ball,,,1\n", "items.csv:2: 5 fields where the header has 6"),
        ("b1,Ball,,,1,a,b\n", "items.csv:2: 7 fields where the header has 6"),
        ("b1,Ball,,,cheap,\n", "items.csv:2: price is 'cheap', not a number"),
        ("b1,Ball,,,nan,\n", "items.csv:2: price is 'nan', not a number"),
        ("b1,Ball,,,1001,\n", "items.csv:2: price is 1001, not from 0 to 1000"),
        ("b1,Ball,,,1,\nb1,Ball,,,2,\n", "items.csv:3: sku 'b1' is there twice"),
        ('b1,Ball,,,1,"a\nb"\nb2,,,,1,\n', "items.csv:4: name is empty"),
        ('b1,Ball,,,1,"open\n', "items.csv:2: not valid CSV"),
        ("b1,Ball,,,1,\nb2,\0,,,1,\n", "items.csv:3: a NUL byte"),
        ("", "items.csv:2: no rows below the header"),
    ],
)
def test_a_bad_row_is_named_with_its_file_and_line(rows, message):
    with pytest.raises(BadInput) as caught:
        read(rows)
    assert str(caught.value).startswith(message)


def test_all_bad_rows_are_counted_and_the_first_one_is_explained():
    rows = "".join(f"b{i},Ball,,,{'x' if i % 2 else 1},\n" for i in range(16))
    with pytest.raises(BadInput) as caught:
        read(rows)
    assert str(caught.value) == (
        "items.csv:3: price is 'x', not a number (and 7 more bad rows: line 5, 7, 9, 11, 13, …)"
    )


def test_bytes_that_are_not_utf8_are_named_with_their_line():
    raw = HEADER.encode() + "b1,Bälle,,,1,\n".encode("latin-1")
    with pytest.raises(BadInput, match="items.csv:2: not UTF-8"):
        read_items(raw, PATH, TOYS)


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("sku,name,kinds,price,about\n", "no column 'makers'"),
        ("sku,name,name\n", "'name' is there twice"),
        ("", "no column"),
    ],
)
def test_a_header_that_does_not_fit_the_schema_is_refused(header, what):
    with pytest.raises(BadInput, match=f"items.csv:1: .*{what}"):
        read("", header)


@given(st.binary(max_size=200))
def test_any_bytes_give_items_or_bad_input_and_nothing_else(raw):
    try:
        assert read_items(HEADER.encode() + raw, PATH, TOYS)
    except BadInput as error:
        assert str(error).startswith("items.csv:")
