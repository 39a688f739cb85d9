"""Rasa component: how somebody feels, beside whatever else a message says. chatrec/feelings.py says what it changes."""

from __future__ import annotations

from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    METADATA,
    METADATA_INTENT,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from chatrec.feelings import NONE, Listener

FEELING = "feeling"  # the entity, and the key beside an example


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class FeelingReader(GraphComponent, EntityExtractorMixin):
    """Adds an entity with the feeling that the message, or one of its sentences, tells of. Learns from the examples of
    all intents: ``metadata: {feeling: …}`` beside one names its feeling, and the others have none.

    Configuration:
        threshold: how likely a feeling must be; lower hears more, and more that isn't there.
    """

    @classmethod
    def required_components(cls) -> list[type]:
        return [DenseFeaturizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"threshold": 0.3}

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self.config, self._storage, self._resource = config, storage, resource
        self._listener: Listener | None = None

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> FeelingReader:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> FeelingReader:
        made = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            made._listener = Listener.load(folder)
        return made

    def train(self, training_data: TrainingData) -> Resource:
        """Learn, and write what was learnt to the model.

        Raises:
            BadInput: examples of fewer than two feelings, or of nothing else.
        """
        examples = [m for m in training_data.intent_examples if m.get_dense_features(TEXT)[1] is not None]
        vectors = np.concatenate([m.get_dense_features(TEXT)[1].features for m in examples])
        self._listener = Listener.fit([_told(m) for m in examples], vectors)
        with self._storage.write_to(self._resource) as folder:
            self._listener.save(folder)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            tokens, whole = message.get_dense_features(TEXT)
            if whole is None or self._listener is None:
                continue
            sentences = np.unique(tokens.features, axis=0)
            feeling, chance = self._listener.hear(np.concatenate([whole.features, sentences]))
            if chance > self.config["threshold"]:
                entity = {
                    ENTITY_ATTRIBUTE_TYPE: FEELING,
                    ENTITY_ATTRIBUTE_VALUE: feeling,
                    ENTITY_ATTRIBUTE_START: 0,
                    ENTITY_ATTRIBUTE_END: len(message.get(TEXT)),
                }
                found = [*message.get(ENTITIES, []), *self.add_extractor_name([entity])]
                message.set(ENTITIES, found, add_to_output=True)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        return training_data


def _told(example: Message) -> str:
    return ((example.get(METADATA) or {}).get(METADATA_INTENT) or {}).get(FEELING, NONE)
