"""Sentence vectors for the pipeline, from the same encoder that finds the items.

Each vector joins a middle layer of the encoder, which still knows the wording ("I've seen" or "I'd see"), with its
last layer, which knows the topic. Every layer of BERT is good at something else (Jawahar et al., "What does BERT learn
about the structure of language?", ACL 2019); docs/nlu.md has what the second layer adds.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import FEATURIZER_CLASS_ALIAS, TOKENS_NAMES
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from chatrec.catalog import catalog_folders
from chatrec.encoder import Encoder, has_bfloat16, save_array
from chatrec.errors import ModelMissing
from chatrec.policy import EMERGENCIES, POLICY
from chatrec.safety import sentences
from chatrec.settings import Settings
from components.action_validation import compile_action_schema
from components.catalog_linker import linkers
from components.spelling import ExampleSpelling
from components.trained import digest_of_catalogs
from components.tuned_encoder import body_of, digest_of, load_tuned

MAX_CHARACTERS = 1000  # of a message that are read
MAX_SENTENCES = 8  # the last one takes the rest
BATCH = 64
NAME = "encoder.txt"
MEANT = "meant"  # of a message: its text and its sentences as they were read, misspelt words mended

# A full stop after "Mr" or before a digit ("Vol. 2") ends nothing; three dots end a sentence even without a space.
_BREAK = re.compile(
    r"(?:(?<=[.!?…])(?<!\b(?:mr|ms|dr|st|vs|jr)\.)(?<!\bmrs\.)\s+|(?<=\.\.)|\s*\n\s*)(?=[\"'(“]?[^\W\d])", re.IGNORECASE
)
_READABLE = re.compile(r"[0-9A-Za-z\u00c0-\u024f]")  # the encoder has read English; other scripts are noise to it


def sentence_starts(text: str) -> list[int]:
    """Offsets at which the sentences of a message begin: 0 first, at most ``MAX_SENTENCES``, rising."""
    breaks = itertools.islice(_BREAK.finditer(text), MAX_SENTENCES - 1)
    return [0, *(found.end() for found in breaks)]


def is_readable(text: str) -> bool:
    """Whether there is a Latin letter or a digit for the encoder to read."""
    return bool(_READABLE.search(text[:MAX_CHARACTERS]))


def known_words(encoder: Encoder) -> frozenset[str]:
    """What needs no mending, in lower case: the words of the catalogues, and those that the encoder reads in one
    piece."""
    return frozenset(encoder._model.tokenizer.get_vocab()).union(*(linker.words for linker in linkers()))


def spelling_of(data: TrainingData, known: Container[str] = ()) -> ExampleSpelling:
    """That of the examples and of what the policies call an emergency."""
    told = (sentence.text for sentence in sentences(catalog_folders(Settings.read().catalogs)))
    return ExampleSpelling.of([*(m.get(TEXT) or "" for m in data.training_examples), *told], known)


def layer_vectors(encoder: Encoder, texts: Sequence[str], layers: Sequence[int]) -> torch.Tensor:
    """(n, len(layers) * d) mean token vector of each layer, each of length 1, side by side; with gradients.

    Layer 0 is the word embeddings, -1 the last layer.
    """
    body = body_of(encoder)
    inputs = encoder._model.preprocess(list(texts))
    device = next(body.parameters()).device
    tokens = {name: value.to(device) for name, value in inputs.items() if torch.is_tensor(value)}
    states = body(**tokens, output_hidden_states=True).hidden_states
    mask = tokens["attention_mask"][..., None].to(states[0].dtype)
    pooled = [(states[layer] * mask).sum(1) / mask.sum(1) for layer in layers]
    return torch.cat([torch.nn.functional.normalize(p, dim=1) for p in pooled], dim=1)


def encode_layers(encoder: Encoder, texts: Sequence[str], layers: Sequence[int]) -> np.ndarray:
    """(n, len(layers) * d) float32: what :func:`layer_vectors` gives. Texts of a like length share a batch."""
    if not len(texts):
        return np.zeros((0, 0), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    batches = [[texts[i] for i in order[start : start + BATCH]] for start in range(0, len(order), BATCH)]
    with torch.inference_mode():
        rows = [layer_vectors(encoder, batch, layers).float().cpu().numpy() for batch in batches]
    return np.concatenate(rows)[np.argsort(order)]


@contextmanager
def on_all_cores() -> Iterator[None]:
    """For training, when nobody talks to the bot yet."""
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_bfloat16() -> torch.autocast:
    """For many texts at once, where the processor has it; a cosine moves by less than 0.004."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bfloat16())


