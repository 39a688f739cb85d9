"""Checks of the catalogues' schemas and policies, and of the languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chatrec.catalog import ITEMS, SCHEMA, Catalog, fold, load_catalog
from chatrec.errors import BadInput
from chatrec.languages import Language, load_languages
from chatrec.policy import POLICY, Rule
from designer.files import Problem, near, toml_line

MIN_LEFT = 5  # items that a policy's rule must leave: a list's worth


@dataclass(frozen=True)
class Folder:
    """A catalogue as it lies on disk."""

    path: Path
    catalog: Catalog


def read_catalogs(folder: Path) -> Iterator[Folder | Problem]:
    """Every catalogue that can be read, and a Problem for each that can't."""
    for path in sorted(p.parent for p in folder.glob(f"[!.]*/{SCHEMA}")):
        try:
            catalog = load_catalog(path)
            if catalog.schema.name != path.name:
                raise BadInput(f"{path / SCHEMA}: name must be {path.name!r}, as the folder is called")
            yield Folder(path, catalog)
        except BadInput as error:
            yield problem(str(error), path / SCHEMA)


def read_languages(folder: Path) -> Iterator[Language | Problem]:
    try:
        yield from load_languages(folder)
    except BadInput as error:
        yield problem(str(error), folder)


def problem(message: str, default: Path) -> Problem:
    """An error of the engine's readers; the line is that of the key when the message has none."""
    found = re.match(r"(?P<path>[^:]+\.(?:toml|csv))(?::(?P<line>\d+))?: (?P<what>.*)", message, re.DOTALL)
    if not found:
        return Problem(default, 1, message)
    path, what = Path(found["path"]), " ".join(found["what"].split())
    if found["line"] or path.suffix != ".toml" or not path.exists():
        return Problem(path, int(found["line"] or 1), what)
    return Problem(path, toml_line(path, what.split(" ")[0].rstrip(".")), what)


def check_catalog(folder: Folder, others: Mapping[str, Catalog]) -> Iterator[Problem]:
    """Values that the schema names and no item has; questions without answers; rules that leave nothing."""
    catalog, path = folder.catalog, folder.path / SCHEMA

    def unknown(where: str, slot: str, values: Collection[str], of: Catalog = catalog) -> Iterator[Problem]:
        known = {fold(value): value for value in of.values(slot)} if of.schema.slots[slot].type != "number" else {}
        for value in values:
            if fold(value) not in known:
                what = f"{where} names {value!r}, but no item of {of.schema.name} has that {slot}"
                rest = near(value, known.values()) or f"; correct it, or add it to {ITEMS}"
                yield Problem(path, toml_line(path, where if where.endswith("]") else f"{where}.{value}"), what + rest)

    for slot in catalog.schema.slots.values():
        where = f"slots.{slot.name}"
        yield from unknown(f"{where}.synonyms", slot.name, [v for v in slot.synonyms if v not in slot.lacking])
        for value in slot.lacking.keys() & set(catalog.values(slot.name)):
            what = f"{where}.lacking names {value!r}, which {ITEMS} has: move it to [{where}.synonyms]"
            yield Problem(path, toml_line(path, f"{where}.lacking.{value}"), what)
        for word, values in slot.combinations.items():
            yield from _at(path, f"{where}.combinations.{word}", unknown(where, slot.name, values))
        if slot.ask and slot.type == "number" and not slot.words:
            what = f"{where} is asked for, but has no words to answer with: write [{where}.words]"
            yield Problem(path, toml_line(path, where), what)
    for mood in catalog.schema.moods.values():
        for side, chosen in (("prefer", mood.prefer), ("avoid", mood.avoid)):
            for slot, values in chosen.items():
                if catalog.schema.slots[slot].type != "number":
                    yield from _at(path, f"moods.{mood.name}.{side}", unknown(f"moods.{mood.name}", slot, values))
    for feeling in catalog.schema.feelings.values():
        for constraint in feeling.leaning:
            if constraint.op in ("is", "not"):
                where = f"feelings.{feeling.name}"
                side = "prefer" if constraint.op == "is" else "avoid"
                values = [str(value) for value in constraint.values]
                yield from _at(path, f"{where}.{side}", unknown(where, constraint.slot, values))
    yield from _check_carries(folder, others, unknown)
    yield from _check_policy(folder)


def _at(path: Path, where: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    for found in problems:
        yield Problem(path, toml_line(path, where), found.what)


def _check_carries(
    folder: Folder, others: Mapping[str, Catalog], unknown: Callable[..., Iterator[Problem]]
) -> Iterator[Problem]:
    """What is taken along from another catalogue exists there and here."""
    path = folder.path / SCHEMA
    for carry in folder.catalog.schema.carries:
        there = others.get(carry.catalog)
        if there is None or carry.slot not in there.schema.slots:
            what = f"from: there is no {carry.slot!r} in a catalogue {carry.catalog!r}{near(carry.catalog, others)}"
            yield Problem(path, toml_line(path, "from"), what)
            continue
        for value, values in carry.values.items():
            line = _quoted_line(path, value)
            for found in (
                *unknown("from", carry.slot, [value], there),
                *unknown("from", carry.to, values),
            ):
                yield Problem(path, line, found.what)


def _quoted_line(path: Path, word: str) -> int:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    found = (n for n, line in enumerate(lines, 1) if re.match(rf"\s*\"?{re.escape(word)}\"?\s*=", line))
    return next(found, toml_line(path, "from"))


def left(folder: Folder, rule: Rule) -> int:
    """Items that a rule of the policy leaves."""
    masks = [folder.catalog.mask(constraint) for constraint in rule.limits]
    return int(np.logical_and.reduce(masks).sum()) if masks else len(folder.catalog)


def _check_policy(folder: Folder) -> Iterator[Problem]:
    path = folder.path / POLICY
    for name, rule in folder.catalog.policy.rules.items():
        count = left(folder, rule)
        if count < MIN_LEFT or count == len(folder.catalog):
            what = f"rules.{name} leaves {count} of {len(folder.catalog)} items; correct what it must never show"
            yield Problem(path, toml_line(path, f"rules.{name}.never"), what)


def check_language(language: Language, path: Path, catalogs: Collection[Catalog]) -> Iterator[Problem]:
    """Names for values that some item has, reasons for evidence that there is."""
    known = {value.casefold() for c in catalogs for s in c.schema.slots if _named(c, s) for value in c.values(s)}
    known |= {word.casefold() for c in catalogs for slot in c.schema.slots.values() for word in slot.words}
    for value in language.names:
        if value not in known:
            what = f"names.{value}: no catalogue has that value{near(value, known)}; correct it or take it out"
            yield Problem(path, _name_line(path, value), what)
    for kind in language.reasons:
        with suppress(KeyError, IndexError):
            language.reasons[kind].format(value="", items="")
            continue
        what = f"reasons.{kind}: only {{value}} and {{items}} are filled in"
        yield Problem(path, toml_line(path, f"reasons.{kind}"), what)


def _named(catalog: Catalog, slot: str) -> bool:
    return catalog.schema.slots[slot].type != "number"


def _name_line(path: Path, value: str) -> int:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return next((n for n, line in enumerate(lines, 1) if line.casefold().startswith(f'"{value}"')), 1)
