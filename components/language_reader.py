"""Rasa component: a message in another language, read as English. Stands first in the pipeline; nothing is trained."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    EXTRACTOR,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message

from chatrec.languages import Language, load_languages
from chatrec.settings import Settings

LONGEST = 1_000  # characters of a message that are read


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class LanguageReader(GraphComponent):
    """Sets the text to its English reading, so that all behind it works as ever, and adds the entity ``spoken``: the
    language's code and both wordings. A message in no language of ``data/languages`` is left as it is."""

    def __init__(self, languages: tuple[Language, ...]) -> None:
        self._languages = languages

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LanguageReader:
        return cls(load_languages(Settings.read().languages))

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = (message.get(TEXT) or "")[:LONGEST]
            spoken = next((language for language in self._languages if language.speaks(text)), None)
            if spoken:
                entity = _entity(spoken.code, spoken.in_english(text), text)
                message.set(TEXT, entity["english"], add_to_output=True)
                message.set(ENTITIES, [*message.get(ENTITIES, []), entity], add_to_output=True)
        return messages


def _entity(code: str, english: str, original: str) -> dict[str, Any]:
    return {
        ENTITY_ATTRIBUTE_TYPE: "spoken",
        ENTITY_ATTRIBUTE_VALUE: code,
        ENTITY_ATTRIBUTE_START: 0,
        ENTITY_ATTRIBUTE_END: len(english),
        EXTRACTOR: LanguageReader.__name__,
        "english": english,
        "original": original,
    }
