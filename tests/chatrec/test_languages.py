"""Messages in another language, read by its phrase book."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatrec.errors import BadInput
from chatrec.languages import load_languages
from chatrec.types import Constraint, Evidence


@pytest.fixture(scope="module")
def chinese(settings):
    (found,) = [language for language in load_languages(settings.languages) if language.code == "zh"]
    return found


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("我想看一部科幻电影", "i want to watch a sci-fi film"),
        ("我想买一双运动鞋", "i want to buy a pair of running shoes"),
        ("我想去一次海滩度假", "i want to go on a trip, beach holiday"),
        ("我最近头疼，怎么办", "i lately headache , what can i do about it"),
        ("不要恐怖片", "not horror film"),
        ("像 Alien 一样的，新一点", "something like alien , newer"),
        ("90年代的喜剧", "90s comedy"),
    ],
)
def test_a_message_is_read_by_its_longest_phrases(chinese, text, english):
    assert chinese.speaks(text)
    assert chinese.in_english(text) == english


@pytest.mark.parametrize("text", ["a chinese film", "", "123", "👍", "Crouching Tiger 卧虎", "фильм ужасов"])
def test_what_is_not_in_the_language_is_left_alone(chinese, text):
    assert not chinese.speaks(text)


def test_wishes_and_reasons_are_said_in_the_language(chinese):
    wishes = [
        Constraint("genre", "is", ("Sci-Fi",)),
        Constraint("genre", "not", ("Horror",)),
        Constraint("year", "min", (1990.0,)),
    ]
    assert chinese.wishes(wishes) == "科幻、不要恐怖、≥ 1990"
    evidence = (Evidence("constraint", "Sci-Fi", "genre"), Evidence("anchor", "Alien", item_ids=("a",), effect=0.2))
    assert chinese.reason(evidence, {"a": "Alien"}) == "符合“科幻”，和《Alien》相近"


SPANISH = """
negation = "sin "
[phrases]
"quiero ver" = "i want to watch"
"una película" = "a film"
"una" = "a"
"de" = ""
"terror" = "horror"
[reasons]
[names]
"""


def test_a_language_in_latin_letters_is_told_by_its_words(tmp_path):
    (tmp_path / "es.toml").write_text(SPANISH, encoding="utf-8")
    (spanish,) = load_languages(tmp_path)
    assert spanish.speaks("quiero ver una película de terror")
    assert not spanish.speaks("i want to watch a horror film")
    assert spanish.in_english("Quiero ver una película de terror") == "i want to watch a film horror"


def test_a_mistake_in_the_file_is_named(tmp_path: Path):
    (tmp_path / "es.toml").write_text(SPANISH.replace("[phrases]", "[phrase]"), encoding="utf-8")
    with pytest.raises(BadInput, match="es.toml: phrase is not a key of this file; did you mean 'phrases'"):
        load_languages(tmp_path)
