"""The values that travel through the engine. All frozen; no behaviour beyond JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Value = str | float
Op = Literal["is", "not", "min", "max"]
Stance = Literal["mention", "like", "dislike", "seen"]
EventKind = Literal["like", "dislike", "seen", "accept", "reject", "rating"]
EvidenceKind = Literal["constraint", "anchor", "history", "others", "people", "shared", "reception", "novelty"]


@dataclass(frozen=True)
class Item:
    """One row of a catalogue. ``attributes`` holds only the columns that have a value:
    a tuple of strings for ``tags`` and ``people``, a float for ``number``, a string for ``text``."""

    item_id: str
    title: str
    attributes: Mapping[str, tuple[str, ...] | float | str]


@dataclass(frozen=True)
class Constraint:
    """One wish about a slot of the schema.

    ``is``: at least one of ``values`` (several constraints on one slot must all hold);
    ``not``: none of them; ``min`` and ``max``: inclusive bound, one number.
    A ``soft`` constraint moves the ranking and never removes an item by itself. ``sign``: the mood that it is a sign
    of, or with ``not`` spoils; where enough items are in the mood for a list, only they are listed.
    ``text`` is the user's wording, for saying it back.
    """

    slot: str
    op: Op
    values: tuple[Value, ...]
    text: str = ""
    soft: bool = False
    sign: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"values": list(self.values)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Constraint:
        return cls(**{**data, "values": tuple(data["values"])})


@dataclass(frozen=True)
class Mention:
    """Something of a catalogue that a message speaks of: ``text[start:end]``.

    ``entity`` is a slot name of the schema, or ``title``, ``period``, ``mood``, ``ordinal``, ``relation``,
    ``policy`` (``value``: the rule of the catalogue's policy that the words put in force, or when negated take back),
    ``known`` (``value``: a name that the schema has and no item).
    ``constraints`` is what the words ask for, negation already applied; empty for titles, ordinals
    and relative critiques. ``item_ids``: titles only, best match first. ``value``: the canonical value;
    for an ordinal the 1-based position, negative from the end. ``direction``: +1 for "newer", "longer",
    "more violent", -1 for "older", "shorter", "less violent", 0 when nothing is compared.
    """

    entity: str
    start: int
    end: int
    text: str
    value: Value | None = None
    constraints: tuple[Constraint, ...] = ()
    item_ids: tuple[str, ...] = ()
    negated: bool = False
    direction: int = 0
    confidence: float = 1.0
    catalog: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "constraints": [c.to_json() for c in self.constraints],
            "item_ids": list(self.item_ids),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Mention:
        return cls(
            **{
                **data,
                "constraints": tuple(Constraint.from_json(c) for c in data["constraints"]),
                "item_ids": tuple(data["item_ids"]),
            }
        )


@dataclass(frozen=True)
class Turn:
    """One utterance of the conversation."""

    speaker: Literal["user", "bot"]
    text: str


@dataclass(frozen=True)
class Event:
    """One piece of behaviour: what a user did about an item. ``at`` is in seconds since 1970, UTC.
    ``value`` is the stars (0.5 to 5) of a ``rating``. Seen is not liked."""

    item_id: str
    kind: EventKind
    at: float
    value: float | None = None
    impression_id: str | None = None


@dataclass(frozen=True)
class Query:
    """All that a recommendation depends on. ``anchors``: items to be like ("more like the second"). ``exclude``: items
    that must not come back. ``history``: oldest first. ``never``: what rules forbid, whatever is asked for.
    ``topic``: what the words ask for beyond the constraints ("space travel"), empty when they ask for no more; None
    when nobody has told, then the turns are read. ``leaning``: soft wishes that nobody voiced, made of how the user
    feels, and ``gently``, what meeting all of them adds to a score; no impression keeps them.
    """

    catalog: str
    turns: tuple[Turn, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    anchors: tuple[str, ...] = ()
    history: tuple[Event, ...] = ()
    exclude: frozenset[str] = frozenset()
    n: int = 5
    topic: str | None = None
    never: tuple[Constraint, ...] = ()
    leaning: tuple[Constraint, ...] = ()
    gently: float = 0.0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Query:
        """What an impression keeps of it."""
        return cls(
            data["catalog"],
            turns=tuple(Turn(**turn) for turn in data["turns"]),
            constraints=tuple(Constraint.from_json(c) for c in data["constraints"]),
            anchors=tuple(data["anchors"]),
            history=tuple(Event(**event) for event in data["history"]),
            exclude=frozenset(data["exclude"]),
            n=data["n"],
            topic=data.get("topic"),
            never=tuple(Constraint.from_json(c) for c in data.get("never", ())),
        )


@dataclass(frozen=True)
class Reading:
    """What the fine-tuned model reads of one query. ``items``: (index in the catalogue, stance), oldest first."""

    text: str
    items: tuple[tuple[int, Stance], ...] = ()


@dataclass(frozen=True)
class Evidence:
    """One checked fact behind a recommendation.

    ``constraint``: ``slot`` and the item's ``value`` that meets it. ``anchor`` and ``history``: ``item_ids`` is
    the item it is close to; ``effect`` how far the score falls without it (always > 0). ``others``: who liked
    ``item_ids`` liked this one too. ``people``: a name, ``shared``: a tag in common with ``item_ids``. ``reception``:
    the item's rating. ``novelty``: ``value`` says what is new. ``value`` is always a value of the item's own row, as a
    string, or its title.
    """

    kind: EvidenceKind
    value: str
    slot: str | None = None
    item_ids: tuple[str, ...] = ()
    effect: float | None = None


@dataclass(frozen=True)
class Recommendation:
    """One line of a ranked list. ``rank`` from 1; ``interest`` in [0, 1]."""

    rank: int
    item: Item
    score: float
    interest: float
    reason: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class RankedList:
    """What the engine answers: ``relaxed`` are the constraints that had to be given up to find anything, ``stretched``
    the bounds among them as far as they had to be moved."""

    catalog: str
    items: tuple[Recommendation, ...]
    relaxed: tuple[Constraint, ...] = ()
    impression_id: str = ""
    model: str = ""
    seconds: float = 0.0
    trace: Mapping[str, float] = field(default_factory=dict)
    stretched: tuple[Constraint, ...] = ()
