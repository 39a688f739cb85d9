"""Answers of the action server are judged exactly as Rasa judges them, only sooner."""

import inspect
import time

import pytest
from jsonschema import ValidationError
from rasa.core.actions.action import RemoteAction

from components.action_validation import compile_action_schema

ANSWER = {
    "events": [
        {"event": "slot", "timestamp": None, "name": "state", "value": {"catalog": "movies", "shown": ["a", "b"]}},
        {"event": "followup", "timestamp": None, "name": "action_listen"},
    ],
    "responses": [{"text": "Five films.", "buttons": [], "custom": {"kind": "list", "items": [{"rank": 1}]}}],
}
BAD = [
    {"events": "none", "responses": []},
    {"events": [{"event": "slot", "name": "state"}], "responses": []},
    {"events": [{"name": "state", "value": 1}], "responses": []},
    {"events": [{"event": "no such event"}], "responses": []},
    {"events": [], "responses": ["text"]},
    {"events": [], "responses": {"text": "hi"}},
    [],
    None,
]


@pytest.fixture
def stock():
    """Rasa's own check; in place again after the test."""
    before = RemoteAction._validate_action_result
    RemoteAction._validate_action_result = inspect.unwrap(before)
    yield RemoteAction._validate_action_result
    RemoteAction._validate_action_result = before


@pytest.fixture
def action():
    return RemoteAction("action_recommend", None)


def test_a_good_answer_passes(stock, action):
    compile_action_schema()
    assert action._validate_action_result(ANSWER) is True


@pytest.mark.parametrize("answer", BAD, ids=str)
def test_a_bad_answer_is_refused_in_the_words_of_rasa(answer, stock, action):
    with pytest.raises(ValidationError) as expected:
        stock(action, answer)
    compile_action_schema()
    with pytest.raises(ValidationError) as refused:
        action._validate_action_result(answer)
    assert refused.value.message == expected.value.message
    assert list(refused.value.path) == list(expected.value.path)


def test_a_second_call_changes_nothing(stock):
    compile_action_schema()
    once = RemoteAction._validate_action_result
    compile_action_schema()
    assert RemoteAction._validate_action_result is once


def test_another_version_of_rasa_keeps_its_own_check(stock):
    compile_action_schema("3.6.22")
    assert RemoteAction._validate_action_result is stock


def test_it_is_at_least_five_times_quicker(stock, action):
    def seconds(check):
        start = time.process_time()
        for _ in range(10):
            check(action, ANSWER)
        return time.process_time() - start

    slow = seconds(stock)
    compile_action_schema()
    assert seconds(RemoteAction._validate_action_result) < slow / 5
