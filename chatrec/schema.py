"""What a catalogue's columns mean: ``schema.toml``, read and checked.

docs/catalogs.md describes the format. Every error is a ``BadInput`` that names the file and the key.
"""

from __future__ import annotations

import difflib
import math
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from chatrec.tomlfile import Table, read_toml
from chatrec.types import Constraint

SlotType = Literal["tags", "people", "number", "text"]
Bounds = tuple[float | None, float | None]

ROLES = ("id", "title", "text", "year", "popularity", "reception")
KEYS = (
    "name",
    "noun",
    "plural",
    "about",
    "start",
    "places",
    "topic",
    "examples",
    "describe",
    "columns",
    "slots",
    "moods",
    "feelings",
    "relations",
    "known",
    "idioms",
    "from",
)
GENTLE = 1.0  # what a feeling adds to the score of an item that meets all it leans towards
NUMERIC_ROLES = ("year", "popularity", "reception")


@dataclass(frozen=True)
class Slot:
    """One thing people wish about, over one or more columns of items.csv.

    ``synonyms``: value as in items.csv -> what people say; a word listed under several values means any of them.
    ``lacking``: the same for values that people ask for and no item has; they stand in ``synonyms`` as well.
    ``combinations``: a word -> values that must all hold ("romcom"). ``words``: for numbers, a word -> inclusive
    (min, max) in ``unit``. ``ages``: a value -> how old somebody is whom it is for, (min, max). ``units``: words for
    units -> how many of ``unit`` one is ("hours" -> 60); a bare number is in the first that fits. ``more`` and
    ``less``: relative critiques that raise or lower a number by ``step``; ``most`` and ``least``: the one of several
    with the highest or lowest ("shortest"). ``min`` and ``max``: what a cell may hold. ``ask``: may be asked for.
    ``softness``: the highest is given up first when nothing fits. ``reason``: a clause with ``{value}``. ``inquiry``:
    words of a question about it. ``printed``: its values stand on the thing itself, as a brand does on a pack.
    ``small``: its values are no names, and are said in small letters. ``adjective``: its values may stand before the
    noun ("a horror film"); only asked of the first slot with tags. ``within``: of the slot that says what a thing is,
    the one that tells sorts of things apart. ``stays``: a wish outlives that another sort is asked for (a budget).
    """

    name: str
    type: SlotType
    columns: tuple[str, ...]
    label: str
    unit: str = ""
    units: Mapping[str, float] = field(default_factory=dict)
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lacking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    combinations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: Mapping[str, Bounds] = field(default_factory=dict)
    ages: Mapping[str, Bounds] = field(default_factory=dict)
    more: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    most: tuple[str, ...] = ()
    least: tuple[str, ...] = ()
    step: float = 0.0
    min: float = -math.inf
    max: float = math.inf
    ask: bool = False
    softness: int = 0
    reason: str = ""
    inquiry: tuple[str, ...] = ()
    printed: bool = False
    small: bool = False
    adjective: bool = True
    within: str = ""
    stays: bool = False


@dataclass(frozen=True)
class Mood:
    """What people feel like, and the values it favours and avoids (slot -> values). Moods remove nothing."""

    name: str
    words: tuple[str, ...]
    prefer: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    avoid: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Feeling:
    """What is done for somebody who feels like that: ``leaning``, soft wishes that together add at most ``weight`` to
    an item's score, and ``says``, what that makes of the list, by slot ("shorter"). Without a leaning only the tone
    changes."""

    name: str
    says: Mapping[str, str] = field(default_factory=dict)
    leaning: tuple[Constraint, ...] = ()
    weight: float = 0.0


@dataclass(frozen=True)
class Relation:
    """How an item leads to others ("what goes with it?"): to those whose ``slot`` has a value that stands in the item's
    ``column``, leaning towards the item's own values of the slots in ``prefer``. ``words``: how people ask.
    ``of_list``: asked while no item is in hand, it is about all that are listed."""

    name: str
    words: tuple[str, ...]
    column: str
    slot: str
    prefer: tuple[str, ...] = ()
    noun: str = ""
    of_list: bool = False


