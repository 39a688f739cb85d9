"""What the channels say themselves stands in domain.yml, where designers change it."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_bot import FakeBot, Words, domain

import channels
from channels.sayings import NO_MODEL, Sayings
from components.speech import read_speech

CHANNELS = {path.stem for path in Path(channels.__file__).parent.glob("*.py")}


def speaking(agent) -> Sayings:
    return Sayings(SimpleNamespace(ctx=SimpleNamespace(agent=agent)))


def test_values_are_filled_in_and_never_looked_at_again():
    said = speaking(FakeBot())("utter_heard_unsure", of="m1", heard="{said}", said="a {film} /restart")
    assert "“{said}”" in said["text"]
    assert said["buttons"][0]["payload"] == "a {film} /restart"
    assert said["from"] == "bot"


def test_an_answer_keeps_its_variation_and_others_get_others():
    says = speaking(FakeBot())
    told = {n: says("utter_no_answer", of=f"m{n}")["text"] for n in range(40)}
    assert set(told.values()) == set(Words("utter_no_answer").texts)
    assert told == {n: says("utter_no_answer", of=f"m{n}")["text"] for n in range(40)}


def test_the_bot_goes_on_in_the_language_it_hears():
    says = speaking(FakeBot())
    told = []
    for heard in ("hello", "推荐一部电影", "👍 1979", "thanks"):
        says.hear(heard)
        told.append(says("utter_too_many")["text"])
    english, chinese = Words("utter_too_many"), Words("utter_too_many_zh")
    assert told == [english, chinese, chinese, english]


ALONE = {"utter_heard", "utter_seen_wish"}  # signs around what was heard, and the beginning of a wish


def test_whatever_the_channels_say_has_variations_and_chinese():
    own = {line.pattern for line in read_speech([], []).lines if line.file in CHANNELS}
    assert len(own) > 15, "they are found"
    for response in own:
        texts = [Words(name).texts for name in (response, f"{response}_zh") if name in domain().responses]
        assert len(texts) == 2 or response == "utter_heard", f"{response} in Chinese"
        assert response in ALONE or min(map(len, texts)) > 1, f"variations of {response}"


@pytest.mark.parametrize("agent", [None, SimpleNamespace(domain=None)])
def test_without_a_dialogue_model_there_are_no_words_and_no_error(agent):
    assert speaking(agent)("utter_no_answer") == {"from": "bot", "text": NO_MODEL}


@pytest.mark.parametrize("path", sorted(Path(channels.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_no_message_of_the_bot_is_written_in_python(path):
    """A message is a dict with a text: none has its words in the code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        pairs = zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
        texts = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "text"]
        literal = [t for t in texts if isinstance(t, (ast.Constant, ast.JoinedStr))]
        assert not [ast.unparse(t) for t in literal if " " in ast.unparse(t)], "move it to domain.yml"
