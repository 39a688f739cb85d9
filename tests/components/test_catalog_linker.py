"""The linker inside Rasa's pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.training_data.message import Message

from chatrec.types import Mention
from components.catalog_linker import LONGEST, CatalogLinker, _linker


def create(folder: Path, how: str = "create", **config: object) -> CatalogLinker:
    """As Rasa does it to train, and with ``load`` to answer."""
    return getattr(CatalogLinker, how)(
        {**CatalogLinker.get_default_config(), **config},
        LocalModelStorage(folder),
        Resource("linker"),
        ExecutionContext(GraphSchema({})),
    )


@pytest.fixture(scope="module")
def component(tmp_path_factory) -> CatalogLinker:
    return create(tmp_path_factory.mktemp("storage"), catalogs=["movies"])


def entities(component: CatalogLinker, text: str, **data: object) -> list[dict]:
    (message,) = component.process([Message({"text": text, **data})])
    return message.get("entities")


def test_rasa_knows_it_as_an_extractor_that_is_not_trained():
    registered = DefaultV1Recipe._from_registry("CatalogLinker")
    assert registered.types == {DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR}
    assert not registered.is_trainable


def test_the_catalogues_are_read_before_the_first_message(tmp_path):
    _linker.cache_clear()
    component = create(tmp_path, "load")
    read = _linker.cache_info().misses
    assert read > 0
    entities(component, "something like Alien")
    assert _linker.cache_info().misses == read


def test_an_entity_carries_the_whole_mention(component):
    (entity,) = entities(component, "no horror please")
    assert {k: entity[k] for k in ("entity", "start", "end", "value", "role", "extractor")} == {
        "entity": "genre",
        "start": 3,
        "end": 9,
        "value": "Horror",
        "role": "exclude",
        "extractor": "CatalogLinker",
    }
    mention = Mention.from_json(entity["mention"])
    assert (mention.catalog, mention.constraints[0].op, mention.constraints[0].values) == ("movies", "not", ("Horror",))


def test_what_is_wanted_has_no_role(component):
    assert "role" not in entities(component, "a comedy")[0]


def test_entities_are_plain_json(component):
    found = entities(component, "something newer like Alien with Tom Hanks, under two hours, not the first two")
    assert len(found) == 6
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(("intent", "chance", "heard"), [("thank", 0.9, 0), ("thank", 0.6, 1), ("answer", 0.9, 1)])
def test_thanks_name_nothing_if_they_are_sure_to_be_thanks(tmp_path, intent, chance, heard):
    component = create(tmp_path, catalogs=["movies"], idle=["thank"])
    text = "my grandmother thanks you for the western"
    assert len(entities(component, text, intent_ranking=[{"name": intent, "confidence": chance}])) == heard


def test_a_rule_is_heard_in_thanks_as_well(tmp_path):
    component = create(tmp_path, catalogs=["movies"], idle=["thank"])
    found = entities(component, "thanks, it is for my kids", intent_ranking=[{"name": "thank", "confidence": 0.95}])
    assert [entity["entity"] for entity in found] == ["policy"]


def test_what_other_extractors_found_stays(component):
    other = {"entity": "feedback", "start": 0, "end": 4, "value": "like", "extractor": "RegexMessageHandler"}
    assert entities(component, "more comedies", entities=[other])[0] == other


def test_only_the_first_thousand_characters_are_read(component):
    filler = "so " * LONGEST
    assert entities(component, f"{filler[: LONGEST - 3]}horror") == []
    assert [e["entity"] for e in entities(component, f"{filler[: LONGEST - 10]} horror")] == ["genre"]


def test_a_message_without_text_is_left_alone(component):
    (message,) = component.process([Message({"intent": "greet"})])
    assert message.get("entities") == []


def test_only_the_catalogues_of_the_config_are_linked(tmp_path):
    found = entities(create(tmp_path, catalogs=["movies"]), "a comedy")
    assert {e["mention"]["catalog"] for e in found} == {"movies"}


def test_creating_it_again_reads_nothing_again(tmp_path):
    """Rasa does so to train and to load; the catalogues are read once per process."""
    create(tmp_path, "load")
    read = _linker.cache_info().misses
    create(tmp_path, "load")
    assert _linker.cache_info().misses == read
