"""The encoder learns the intents, is kept as a small adapter, and a model trained on another one is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from chatrec.encoder import load_encoder
from chatrec.errors import BadInput, ModelMissing
from chatrec.settings import Settings
from components.noise import Noise
from components.sentence_encoder import SentenceEncoderFeaturizer
from components.tuned_encoder import CONFIG, WEIGHTS, digest_of, folder_of, load_tuned
from components.tuning import Lessons, Recipe, save, tune, turns_of

# Two intents that mean nearly the same to an encoder: who has seen something, and who wants to see it.
SEEN = ["I've seen {}", "we watched {} already", "already saw {}", "{} again? I know it", "saw {} at the cinema"]
WANTED = ["I'd like to see {}", "let's watch {}", "I want to see {}", "put {} on for us", "I will see {} tonight"]
FILMS = ["Heat", "Alien", "Amélie", "Jaws", "Up", "Fargo"]
SETTINGS = Settings.read({})


def examples(films: list[str]) -> list[Message]:
    said = [(text, intent) for intent, texts in (("seen", SEEN), ("wanted", WANTED)) for text in texts]
    return [Message({TEXT: text.format(film), INTENT: intent}) for film in films for text, intent in said]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose encoder has learnt from three of the films."""
    settings = replace(SETTINGS, root=tmp_path_factory.mktemp("home"))
    encoder, recipe = load_encoder(SETTINGS), Recipe(epochs=12)
    body = tune(encoder, Lessons.of(examples(FILMS[:3]), {}), Noise.read(SETTINGS.root), recipe)
    save(body, encoder.name, 30, recipe, folder_of(settings))
    return settings


def gap(encoder) -> float:
    """How much nearer sentences of the same intent are than those of the other, on films that were not learnt from."""
    asked = examples(FILMS[3:])
    rows, seen = encoder.encode([m.get(TEXT) for m in asked]), np.array([m.get(INTENT) == "seen" for m in asked])
    cosines, same = rows @ rows.T, seen[:, None] == seen[None]
    return float(cosines[same].mean() - cosines[~same].mean())


def test_sentences_of_one_intent_come_nearer_to_each_other(home):
    assert gap(load_tuned(home)) > gap(load_encoder(SETTINGS)) + 0.05


def test_it_is_small_has_a_card_and_a_name_of_its_own(home):
    assert (folder_of(home) / WEIGHTS).stat().st_size < 4_000_000
    assert "30 examples" in (folder_of(home) / "README.md").read_text()
    assert load_tuned(home).name == f"{load_encoder(SETTINGS).name}+{digest_of(home)}"
    assert "/" not in json.loads((folder_of(home) / CONFIG).read_text())["base_model_name_or_path"]


def test_without_an_adapter_or_with_another_encoders_it_reads_as_it_came(home, tmp_path):
    assert load_tuned(replace(SETTINGS, root=tmp_path)).name == load_encoder(SETTINGS).name
    other = replace(SETTINGS, root=tmp_path)
    folder_of(other).mkdir(parents=True)
    for path in folder_of(home).iterdir():
        (folder_of(other) / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder_of(other) / CONFIG).read_text())
    (folder_of(other) / CONFIG).write_text(json.dumps(config | {"base_model_name_or_path": "another"}))
    assert load_tuned(other).name == load_encoder(SETTINGS).name


def test_a_damaged_adapter_is_one_line_that_says_what_to_do(home, tmp_path):
    broken = replace(SETTINGS, root=tmp_path)
    folder_of(broken).mkdir(parents=True)
    (folder_of(broken) / CONFIG).write_bytes((folder_of(home) / CONFIG).read_bytes())
    (folder_of(broken) / WEIGHTS).write_bytes(b"not weights")
    with pytest.raises(ModelMissing, match="make tune"):
        load_tuned(broken)


def test_one_intent_is_not_enough():
    with pytest.raises(BadInput, match="two intents"):
        Lessons.of([Message({TEXT: "hello", INTENT: "greet"})] * 3, {})


def test_every_example_is_learnt_once_in_a_round():
    lessons = Lessons.of(examples(FILMS), {})
    order = lessons.batches(Recipe(), 0)
    assert sorted(i for batch in order for i in batch) == list(range(60))
    assert order != lessons.batches(Recipe(), 1)


def test_the_turns_stand_in_the_configuration():
    assert turns_of(SETTINGS.root / "config.yml")["answer"] == ["question"]


def test_a_model_that_was_trained_on_another_encoder_is_refused(home, monkeypatch, tmp_path):
    storage, resource = LocalModelStorage(tmp_path), Resource("featurizer")
    parts = SentenceEncoderFeaturizer.get_default_config(), storage, resource, ExecutionContext(GraphSchema({}), "test")
    SentenceEncoderFeaturizer.create(*parts).train(TrainingData())
    assert SentenceEncoderFeaturizer.load(*parts)
    monkeypatch.setenv("CHATREC_HOME", str(home.root))
    with pytest.raises(ModelMissing, match="make train"):
        SentenceEncoderFeaturizer.load(*parts)
