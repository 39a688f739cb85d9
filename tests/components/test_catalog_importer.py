"""The examples that Rasa is given: what it does to copies stays with the copies."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, INTENT, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message

from components.catalog_importer import Example


def change_intent(message: Message) -> None:
    message.set(INTENT, "goodbye")


def change_entities(message: Message) -> None:
    message.data["entities"][0]["value"] = "Heat"


def add_vector(message: Message) -> None:
    message.add_features(Features(np.ones((1, 3)), FEATURE_TYPE_SENTENCE, TEXT, "test"))


@pytest.fixture
def example() -> Example:
    return Example({TEXT: "like Alien", INTENT: "greet", "entities": [{"entity": "title", "value": "Alien"}]})


@pytest.mark.parametrize("change", [change_intent, change_entities, add_vector])
def test_what_is_done_to_a_copy_is_not_done_to_the_example(change, example):
    before, twin = example.fingerprint(), copy.deepcopy(example)
    assert twin == example
    change(twin)
    twin._cached_fingerprint = None  # entities change behind its back
    assert twin.fingerprint() != before
    example._cached_fingerprint = None
    assert example.fingerprint() == before


def test_a_fingerprint_is_that_of_a_message_and_changes_with_what_is_set(example):
    message = Message(example.data)
    assert example.fingerprint() == message.fingerprint()
    for one in (example, message):
        one.set(INTENT, "greet")
        one.set(TEXT, "like Heat")
    assert example.fingerprint() == message.fingerprint() != Message({**example.data, TEXT: "like Alien"}).fingerprint()
