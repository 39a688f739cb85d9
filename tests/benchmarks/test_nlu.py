"""How seekers' utterances are counted, and that the picture of them is drawn."""

import json

import pytest

from benchmarks.nlu import Seekers, draw, seekers

ROWS = [
    {"text": "I&#39;ve seen it. Any others?", "previous_bot_text": "Heat (1995)?", "intents": ["seen", "continue"]},
    {"text": "hello", "previous_bot_text": "", "intents": ["other"]},
    {"text": "who is in it?", "previous_bot_text": "Alien (1979)", "intents": ["other", "inquire"]},
]


@pytest.fixture
def asked(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return Seekers.load(path)


def test_utterances_without_a_seekers_intent_are_left_out(asked):
    assert asked.texts == ["I've seen it. Any others?", "who is in it?"]
    assert asked.said == ["Heat (1995)?", "Alien (1979)"]
    assert asked.intents == [["seen", "continue"], ["inquire"]]


def test_any_of_the_published_labels_is_right_and_f1_is_the_mean_over_all_fifteen(asked):
    figures = seekers(asked, ["continue", "greet"])
    assert (figures["n"], figures["share"]) == (2, 0.5)
    assert figures["f1"]["continue"] == 1
    assert figures["macro_f1"] == round(1 / 15, 3)


def test_the_confusion_matrix_is_a_picture(asked, tmp_path):
    draw(asked, ["continue", "greet"], tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").read_bytes().startswith(b"\x89PNG")
