"""Misspelt words become those of the examples; everything else stays as it was written."""

from __future__ import annotations

import pytest

from components.spelling import ExampleSpelling

EXAMPLES = 3 * [
    "I want something newer",
    "anything else",
    "Now show me more like the second",
    "I loved it",
    "less violent please",
    "a film with Tom Wanda",
]


@pytest.fixture(scope="module")
def spelling() -> ExampleSpelling:
    return ExampleSpelling.of([*EXAMPLES, "somthing", "a musicl", "a musicl"], known={"lover", "wart"})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("anythign ekse", "anything else"),
        ("somehting nwer", "something newer"),
        ("Shwo me moer liek the secnd", "show me more like the second"),
        ("i lvoed it, violnet", "i loved it, violent"),
    ],
)
def test_a_slip_is_mended(spelling, written, meant):
    assert spelling.mended(written) == meant


@pytest.mark.parametrize(
    "text",
    [
        "Something newer",
        "lesson, fire and elm",  # English
        "a lover with a wart",  # known
        "wandah",  # near a name only
        "vioelnnt",  # two slips
        "a musicl",  # the examples have it, more than once
        "teh abc1 1994 !?",  # too short, figures
        "Fellini, Kurosawa",
        "看电影",
        "",
    ],
)
def test_what_is_no_slip_stays_as_it_is(spelling, text):
    assert spelling.mended(text) == text


def test_a_word_that_one_example_has_is_no_word_to_mend_by(spelling):
    assert spelling.mended("somthingg") != "somthing"


def test_what_was_written_is_read_again(spelling, tmp_path):
    spelling.write(tmp_path)
    again = ExampleSpelling.read(tmp_path)
    assert again.mended("anythign nwer") == spelling.mended("anythign nwer") == "anything newer"
