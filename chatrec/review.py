"""Which lists a person should look at: those that answered nothing that was wished, that were turned down, or that a
user objected to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chatrec.candidates import positions
from chatrec.catalog import Catalog
from chatrec.records import Shown
from chatrec.tomlfile import read_toml

TURNED_DOWN = 3  # items of one list


@dataclass(frozen=True)
class Flagged:
    """A list, and why it is in the queue: ``relaxed``, ``turned down`` or ``objection``."""

    shown: Shown
    reasons: tuple[str, ...]


def flagged(shown: Iterable[Shown], catalogs: Mapping[str, Catalog], complaints: Sequence[str]) -> Iterator[Flagged]:
    """Those of the lists that need a look, in their order. Lists of a catalogue that is gone are left out."""
    objection = re.compile(rf"\b(?:{'|'.join(map(re.escape, complaints))})\b", re.IGNORECASE)
    for one in shown:
        if one.catalog not in catalogs:
            continue
        found = {
            "relaxed": _all_relaxed(one, catalogs[one.catalog]),
            "turned down": len(one.turned_down) >= TURNED_DOWN,
            "objection": any(objection.search(text.replace("’", "'")) for text in one.said),
        }
        if any(found.values()):
            yield Flagged(one, tuple(reason for reason, holds in found.items() if holds))


def _all_relaxed(shown: Shown, catalog: Catalog) -> bool:
    """Whether the list keeps none of the wishes that had to hold: each is broken by one of its items."""
    wishes = [c for c in shown.query.constraints if not c.soft and c.op != "not" and c.slot in catalog.schema.slots]
    known = positions(catalog, shown.item_ids)
    return bool(wishes and len(known)) and not any(catalog.mask(wish)[known].all() for wish in wishes)


def complaints(path: Path) -> tuple[str, ...]:
    """The words of ``data/review.toml``. Raises: BadInput."""
    return read_toml(path).texts("complaints", None)
