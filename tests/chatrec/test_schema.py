"""schema.toml: what is understood, and that each mistake is named with its file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatrec.errors import BadInput
from chatrec.schema import load_schema

TOYS = """
name = "toys"
noun = "toy"
plural = "toys"
[columns]
id = "sku"
title = "name"
[slots.kind]
type = "tags"
columns = ["kinds"]
reason = "it is filed under {value}"
[slots.kind.synonyms]
"Ball" = ["balls"]
[slots.price]
type = "number"
columns = ["price"]
unit = "euros"
units = { cents = 0.01 }
step = 5
[slots.price.words]
"cheap" = { max = 10 }
[moods.playful]
words = ["playful"]
prefer = { kind = ["Ball"] }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "schema.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_written_is_what_is_read(tmp_path):
    schema = load_schema(write(tmp_path, TOYS))
    assert (schema.name, schema.noun, schema.columns) == ("toys", "toy", {"id": "sku", "title": "name"})
    price = schema.slots["price"]
    assert (price.words["cheap"], price.units["cents"], price.step) == ((None, 10.0), 0.01, 5.0)
    assert schema.slots["kind"].synonyms == {"Ball": ("balls",)}
    assert schema.moods["playful"].prefer == {"kind": ("Ball",)}


def test_a_slot_without_a_label_is_called_by_its_name(tmp_path):
    assert load_schema(write(tmp_path, TOYS)).slots["price"].label == "price"


def test_tags_and_people_describe_an_item_when_the_file_does_not_say(tmp_path):
    assert load_schema(write(tmp_path, TOYS)).describe == ("kinds",)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('noun = "toy"', "", "noun is missing"),
        ('noun = "toy"', 'nuon = "toy"', "nuon is not a key of this file; did you mean 'noun'?"),
        ('type = "tags"', 'type = "tag"', "slots.kind.type must be one of tags, people, number, text"),
        (
            'type = "tags"',
            'type = "tags"\nsynonims = {}',
            "slots.kind.synonims is not a key of this file; did you mean",
        ),
        (
            'type = "tags"',
            'type = "tags"\nwithin = "pric"',
            "slots.kind.within names 'pric', which is no slot; did you",
        ),
        ('columns = ["kinds"]', 'columns = "kinds"', "slots.kind.columns is missing or not a list of texts"),
        ('columns = ["price"]', 'columns = ["price", "tax"]', "slots.price.columns must name one column"),
        ("{ max = 10 }", "{ maximum = 10 }", "slots.price.words.cheap.maximum is not a key"),
        ("{ max = 10 }", "{}", "slots.price.words.cheap"),
        ("{ max = 10 }", '{ max = "ten" }', "slots.price.words.cheap.max is missing or not a number"),
        ("step = 5", "step = true", "slots.price.step is missing or not a number"),
        ("step = 5", 'ask = "yes"', "slots.price.ask must be true or false"),
        ("under {value}", "under {values}", "slots.kind.reason must hold {value} once"),
        ("under {value}", "under {", "slots.kind.reason must hold {value} once"),
        (
            "prefer = { kind",
            "prefer = { kid",
            "moods.playful.prefer.kid is not a key of this file; did you mean 'kind'?",
        ),
        ('words = ["playful"]', "", "moods.playful.words is missing"),
        ('title = "name"', "", "columns.title is missing"),
        ('title = "name"', 'title = "sku"', "columns.title must be another column than the id"),
        ('columns = ["price"]', 'columns = ["kinds"]', "reads 'kinds' in another way"),
        ('plural = "toys"', 'plural = "toys"\ndescribe = ["kind"]', "describe names 'kind', which no slot has"),
        ('id = "sku"', 'id = "sku', ":6: not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(tmp_path, old, new, what):
    assert old in TOYS
    path = write(tmp_path, TOYS.replace(old, new, 1))
    with pytest.raises(BadInput) as caught:
        load_schema(path)
    assert str(caught.value).startswith(str(path)), "the file comes first"
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_where_the_format_is_described(tmp_path):
    with pytest.raises(BadInput, match=r"no such file; docs/catalogs\.md"):
        load_schema(tmp_path / "schema.toml")


TALK = TOYS.replace(
    'plural = "toys"', 'plural = "toys"\nstart = true\ntopic = ["play"]\nexamples = ["a toy for my nephew"]'
) + (
    """
[slots.fits]
type = "tags"
columns = ["goes_with"]
[relations.accessory]
words = ["what goes with it"]
column = "goes_with"
slot = "kind"
prefer = ["price"]
noun = "things that go with it"
[[from]]
catalog = "movies"
slot = "genre"
to = "kind"
[from.values]
"Sport" = ["Ball"]
"""
)


def test_what_a_conversation_needs_is_read(tmp_path):
    schema = load_schema(write(tmp_path, TALK))
    assert (schema.start, schema.topic, schema.examples) == (True, ("play",), ("a toy for my nephew",))
    relation = schema.relations["accessory"]
    assert (relation.column, relation.slot, relation.prefer) == ("goes_with", "kind", ("price",))
    assert [(c.catalog, c.slot, c.to, c.values) for c in schema.carries] == [
        ("movies", "genre", "kind", {"Sport": ("Ball",)})
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ('slot = "kind"\nprefer', 'slot = "kid"\nprefer', "relations.accessory.slot names 'kid'.*did you mean 'kind'"),
        ('column = "goes_with"', 'column = "price"', "relations.accessory.column must be a column of"),
        ('to = "kind"', 'to = "knd"', "from.1.to names 'knd'"),
        ("[[from]]", "[from]", r"from must be a list of tables: write \[\[from\]\]"),
    ],
)  # fmt: skip
def test_a_wrong_relation_or_carry_is_named(tmp_path, right, wrong, complaint):
    with pytest.raises(BadInput, match=complaint):
        load_schema(write(tmp_path, TALK.replace(right, wrong)))


FEELINGS = """
[feelings.tired]
says = { kind = "lighter", price = "cheaper" }
prefer = { kind = ["Ball"], price = ["cheap"] }
avoid = { kind = ["Puzzle"] }
[feelings.angry]
"""


def test_a_feeling_leans_softly_and_one_without_a_leaning_changes_the_tone(tmp_path):
    tired, angry = load_schema(write(tmp_path, TOYS + FEELINGS)).feelings.values()
    assert [(c.slot, c.op, c.values, c.soft) for c in tired.leaning] == [
        ("kind", "is", ("Ball",), True),
        ("price", "max", (10.0,), True),
        ("kind", "not", ("Puzzle",), True),
    ]
    assert (angry.leaning, angry.weight) == ((), 0.0)


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ('price = ["cheap"] }', 'price = ["cheapish"] }', "feelings.tired.prefer.price must be .* one word of"),
        ('avoid = { kind = ["Puzzle"] }', 'avoid = { price = ["cheap"] }', "feelings.tired.avoid.price must be"),
        ('kind = "lighter", ', "", "feelings.tired.says.kind is missing"),
        ("says", "say", "say is not a key of this file; did you mean 'says'"),
    ],
)
def test_a_wrong_feeling_is_refused(tmp_path, right, wrong, complaint):
    with pytest.raises(BadInput, match=complaint):
        load_schema(write(tmp_path, TOYS + FEELINGS.replace(right, wrong)))
