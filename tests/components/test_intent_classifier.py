"""Intents from sentence vectors: what is learned, kept, and said of several sentences."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.core.events import BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE, INTENT, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.linear_model import LogisticRegression

from chatrec.errors import BadInput
from chatrec.settings import ROOT
from components.bot_turn import TURNS
from components.intent_classifier import EmbeddingIntentClassifier, turns_before
from components.sentence_encoder import SentenceEncoderFeaturizer

CONTEXT = ExecutionContext(GraphSchema({}), "test")
AXES = {"greet": 0, "seen": 1, "continue": 2, "emergency": 3}


def message(*sentences, intent=None):
    """A message of sentences, each given by its vector."""
    rows = np.array(sentences, dtype=np.float32)
    made = Message({TEXT: "some text", INTENT: intent} if intent else {TEXT: "some text"})
    made.add_features(Features(rows, FEATURE_TYPE_SEQUENCE, TEXT, "test"))
    made.add_features(Features(rows.mean(axis=0, keepdims=True), FEATURE_TYPE_SENTENCE, TEXT, "test"))
    return made


def along(intent, noise=0.0):
    vector = np.eye(4, dtype=np.float32)[AXES[intent]] + noise
    return vector / np.linalg.norm(vector)


def examples(*intents):
    rng = np.random.default_rng(0)
    return TrainingData([message(along(i, rng.normal(0, 0.1, 4)), intent=i) for i in intents for _ in range(20)])


def create(folder: Path, **options):
    storage = LocalModelStorage.create(folder)
    config = {**EmbeddingIntentClassifier.get_default_config(), **options}
    return EmbeddingIntentClassifier.create(config, storage, Resource("classifier"), CONTEXT)


@pytest.fixture
def classifier(tmp_path):
    made = create(tmp_path)
    made.train(examples(*AXES))
    return made


def intent_of(classifier, *sentences):
    [read] = classifier.process([message(*sentences)])
    return read.get(INTENT)["name"]


def test_the_ranking_has_every_intent_best_first_and_adds_up_to_one(classifier):
    [read] = classifier.process([message(along("seen"))])
    shares = [entry["confidence"] for entry in read.get("intent_ranking")]
    assert {entry["name"] for entry in read.get("intent_ranking")} == set(AXES)
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    assert read.get(INTENT) == read.get("intent_ranking")[0]
    assert read.get(INTENT)["name"] == "seen"


@pytest.mark.parametrize("intents", [("seen", "greet"), ("seen", "greet", "continue")])
def test_without_sharpening_it_is_plain_logistic_regression(tmp_path, intents):
    made, data = create(tmp_path, sharpness=1.0, tolerance=1e-3), examples(*intents)
    made.train(data)
    rows = np.concatenate([m.get_dense_features(TEXT)[1].features for m in data.intent_examples])
    place = np.arange(len(rows)) % 20  # 20 examples of each intent, after each turn of the bot by turns
    turns = np.eye(4)[place % 4]
    alone, after = np.hstack([rows, 0 * turns]), np.hstack([rows, turns])
    peer = LogisticRegression(C=10, multi_class="multinomial", max_iter=1000)
    peer.fit(np.where(place[:, None] // 4 % 2, alone, after), [m.get(INTENT) for m in data.intent_examples])
    assert np.allclose([made.probabilities(row[None]) for row in rows], peer.predict_proba(alone), atol=1e-4)
    said = [TURNS[i] for i in turns.argmax(axis=1)]
    found = [made.probabilities(row[None], turn) for row, turn in zip(rows, said, strict=True)]
    assert np.allclose(found, peer.predict_proba(after), atol=1e-4)


def test_a_loaded_model_says_what_the_trained_one_said(tmp_path, classifier):
    loaded = EmbeddingIntentClassifier.load(
        classifier.config, LocalModelStorage(tmp_path), Resource("classifier"), CONTEXT
    )
    vector = along("continue", 0.2)[None]
    assert loaded.labels == classifier.labels
    assert np.array_equal(loaded.probabilities(vector), classifier.probabilities(vector))


def test_the_model_is_arrays_and_text_and_no_pickle(tmp_path, classifier):
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"weights.npz", "labels.json"}
    with np.load(next(tmp_path.rglob("weights.npz")), allow_pickle=False) as arrays:
        assert arrays["weights"].shape == (4, 4 + len(TURNS))


def test_a_message_without_features_leaves_all_intents_equally_likely(classifier):
    [read] = classifier.process([Message({TEXT: "👍"})])
    assert {entry["confidence"] for entry in read.get("intent_ranking")} == {0.25}


def test_the_same_words_mean_what_fits_after_what_the_bot_did(tmp_path):
    made = create(tmp_path, after={"seen": ["items"], "continue": ["question"]})
    made.train(examples("seen", "continue"))
    words = message((along("seen") + along("continue")) / np.sqrt(2))

    def after(said):
        tracker = DialogueStateTracker.from_events("someone", [UserUttered("a film"), BotUttered(said)])
        return made.process([words], tracker)[0].get(INTENT)["name"]

    assert after("1. Heat (1995): a thief and a detective.") == "seen"
    assert after("Would you like more of them?") == "continue"


def test_an_example_says_itself_what_it_comes_after():
    told, other = message(along("seen"), intent="seen"), message(along("seen"), intent="seen")
    told.set("metadata", {"intent": {"after": "talk"}})
    assert turns_before([told, other, other, other], {"seen": ["items", "question"]}) == [
        "talk",
        "question",
        "items",
        "question",
    ]


def test_an_example_that_says_its_turn_is_never_learnt_without_it(tmp_path):
    data = examples("seen", "continue")
    for example in data.intent_examples:
        example.set("metadata", {"intent": {"after": "items" if example.get(INTENT) == "seen" else "question"}})
    made = create(tmp_path)
    made.train(data)
    middle = ((along("seen") + along("continue")) / np.sqrt(2))[None]
    chances = [made.probabilities(middle, turn)[made.labels.index("seen")] for turn in ("items", "question")]
    assert chances[0] > 0.9
    assert chances[1] < 0.1


def test_a_turn_that_the_bot_has_not_is_named(tmp_path):
    with pytest.raises(BadInput, match="seen: after must be of greeting, question, items, talk, not list"):
        create(tmp_path, after={"seen": ["list"]}).train(examples("seen", "continue"))


def test_a_greeting_gives_way_to_what_is_said_beside_it(classifier):
    assert intent_of(classifier, along("greet"), along("continue", 0.3)) == "continue"
    assert intent_of(classifier, along("greet")) == "greet"


def test_what_gives_way_is_configured(tmp_path):
    made = create(tmp_path, yielding=[])
    made.train(examples(*AXES))
    assert intent_of(made, along("greet"), along("continue", 0.3)) == "greet"


def test_one_sentence_is_enough_for_an_emergency(classifier):
    assert intent_of(classifier, along("seen"), along("seen", 0.05), along("emergency", 0.3)) == "emergency"


def test_two_requests_of_equal_weight_share_the_confidence(classifier):
    [read] = classifier.process([message(along("seen"), along("continue"))])
    first, second, *_ = read.get("intent_ranking")
    assert {first["name"], second["name"]} == {"seen", "continue"}
    assert first["confidence"] == pytest.approx(second["confidence"], abs=0.05)


def test_one_intent_cannot_be_told_from_anything(tmp_path):
    with pytest.raises(BadInput, match="at least two intents"):
        create(tmp_path).train(examples("seen"))


DIALOGUE = {
    "I want to watch a science fiction film": {"ask_recommendation"},
    "great, more like the second one": {"critique_feature", "critique_compare"},
    "something newer": {"critique_feature"},
    "not horror": {"critique_feature", "critique_add"},
    "who is in the third?": {"inquire"},
    "why that one?": {"explain_why"},
    "I've seen it, loved it": {"seen"},
    "Hi! Thanks, that was great. Any others?": {"continue"},
    "I liked Heat. My chest hurts and I can't breathe. Any thrillers?": {"emergency"},
    "my boyfriend left me": {"express_mood"},
    "I almost died laughing": {"seen", "provide_preference", "neutral"},
}


@pytest.mark.slow
def test_the_shipped_examples_teach_what_the_held_out_ones_ask(tmp_path):
    """At least nine in ten held-out messages, and every message of the main dialogue, are understood."""
    tokenizer = WhitespaceTokenizer(WhitespaceTokenizer.get_default_config())
    featurizer = SentenceEncoderFeaturizer.create(SentenceEncoderFeaturizer.get_default_config(), None, None, CONTEXT)
    pipeline = yaml.safe_load((ROOT / "config.yml").read_text())["pipeline"]
    [options] = [step for step in pipeline if step.pop("name").endswith(".EmbeddingIntentClassifier")]
    made, lessons = create(tmp_path, **options), load_data(str(ROOT / "data/nlu"))
    made.train(featurizer.process_training_data(tokenizer.process_training_data(lessons)))

    def read(texts):
        asked = made.process(featurizer.process(tokenizer.process([Message({TEXT: text}) for text in texts])))
        return [message.get(INTENT)["name"] for message in asked]

    test = load_data(str(ROOT / "tests/nlu/test_nlu.yml")).intent_examples
    found = read([m.get(TEXT) for m in test])
    assert np.mean([intent == m.get(INTENT) for intent, m in zip(found, test, strict=True)]) >= 0.9
    assert [(t, i) for t, i in zip(DIALOGUE, read(DIALOGUE), strict=True) if i not in DIALOGUE[t]] == []
