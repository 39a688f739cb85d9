"""Rasa importer: what the dialogue model learns from the catalogues' schemas, beside the files under data/.

A new folder under data/catalogs brings its entities and a few examples of its own: `rasa train` is all it takes.
The responses that actions speak are put into a story that no message leads to: `rasa data validate` then complains of
those that really are unused.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from rasa.shared.core.domain import Domain
from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader
from rasa.shared.core.training_data.structures import StoryGraph
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.importers.utils import training_data_from_paths
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from chatrec.catalog import SCHEMA, catalog_folders, load_schema
from chatrec.schema import Schema
from chatrec.settings import Settings
from components.speech import Speech, read_speech


class Example(Message):
    """A message that is copied in a moment and knows its fingerprint: Rasa copies and cleans all of them a dozen times
    before it trains."""

    def __deepcopy__(self, memo: dict) -> Example:
        twin = copy.copy(self)
        nested = {key: value for key, value in self.data.items() if not isinstance(value, str)}
        twin.data = {**self.data, **copy.deepcopy(nested, memo)}
        twin.features = list(self.features)
        twin.output_properties = set(self.output_properties)
        return twin

    def set(self, prop: str, info: Any, add_to_output: bool = False) -> None:
        """Nothing when it is so already, so that the fingerprint stays."""
        if add_to_output or not isinstance(info, str) or self.data.get(prop) != info:
            super().set(prop, info, add_to_output)


class CatalogImporter(RasaFileImporter):
    """The files, as Rasa reads them by itself, joined by what every ``schema.toml`` says."""

    def get_domain(self) -> Domain:
        """The domain with an entity for each slot of a catalogue."""
        domain = super().get_domain()
        missing = {name for schema in _schemas() for name in (*schema.slots, "relation")} - set(domain.entities)
        return domain.merge(Domain.from_dict({"entities": sorted(missing)})) if missing else domain

    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        """The examples, and those that the schemas give. Rasa asks for them four times, to validate and to train."""
        files = [*map(Path, self._nlu_files), *_schema_files()]
        return _nlu_data(tuple(self._nlu_files), language, tuple(path.stat().st_mtime_ns for path in files))

    def get_stories(self, exclusion_percentage: int | None = None) -> StoryGraph:
        """The stories, and the one of the actions."""
        written, domain = super().get_stories(exclusion_percentage), self.get_domain()
        said = speech(domain)
        spoken = [{"action": name} for name in domain.responses if said.values(name) is not None]
        story = {"version": "3.1", "stories": [{"story": "spoken by the actions", "steps": spoken}]}
        return written.merge(StoryGraph(YAMLStoryReader(domain).read_from_parsed_yaml(story)) if spoken else None)


def speech(domain: Domain) -> Speech:
    """What the actions say, in the catalogues and languages that there are."""
    settings, schemas = Settings.read(), _schemas()
    return read_speech(
        [schema.name for schema in schemas],
        [path.stem for path in sorted(settings.languages.glob("*.toml"))],
        slot={slot for schema in schemas for slot in schema.slots},
        intent=domain.intents,
    )


@lru_cache(maxsize=1)
def _nlu_data(paths: Sequence[str], language: str | None, changed: Sequence[int]) -> TrainingData:
    """What is in the files and the schemas, which were last ``changed`` at those times. Not to be changed."""
    written = training_data_from_paths(paths, language)
    if not written.training_examples:
        return written
    known = {message.get(TEXT, "").lower() for message in written.training_examples}
    made = {text.lower(): intent for schema in _schemas() for intent, text in _examples(schema)}
    fresh = [Message.build(text, intent=intent) for text, intent in made.items() if text not in known]
    return TrainingData(
        [Example(message.data, features=message.features) for message in (*written.training_examples, *fresh)],
        written.entity_synonyms,
        written.regex_features,
        written.lookup_tables,
        written.responses,
    )


def _schemas() -> list[Schema]:
    return [load_schema(path) for path in _schema_files()]


def _schema_files() -> list[Path]:
    return [folder / SCHEMA for folder in catalog_folders(Settings.read().catalogs)]


def _examples(schema: Schema) -> Iterator[tuple[str, str]]:
    """(intent, text): openings, comparisons in a number, and questions for what goes with an item."""
    for text in schema.examples:
        yield "ask_recommendation", text
    for slot in schema.slots.values():
        for word in (*slot.more, *slot.less):
            yield "critique_feature", f"something {word}" if " " not in word else word
    for relation in schema.relations.values():
        for word in relation.words:
            yield "inquire", word
