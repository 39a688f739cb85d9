"""How messages are changed before they are read, and how what was read is counted."""

from __future__ import annotations

import random

import numpy as np

from benchmarks.robust import CHANGES, beside, count, mistype, reword
from chatrec.tomlfile import read_toml

TEXT = "Show me something funny with Bill Murray, please"


def changed(change):
    rng = random.Random(1)
    return [change(TEXT, rng) for _ in range(200)]


def test_slips_change_one_or_two_places():
    found = changed(mistype)
    assert all(abs(len(text) - len(TEXT)) <= 2 for text in found)
    assert all(sum(a == b for a, b in zip(text.split(), TEXT.split(), strict=False)) >= 4 for text in found)
    assert len(set(found)) > 150


def test_chatter_stands_before_and_behind():
    found = changed(lambda text, rng: beside(text, "My cat sneezed.", rng))
    assert {text.startswith("My cat") for text in found} == {True, False}
    assert all(TEXT in text and "My cat sneezed." in text for text in found)


def test_rewording_drops_punctuation_and_shortens_words():
    words = read_toml(CHANGES)
    found = [text.lower() for text in changed(lambda text, rng: reword(text, words, rng))]
    assert all("show me smth funny w bill murray pls" in text for text in found)
    assert reword("2.5 hours, at most", words, random.Random(3)).lower().count("2.5 hours at most") == 1


def test_the_worst_variant_is_the_one_whose_right_intent_scores_lowest():
    right, scores = np.array([[True, False], [True, True]]), np.array([[0.9, 0.1], [0.3, 0.8]])
    assert count(right, scores) == {"slips": 0.75, "worst slips": 0.5}