def encode_once(encoder: Encoder, texts: Sequence[str], layers: Sequence[int], cache: Path) -> np.ndarray:
    """What :func:`encode_layers` gives, computed once for the same texts and then read from disk."""
    digest = hashlib.sha256("\0".join([encoder.name, str(layers), *texts]).encode()).hexdigest()[:16]
    path = cache / f"sentences-{digest}.npy"
    with suppress(OSError, ValueError):
        return np.load(path)
    with on_all_cores(), in_bfloat16():
        vectors = encode_layers(encoder, texts, layers)
    save_array(path, vectors)
    return vectors


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class SentenceEncoderFeaturizer(DenseFeaturizer, GraphComponent):
    """Sets two dense features of the text: ``sentence`` (1, D), the vector of the whole message, and ``sequence``
    (tokens, D), where each token has the vector of the sentence that it stands in.

    ``layers``: the encoder's layers that make up a vector; D is their number times the encoder's dimensions.
    A message without anything to read gets no features; misspelt words are read as the examples have them. What was
    read, the whole and each sentence, is under ``MEANT``. What it keeps in the model is the examples' words, and which
    encoder the others learnt from, so that they are not given vectors of another one.
    """

    spelling: ExampleSpelling | None = None  # of nothing while the examples themselves are read

    @classmethod
    def required_components(cls) -> list[type]:
        return [Tokenizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {**DenseFeaturizer.get_default_config(), "layers": [3, -1]}

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Nothing to check: a layer that isn't there is an IndexError of the first message."""

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """With another encoder or policy, nothing that Rasa remembers of earlier trainings counts."""
        return digest_of(Settings.read()) + digest_of_catalogs(Settings.read().catalogs, POLICY, EMERGENCIES)

    def __init__(self, config: dict[str, Any], name: str, encoder: Encoder) -> None:
        super().__init__(name, config)
        self._encoder = encoder

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceEncoderFeaturizer:
        """Load the encoder, once for each pipeline.

        Raises:
            ModelMissing: the settings name weights that are not there.
        """
        compile_action_schema()
        encoder = load_tuned(Settings.read())
        torch.set_num_threads(1)  # one short message at a time: a second thread only takes the core from the actions
        made = cls(config, execution_context.node_name, encoder)
        made._kept = model_storage, resource
        return made

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> SentenceEncoderFeaturizer:
        """Raises:
        ModelMissing: as :meth:`create`, or the model was trained on another encoder.
        """
        made = cls.create(config, model_storage, resource, execution_context)
        with model_storage.read_from(resource) as folder:
            trained_on = (folder / NAME).read_text(encoding="utf-8")
            if trained_on != made._encoder.name:
                raise ModelMissing(
                    f"the dialogue model was trained on {trained_on}, not {made._encoder.name}: `make train`"
                )
            made.spelling = ExampleSpelling.read(folder, known_words(made._encoder))
        return made

    def train(self, training_data: TrainingData) -> Resource:
        """Write down which encoder it is, and the words of the examples."""
        storage, resource = self._kept
        with storage.write_to(resource) as folder:
            (folder / NAME).write_text(self._encoder.name, encoding="utf-8")
            spelling_of(training_data).write(folder)
        return resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Set the features of all messages, in one go."""
        readable = [m for m in messages if is_readable(m.get(TEXT) or "")]
        texts = [m.get(TEXT)[:MAX_CHARACTERS] for m in readable]
        starts = [sentence_starts(text) for text in texts]
        mended = self.spelling.mended if self.spelling else str
        meant = [tuple(map(mended, (text, *_split(text, begins)))) for text, begins in zip(texts, starts, strict=True)]
        wanted = list(dict.fromkeys(itertools.chain(*meant)))
        vectors = dict(zip(wanted, encode_layers(self._encoder, wanted, self._config["layers"]), strict=True))
        for message, parts, begins in zip(readable, meant, starts, strict=True):
            message.set(MEANT, parts)
            self._add(message, [vectors[part] for part in parts], begins)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self.spelling = None
        with on_all_cores(), in_bfloat16():
            self.process(training_data.training_examples)
        return training_data

    def _add(self, message: Message, vectors: Sequence[np.ndarray], starts: Sequence[int]) -> None:
        """The vector of the whole, and of each sentence for its tokens."""
        rows = np.stack(vectors)
        places = 1 + _places(message.get(TOKENS_NAMES[TEXT]), starts)
        for kind, features in ((FEATURE_TYPE_SENTENCE, rows[:1]), (FEATURE_TYPE_SEQUENCE, rows[places])):
            message.add_features(Features(features, kind, TEXT, self._config[FEATURIZER_CLASS_ALIAS]))


def _split(text: str, starts: Sequence[int]) -> list[str]:
    """The sentences that begin at those offsets."""
    return [text[start:end].strip() for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _places(tokens: Sequence[Token], starts: Sequence[int]) -> np.ndarray:
    """(tokens,) the sentence that each token stands in."""
    return np.searchsorted(starts, [token.start for token in tokens], side="right") - 1
