"""Rasa component: how somebody feels, beside whatever else a message says. chatrec/feelings.py says what it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
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
from components.trained import Trained, vectors

FEELING = "feeling"  # the entity, and the key beside an example


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class FeelingReader(Trained, EntityExtractorMixin):
    """Adds an entity with the feeling that the message, or one of its sentences, tells of. Learns from the examples of
    all intents: ``metadata: {feeling: …}`` beside one names its feeling, and the others have none.

    Configuration:
        threshold: how likely a feeling must be; lower hears more, and more that isn't there.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"threshold": 0.2}

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        super().__init__(config, model_storage, resource)
        self._listener: Listener | None = None

    def recall(self, folder: Path) -> None:
        self._listener = Listener.load(folder)

    def train(self, training_data: TrainingData) -> Resource:
        """Learn, and write what was learnt to the model.

        Raises:
            BadInput: examples of fewer than two feelings, or of nothing else.
        """
        read = [(_told(message), vectors(message)[1]) for message in training_data.intent_examples]
        told, rows = zip(*((feeling, row) for feeling, row in read if len(row)), strict=True)
        self._listener = Listener.fit(told, np.concatenate(rows))
        with self._storage.write_to(self._resource) as folder:
            self._listener.save(folder)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            sentences, whole = vectors(message)
            if not len(whole) or self._listener is None:
                continue
            feeling, chance = self._listener.hear(np.concatenate([whole, sentences]))
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


def _told(example: Message) -> str:
    return ((example.get(METADATA) or {}).get(METADATA_INTENT) or {}).get(FEELING, NONE)
