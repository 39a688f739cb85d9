"""Rasa component: a message that tells of an emergency, in whatever catalogue, is one before it is anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.constants import TOKENS_NAMES
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    EXTRACTOR,
    INTENT,
    INTENT_NAME_KEY,
    INTENT_RANKING_KEY,
    PREDICTED_CONFIDENCE_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from chatrec.catalog import ITEMS, SCHEMA, catalog_folders, load_catalog
from chatrec.encoder import Encoder
from chatrec.policy import EMERGENCIES, POLICY
from chatrec.safety import GENERAL, Sentence, Spotter, sentences, wished
from chatrec.settings import Settings
from components.sentence_encoder import MAX_CHARACTERS, MEANT, encode_once, sentence_starts
from components.trained import Trained, digest_of_catalogs
from components.tuned_encoder import load_tuned

EMERGENCY = "emergency"  # the intent, and the entity that tells which


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class EmergencySpotter(Trained, IntentClassifier):
    """Sets the intent ``emergency`` and an entity with the emergency's name when the message, or one of its sentences,
    is nearer to the emergencies of the policies than to what only sounds like one. When it isn't, the intent is the
    likeliest of the others.

    Configuration:
        threshold: the score from which a message counts as an emergency; lower finds more, and more false ones.
        layers: of the encoder, as the featurizer has them.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"threshold": -0.25, "layers": [3, -1]}

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        super().__init__(config, model_storage, resource)
        self._spotter: Spotter | None = None

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """With another policy or other items, what Rasa remembers of earlier trainings does not count."""
        return digest_of_catalogs(Settings.read().catalogs, POLICY, EMERGENCIES, SCHEMA, ITEMS)

    def recall(self, folder: Path) -> None:
        self._spotter = Spotter.load(folder)

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the policies' sentences, the examples of every intent, and what the catalogues hold.

        Raises:
            BadInput: a broken policy.
        """
        folders = catalog_folders(Settings.read().catalogs)
        known = sentences(folders)
        encoder = load_tuned(Settings.read())
        vectors = self._encoded(encoder, [sentence.text for sentence in known])
        told = {sentence.text.lower() for sentence in known}
        more, others = [], []
        for message in training_data.intent_examples:
            rows = message.get_dense_features(TEXT)[1]
            if rows is None or message.get(TEXT).lower() in told:
                continue
            tells = message.get(INTENT) == EMERGENCY
            (known if tells else more).append(Sentence(message.get(TEXT), GENERAL if tells else ""))
            (vectors if tells else others).append(rows.features)
        told |= {sentence.text.lower() for sentence in (*known, *more)}
        held = [s for folder in folders for s in wished(load_catalog(folder)) if s.text.lower() not in told]
        others += self._encoded(encoder, [sentence.text for sentence in held])
        self._spotter = Spotter.fit_on_hard(known, np.concatenate(vectors), [*more, *held], np.concatenate(others))
        with self._storage.write_to(self._resource) as folder:
            self._spotter.save(folder)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            self._judge(message, self._found(message))
        return messages

    def _encoded(self, encoder: Encoder, texts: list[str]) -> list[np.ndarray]:
        return [encode_once(encoder, texts, self.config["layers"], Settings.read().cache)] if texts else []

    def _found(self, message: Message) -> str:
        """The emergency that the message, or the likeliest of its sentences, tells of; empty when there is none."""
        texts, vectors = _parts(message)
        if not texts or self._spotter is None:
            return ""
        scores = self._spotter.scores(texts, vectors)
        best = int(np.argmax(scores))
        return self._spotter.names(texts, vectors)[best] if scores[best] > self.config["threshold"] else ""

    def _judge(self, message: Message, found: str) -> None:
        ranking = [dict(entry) for entry in message.get(INTENT_RANKING_KEY, [])]
        others = [entry for entry in ranking if entry[INTENT_NAME_KEY] != EMERGENCY]
        rest = {INTENT_NAME_KEY: EMERGENCY, PREDICTED_CONFIDENCE_KEY: 1.0 if found else 0.0}
        ranking = [rest, *others] if found else [*others, rest]
        message.set(INTENT, ranking[0], add_to_output=True)
        message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        if found:
            entity = {
                ENTITY_ATTRIBUTE_TYPE: EMERGENCY,
                ENTITY_ATTRIBUTE_VALUE: found,
                ENTITY_ATTRIBUTE_START: 0,
                ENTITY_ATTRIBUTE_END: len(message.get(TEXT)),
                EXTRACTOR: EmergencySpotter.__name__,
            }
            message.set(ENTITIES, [*message.get(ENTITIES, []), entity], add_to_output=True)


def _parts(message: Message) -> tuple[list[str], np.ndarray]:
    """The message and, when there are several, its sentences, without slips: texts and vectors."""
    tokens, whole = message.get_dense_features(TEXT)
    if tokens is None or whole is None:
        return [], np.zeros((0, 0))
    text, (meant, *sentences) = message.get(TEXT)[:MAX_CHARACTERS], message.get(MEANT)
    starts = sentence_starts(text)
    if len(starts) == 1:
        return [meant], whole.features
    ends = [*starts[1:], len(text) + 1]
    places = np.array([token.start for token in message.get(TOKENS_NAMES[TEXT])])
    parts, rows = [meant], [whole.features[0]]
    for part, start, end in zip(sentences, starts, ends, strict=True):
        inside = np.flatnonzero((places >= start) & (places < end))
        if len(inside):
            parts.append(part)
            rows.append(tokens.features[inside[0]])
    return parts, np.stack(rows)
