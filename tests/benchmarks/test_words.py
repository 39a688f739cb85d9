"""The word error rate counts what it says, and the recordings stay within the promise."""

from __future__ import annotations

import pytest

from benchmarks.speech import errors, measure, normalised
from chatrec.settings import Settings


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a c", "a b c", 1),
        ("a b", "", 2),
        ("", "a", 1),
    ],
)
def test_errors_are_substitutions_insertions_and_deletions(said, heard, wrong):
    assert errors(said.split(), heard.split()) == wrong


def test_both_sides_are_compared_without_case_points_and_figures():
    assert normalised("Mr. Smith's 7 cold-hearted, 120 …") == [
        "mister",
        "smith's",
        "seven",
        "cold",
        "hearted",
        "one",
        "hundred",
        "twenty",
    ]
    assert normalised("1972") == ["one", "nine", "seven", "two"]


@pytest.mark.slow
def test_the_word_error_rate_is_at_most_fifteen_percent():
    settings = Settings.read()
    if not (settings.data / "speech" / "manifest.csv").exists():
        pytest.skip(f"the recordings are not there: {settings.data / 'speech'}")
    assert float(measure(settings)["with the catalogues' words"]["word error rate"].split()[0]) <= 0.15
