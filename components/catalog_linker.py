"""Rasa entity extractor: what of the catalogues a message speaks of. Nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import ENTITY_ATTRIBUTE_CONFIDENCE_TYPE
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_ROLE,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    EXTRACTOR,
    INTENT_NAME_KEY,
    INTENT_RANKING_KEY,
    PREDICTED_CONFIDENCE_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message

from chatrec.catalog import catalog_folders, load_catalog
from chatrec.linker import Linker
from chatrec.policy import SLOT as POLICY
from chatrec.settings import Settings
from chatrec.types import Mention

LONGEST = 1_000  # characters of a message that are read


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class CatalogLinker(GraphComponent):
    """Adds an entity for every mention of a catalogue, with the mention itself under ``mention``.

    Config: ``catalogs``, names of folders under ``data/catalogs``; all of them when empty. ``idle``: intents of
    messages that speak of no catalogue ("my wife thanks you"), of which only rules of a policy are heard ("I'm
    pregnant") when the intent is at least ``sure``. The catalogues are read with the model, so that the first message
    does not keep all others waiting, and once per process, since Rasa creates
    components anew to train and to load.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"catalogs": [], "idle": [], "sure": 0.8}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> CatalogLinker:
        return cls(config)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> CatalogLinker:
        """For a process that answers."""
        component = cls.create(config, model_storage, resource, execution_context)
        linkers(config["catalogs"])
        return component

    def process(self, messages: list[Message]) -> list[Message]:
        """Append entities to the messages; what other extractors found stays."""
        known = linkers(self._config["catalogs"])
        for message in messages:
            text = (message.get(TEXT) or "")[:LONGEST]
            mentions = [mention for linker in known for mention in linker.link(text)]
            if self._is_idle(message):
                mentions = [mention for mention in mentions if mention.entity == POLICY]
            found = [_entity(mention) for mention in mentions]
            message.set(ENTITIES, [*message.get(ENTITIES, []), *found], add_to_output=True)
        return messages

    def _is_idle(self, message: Message) -> bool:
        intent = next(iter(message.get(INTENT_RANKING_KEY) or ()), {})
        sure = intent.get(PREDICTED_CONFIDENCE_KEY, 0.0) >= self._config["sure"]
        return sure and intent.get(INTENT_NAME_KEY) in self._config["idle"]


def linkers(names: Sequence[str] = ()) -> list[Linker]:
    """Those of the catalogues of these names, of all when empty; each is built once per process."""
    folder = Settings.read().catalogs
    return [_linker(own) for own in ([folder / name for name in names] or catalog_folders(folder))]


@cache
def _linker(folder: Path) -> Linker:
    return Linker(load_catalog(folder))


def _entity(mention: Mention) -> dict[str, Any]:
    entity = {
        ENTITY_ATTRIBUTE_TYPE: mention.entity,
        ENTITY_ATTRIBUTE_START: mention.start,
        ENTITY_ATTRIBUTE_END: mention.end,
        ENTITY_ATTRIBUTE_VALUE: mention.value,
        ENTITY_ATTRIBUTE_CONFIDENCE_TYPE: mention.confidence,
        EXTRACTOR: CatalogLinker.__name__,
        "mention": mention.to_json(),
    }
    return entity | ({ENTITY_ATTRIBUTE_ROLE: "exclude"} if mention.negated else {})
