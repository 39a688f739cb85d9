"""What the store hands back, besides the values of ``types``. All frozen."""

from __future__ import annotations

from dataclasses import dataclass

from chatrec.types import Constraint, Query


@dataclass(frozen=True)
class Impression:
    """One list that was shown: ``item_ids`` best first; ``scores`` and ``propensities`` in the same order."""

    impression_id: str
    user: str
    catalog: str
    item_ids: tuple[str, ...]
    scores: tuple[float, ...]
    propensities: tuple[float, ...]
    model: str
    at: float


@dataclass(frozen=True)
class Preference:
    """One lasting wish of a user. ``constraint.text`` is how they worded it, ``said`` the sentence it came from."""

    preference_id: int
    catalog: str
    constraint: Constraint
    at: float
    said: str = ""


@dataclass(frozen=True)
class Consent:
    """The latest word of a user on one purpose."""

    purpose: str
    granted: bool
    at: float


@dataclass(frozen=True)
class FollowUp:
    """Something to ask a user about at a time. ``conversation`` and ``person`` are the channel's own ids, as they are:
    without them nobody could be written to."""

    channel: str
    conversation: str
    person: str
    catalog: str
    item_id: str
    at: float


@dataclass(frozen=True)
class Health:
    """A store that answers: ``database`` is ``sqlite`` or ``postgresql``, ``revision`` that of the schema."""

    database: str
    revision: str


@dataclass(frozen=True)
class Shown:
    """A list with what came of it: ``query`` is what it answered, ``turned_down`` the items of it that its user
    disliked or rejected, ``said`` what they typed until the next list."""

    impression_id: str
    user: str
    catalog: str
    at: float
    query: Query
    item_ids: tuple[str, ...]
    turned_down: frozenset[str]
    said: tuple[str, ...]