@dataclass(frozen=True)
class Carry:
    """What a conversation takes along from another catalogue: the values of ``slot`` of the item in hand there become
    wishes about ``to`` here. ``values``: value there -> values here; the same value when empty."""

    catalog: str
    slot: str
    to: str
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Schema:
    """A catalogue's meaning.

    ``columns``: role (see ``ROLES``) -> column. ``labels``: column -> words said before its values. ``describe``: the
    columns that make up an item's one-line description, in that order. ``topic``: words that tell by themselves that a
    message is about this catalogue; ``examples``: messages that open a conversation about it. ``start``: conversations
    begin here. ``places``: its titles are those of places ("flying to prague"). ``about``: what the bot says that it
    knows ("things to buy"); the plural when the file does not say.
    ``known``: names that people use and no row has, as of famous films that the catalogue lacks. ``idioms``: phrases
    whose words mean nothing here ("you're a star").
    """

    name: str
    noun: str
    plural: str
    columns: Mapping[str, str]
    slots: Mapping[str, Slot]
    moods: Mapping[str, Mood] = field(default_factory=dict)
    feelings: Mapping[str, Feeling] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    describe: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    relations: Mapping[str, Relation] = field(default_factory=dict)
    carries: tuple[Carry, ...] = ()
    known: tuple[str, ...] = ()
    idioms: tuple[str, ...] = ()
    start: bool = False
    places: bool = False
    about: str = ""

    @property
    def thing(self) -> str | None:
        """The slot that says what an item is, not what it is like: "shoes", but not "horror". None without one."""
        return next((slot.name for slot in self.slots.values() if not slot.adjective), None)

    def kinds(self) -> dict[str, SlotType]:
        """Column -> how its cells are read; only columns that a role or a slot names, id and title excepted."""
        roles = {self.columns[role]: "number" for role in NUMERIC_ROLES if role in self.columns}
        return roles | {column: slot.type for slot in self.slots.values() for column in slot.columns}


def load_schema(path: Path) -> Schema:
    """Read and check a ``schema.toml``.

    Raises:
        BadInput: not there, not TOML, or a key that is missing, unknown or of the wrong type.
    """
    top = read_toml(path)
    top.known(*KEYS)
    roles = top.table("columns")
    roles.known(*ROLES, "labels")
    slots = {name: _slot(name, table) for name, table in top.table("slots").tables().items()}
    for slot in (slot for slot in slots.values() if slot.within):
        _slot_named(top, f"slots.{slot.name}.within", slot.within, slots)
    schema = Schema(
        name=top.text("name"),
        noun=top.text("noun"),
        plural=top.text("plural"),
        columns={role: roles.text(role) for role in ROLES if role in roles.data or role in ("id", "title")},
        slots=slots,
        moods={name: _mood(name, table, slots) for name, table in top.table("moods").tables().items()},
        feelings={n: _feeling(n, table, slots) for n, table in top.table("feelings").tables().items()},
        labels={column: roles.table("labels").text(column) for column in roles.table("labels").data},
        describe=top.texts("describe", _described(slots)),
        topic=top.texts("topic"),
        examples=top.texts("examples"),
        relations={name: _relation(name, table, slots) for name, table in top.table("relations").tables().items()},
        carries=tuple(_carry(table, slots) for table in top.rows("from")),
        known=top.texts("known"),
        idioms=top.texts("idioms"),
        start=top.flag("start"),
        places=top.flag("places"),
        about=top.text("about", top.text("plural")),
    )
    _check_columns(top, schema)
    return schema


def _slot(name: str, table: Table) -> Slot:
    table.known(*(key for key in Slot.__dataclass_fields__ if key != "name"))
    kind = table.text("type")
    if kind not in get_args(SlotType):
        raise table.bad("type", f"must be one of {', '.join(get_args(SlotType))}")
    columns = table.texts("columns", None)
    if not columns or (kind == "number" and len(columns) > 1):
        raise table.bad("columns", "must name one column for a number, at least one for the other types")
    units, words, lacking = table.table("units"), table.table("words"), table.table("lacking").lists()
    return Slot(
        name=name,
        type=kind,
        columns=columns,
        label=table.text("label", name),
        unit=table.text("unit", ""),
        units={word: units.number(word) for word in units.data},
        synonyms={**table.table("synonyms").lists(), **lacking},
        lacking=lacking,
        combinations=table.table("combinations").lists(),
        words={word: _bounds(bounds) for word, bounds in words.tables().items()},
        ages={value: _bounds(bounds) for value, bounds in table.table("ages").tables().items()},
        more=table.texts("more"),
        less=table.texts("less"),
        most=table.texts("most"),
        least=table.texts("least"),
        step=table.number("step", 0.0),
        min=table.number("min", -math.inf),
        max=table.number("max", math.inf),
        ask=table.flag("ask"),
        softness=int(table.number("softness", 0)),
        reason=_reason(table),
        inquiry=table.texts("inquiry"),
        printed=table.flag("printed"),
        small=table.flag("small"),
        adjective=table.flag("adjective", True),
        within=table.text("within", ""),
        stays=table.flag("stays"),
    )


