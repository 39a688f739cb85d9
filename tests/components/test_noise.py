"""Noise changes the words of an example and nothing that the classifier tells messages apart by."""

from __future__ import annotations

import random

import pytest

from benchmarks.robust import CHANGES
from chatrec.errors import BadInput
from chatrec.settings import Settings
from chatrec.tomlfile import read_toml
from components.noise import CHATTER, NOISE, Noise
from components.sentence_encoder import sentence_starts

ROOT = Settings.read({}).root
TEXT = "Could you suggest a Korean thriller, please?"


@pytest.fixture(scope="module")
def noise():
    return Noise.read(ROOT)


def variants(noise, text, n=300):
    rng = random.Random(0)
    return [noise.changed(text, rng) for _ in range(n)]


def test_most_variants_differ_from_the_text_and_from_each_other(noise):
    found = variants(noise, TEXT)
    assert found.count(TEXT) < 15
    assert len(set(found)) > 200


def test_there_are_slips_chatter_and_short_forms(noise):
    found = variants(noise, TEXT)
    assert sum(any(line in text for line in noise.chatter) for text in found) > 50
    assert sum(text.startswith("Could u suggest") for text in found) > 20
    assert sum("Korean" not in text for text in found) > 20


def test_chatter_never_becomes_a_sentence_of_its_own(noise):
    assert {len(sentence_starts(text)) for text in variants(noise, "any comedies. on tonight")} == {1, 2}
    assert {len(sentence_starts(text)) for text in variants(noise, TEXT)} == {1}


def test_what_has_no_word_to_misspell_stays_readable(noise):
    assert all("42" in text for text in variants(noise, "42"))


def test_the_measurement_uses_no_chatter_that_is_learnt_from(noise):
    asked = read_toml(CHANGES).texts("chatter")
    assert len(asked) >= 60
    assert not {line.strip(".!").lower() for line in asked} & {line.lower() for line in noise.chatter}


def test_a_file_without_fillers_is_one_line_that_says_so(tmp_path):
    for path in (NOISE, CHATTER):
        (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / NOISE).write_text('between = [","]\n')
    (tmp_path / CHATTER).write_text((ROOT / CHATTER).read_text())
    with pytest.raises(BadInput, match="noise.toml: fillers"):
        Noise.read(tmp_path)
