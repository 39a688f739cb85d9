"""Emergencies: what is learnt, kept and set, and how far it carries on sentences that were not learnt."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.message import Message

from chatrec.catalog import ITEMS, SCHEMA
from chatrec.policy import EMERGENCIES, POLICY
from chatrec.settings import ROOT
from components.emergency_spotter import EmergencySpotter
from components.sentence_encoder import SentenceEncoderFeaturizer
from components.spelling import ExampleSpelling
from components.trained import digest_of_catalogs

CONTEXT = ExecutionContext(GraphSchema({}), "test")
RANKING = [{"name": "emergency", "confidence": 0.5}, {"name": "greet", "confidence": 0.3}]


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Read a message with a spotter that has learnt what ships, was kept and loaded again."""
    storage = LocalModelStorage.create(Path(tmp_path_factory.mktemp("storage")))
    tokenizer = WhitespaceTokenizer(WhitespaceTokenizer.get_default_config())
    config = SentenceEncoderFeaturizer.get_default_config()
    featurizer = SentenceEncoderFeaturizer.create(config, storage, Resource("featurizer"), CONTEXT)
    config = EmergencySpotter.get_default_config()
    EmergencySpotter.create(config, storage, Resource("spotter"), CONTEXT).train(load_data(str(ROOT / "data" / "nlu")))
    spotter = EmergencySpotter.load(config, storage, Resource("spotter"), CONTEXT)

    def run(text: str, spelling: ExampleSpelling | None = None) -> Message:
        featurizer.spelling = spelling
        made = Message({TEXT: text, INTENT: RANKING[0], INTENT_RANKING_KEY: RANKING})
        spotter.process(featurizer.process(tokenizer.process([made])))
        return made

    return run


def emergency(message: Message) -> str | None:
    named = [e["value"] for e in message.get(ENTITIES, []) if e["entity"] == "emergency"]
    assert bool(named) == (message.get(INTENT)["name"] == "emergency")
    return named[0] if named else None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my grandad's chest hurts terribly and his left arm went numb", "heart"),
        ("she can't talk properly and one half of her face hangs down", "stroke"),
        ("our toddler just drank some drain cleaner", "poisoning"),
        ("I loved Heat! I want to kill myself. Any thrillers?", "suicide"),
        ("the bleeding from his thigh won't stop", "bleeding"),
    ],
)
def test_an_emergency_goes_before_everything_and_is_named(read, text, name):
    message = read(text)
    assert emergency(message) == f"health/{name}"
    assert message.get(INTENT)["confidence"] == 1.0
    assert [entry["name"] for entry in message.get(INTENT_RANKING_KEY)] == ["emergency", "greet"]


def test_another_policy_is_learnt_anew(tmp_path):
    """Rasa does not train again what has the same fingerprint."""
    shutil.copytree(ROOT / "data" / "catalogs", tmp_path / "catalogs")
    files = (POLICY, EMERGENCIES)
    before = digest_of_catalogs(tmp_path / "catalogs", *files)
    assert SentenceEncoderFeaturizer.fingerprint_addon({}).endswith(before)
    assert EmergencySpotter.fingerprint_addon({}) == digest_of_catalogs(tmp_path / "catalogs", *files, SCHEMA, ITEMS)
    with (tmp_path / "catalogs" / "health" / POLICY).open("a") as policy:
        policy.write("# another\n")
    assert digest_of_catalogs(tmp_path / "catalogs", *files) != before


def test_a_slip_neither_hides_an_emergency_nor_makes_one(read):
    spelling = ExampleSpelling({"toddler": 9, "drain": 9, "cleaner": 9, "shopping": 9, "throat": 9})
    assert emergency(read("our tdodler just drank some drian cleanr", spelling)) == "health/poisoning"
    for text in ("shpoping with him is suicide", "my thraot hurts"):
        assert emergency(read(text))
        assert emergency(read(text, spelling)) is None


@pytest.mark.parametrize("text", ["a film about a heart attack", "these shoes are killing me", "hello", "🙂", ""])
def test_what_only_sounds_like_it_is_something_else(read, text):
    message = read(text)
    assert emergency(message) is None
    assert message.get(INTENT)["name"] == "greet"


@pytest.mark.parametrize(
    "text",
    ["and angkor wat", "blenders and mixers please", "and shoot em up", "and unsweetened", "whole body please"],
)
def test_what_a_catalogue_holds_is_no_emergency(read, text):
    assert emergency(read(text)) is None