def _bounds(table: Table) -> Bounds:
    table.known("min", "max")
    if not table.data:
        raise table.bad("", "is empty: write { min = 1 }, { max = 2 } or both")
    low, high = (table.number(key) if key in table.data else None for key in ("min", "max"))
    return low, high


def _reason(table: Table) -> str:
    reason = table.text("reason", "")
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(reason) if name is not None]
    except ValueError:
        fields = []
    if reason and fields != ["value"]:
        raise table.bad("reason", "must hold {value} once and no other braces")
    return reason


def _mood(name: str, table: Table, slots: Mapping[str, Slot]) -> Mood:
    table.known("words", "prefer", "avoid")
    prefer, avoid = table.table("prefer"), table.table("avoid")
    for side in (prefer, avoid):
        side.known(*slots)
    return Mood(
        name=name,
        words=table.texts("words", None),
        prefer=prefer.lists(),
        avoid=avoid.lists(),
    )


def _feeling(name: str, table: Table, slots: Mapping[str, Slot]) -> Feeling:
    table.known("says", "prefer", "avoid", "weight")
    leaning: list[Constraint] = []
    for side, op in (("prefer", "is"), ("avoid", "not")):
        chosen = table.table(side)
        chosen.known(*slots)
        for slot, values in chosen.lists().items():
            if slots[slot].type != "number":
                leaning.append(Constraint(slot, op, values, soft=True))
            elif op == "not" or len(values) != 1 or values[0] not in slots[slot].words:
                raise chosen.bad(slot, f"must be under prefer, with one word of [slots.{slot}.words]")
            else:
                bounds = zip(("min", "max"), slots[slot].words[values[0]], strict=True)
                leaning += [Constraint(slot, end, (bound,), soft=True) for end, bound in bounds if bound is not None]
    said = table.table("says")
    said.known(*slots)
    says = {slot: said.text(slot) for slot in dict.fromkeys(c.slot for c in leaning)}
    return Feeling(name, says, tuple(leaning), table.number("weight", GENTLE) if leaning else 0.0)


def _relation(name: str, table: Table, slots: Mapping[str, Slot]) -> Relation:
    table.known(*(key for key in Relation.__dataclass_fields__ if key != "name"))
    column, prefer = table.text("column"), table.texts("prefer")
    if column not in {c for slot in slots.values() if slot.type in ("tags", "people") for c in slot.columns}:
        raise table.bad("column", "must be a column of a slot of type tags or people")
    target = _slot_named(table, "slot", table.text("slot"), slots)
    leans = tuple(_slot_named(table, "prefer", other, slots) for other in prefer)
    words, noun = table.texts("words", None), table.text("noun", "")
    return Relation(name, words, column, target, leans, noun, table.flag("of_list"))


def _carry(table: Table, slots: Mapping[str, Slot]) -> Carry:
    table.known("catalog", "slot", "to", "values")
    to = _slot_named(table, "to", table.text("to"), slots)
    return Carry(table.text("catalog"), table.text("slot"), to, table.table("values").lists())


def _slot_named(table: Table, key: str, name: str, slots: Mapping[str, Slot]) -> str:
    if name not in slots:
        near = difflib.get_close_matches(name, slots, 1) or list(slots)
        raise table.bad(key, f"names {name!r}, which is no slot; did you mean {near[0]!r}?")
    return name


def _described(slots: Mapping[str, Slot]) -> tuple[str, ...]:
    return tuple(c for slot in slots.values() if slot.type in ("tags", "people") for c in slot.columns)


def _check_columns(top: Table, schema: Schema) -> None:
    kinds = schema.kinds()
    if schema.columns["id"] == schema.columns["title"]:
        raise top.bad("columns.title", "must be another column than the id")
    for slot in schema.slots.values():
        for column in slot.columns:
            if kinds[column] != slot.type or column in (schema.columns["id"], schema.columns["title"]):
                raise top.bad(
                    f"slots.{slot.name}.columns", f"reads {column!r} in another way than the rest of the file"
                )
    for key, columns in (("describe", schema.describe), ("columns.labels", tuple(schema.labels))):
        for column in columns:
            if column not in kinds:
                near = difflib.get_close_matches(column, kinds, 1) or list(kinds)
                raise top.bad(key, f"names {column!r}, which no slot has; did you mean {near[0]!r}?")
