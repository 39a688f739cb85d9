"""Messages are cut into sentences and turned into vectors of two layers."""

import numpy as np
import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from chatrec.encoder import load_encoder
from chatrec.settings import Settings
from components.sentence_encoder import (
    MAX_CHARACTERS,
    MAX_SENTENCES,
    MEANT,
    SentenceEncoderFeaturizer,
    encode_layers,
    is_readable,
    sentence_starts,
)


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(Settings())


@pytest.fixture(scope="module")
def read():
    """Texts in, messages with features out."""
    context = ExecutionContext(GraphSchema({}), "test")
    tokenizer = WhitespaceTokenizer(WhitespaceTokenizer.get_default_config())
    featurizer = SentenceEncoderFeaturizer.create(SentenceEncoderFeaturizer.get_default_config(), None, None, context)
    return lambda *texts: featurizer.process(tokenizer.process([Message({TEXT: text}) for text in texts]))


def pieces(text):
    starts = sentence_starts(text)
    return [text[a:b].strip() for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("a good western", ["a good western"]),
        ("Hi! Any westerns? Old ones.", ["Hi!", "Any westerns?", "Old ones."]),
        ("loved it...anything else", ["loved it...", "anything else"]),
        ("no\nsomething newer\n\n", ["no", "something newer"]),
        ("films with Mr. Bean or Dr. Strangelove", ["films with Mr. Bean or Dr. Strangelove"]),
        ("Kill Bill: Vol. 2 please", ["Kill Bill: Vol. 2 please"]),
        ("rated 8.5 or more", ["rated 8.5 or more"]),
        ("great! :)", ["great! :)"]),
        ("", [""]),
    ],
)
def test_sentences_end_where_a_reader_would_say(text, sentences):
    assert pieces(text) == sentences


def test_a_message_has_a_limited_number_of_sentences_and_loses_none_of_its_text():
    text = "No way. " * 50
    assert len(sentence_starts(text)) == MAX_SENTENCES
    assert " ".join(pieces(text)) == text.strip()


@pytest.mark.parametrize("text", ["hello", "90", "Amélie", "show me фильмы"])
def test_latin_letters_and_digits_are_readable(text):
    assert is_readable(text)


@pytest.mark.parametrize("text", ["", "  ", "👍", "?!", "покажи фильм", "我想看电影", "أريد فيلم"])
def test_other_scripts_and_signs_are_not(text):
    assert not is_readable(text)


def test_the_last_layer_is_what_the_encoder_says(encoder):
    texts = ["a rather long sentence about an old western film with a train in it", "hi", "something newer"]
    assert np.allclose(encode_layers(encoder, texts, [-1]), encoder.encode(texts), atol=1e-5)


def test_layers_lie_side_by_side_each_of_length_one(encoder):
    rows = encode_layers(encoder, ["less violent please"], [3, -1])
    assert rows.shape == (1, 2 * encoder.dimensions)
    assert np.allclose(np.linalg.norm(rows.reshape(2, -1), axis=1), 1, atol=1e-5)
    assert not np.allclose(rows[0, : encoder.dimensions], rows[0, encoder.dimensions :], atol=0.01)


def test_each_token_has_the_vector_of_its_sentence(read):
    [both, first, second] = read("I loved it. Any others?", "I loved it.", "Any others?")
    tokens, whole = both.get_dense_features(TEXT)
    assert tokens.features.shape == (5, whole.features.shape[1])
    assert np.allclose(tokens.features[:3], first.get_dense_features(TEXT)[1].features, atol=1e-5)
    assert np.allclose(tokens.features[3:], second.get_dense_features(TEXT)[1].features, atol=1e-5)
    assert not np.allclose(whole.features, tokens.features[:1], atol=0.01)


def test_a_message_reads_the_same_alone_and_among_others(read):
    [alone] = read("who is in the third?")
    [_, among] = read("something long and quite different, to fill the batch up with padding", "who is in the third?")
    assert np.allclose(
        alone.get_dense_features(TEXT)[1].features, among.get_dense_features(TEXT)[1].features, atol=1e-5
    )


def test_text_beyond_the_limit_is_not_read(read):
    start = ("a film " * MAX_CHARACTERS)[:MAX_CHARACTERS]
    [short, long] = read(start, start + "with horses " * 1000)
    assert np.allclose(short.get_dense_features(TEXT)[1].features, long.get_dense_features(TEXT)[1].features, atol=1e-5)


def test_a_message_with_nothing_to_read_has_no_features(read):
    [message] = read("👍")
    assert message.get_dense_features(TEXT) == (None, None)


def test_a_misspelt_message_is_read_as_it_was_meant(read, tmp_path):
    """By a featurizer that was trained, kept and loaded, as Rasa does it."""
    config, context = SentenceEncoderFeaturizer.get_default_config(), ExecutionContext(GraphSchema({}), "test")
    kept = LocalModelStorage.create(tmp_path), Resource("featurizer")
    tokenizer = WhitespaceTokenizer(WhitespaceTokenizer.get_default_config())
    examples = [Message({TEXT: f"something newer {n}"}) for n in range(3)]
    SentenceEncoderFeaturizer.create(config, *kept, context).train(TrainingData(examples))
    loaded = SentenceEncoderFeaturizer.load(config, *kept, context)
    (slip,) = loaded.process(tokenizer.process([Message({TEXT: "No. somethign newer"})]))
    (meant,) = read("No. something newer")
    assert slip.get(MEANT) == meant.get(MEANT) == ("No. something newer", "No.", "something newer")
    for found, wanted in zip(slip.get_dense_features(TEXT), meant.get_dense_features(TEXT), strict=True):
        np.testing.assert_allclose(found.features, wanted.features, atol=1e-5)
