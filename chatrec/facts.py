"""Facts of an item's own row, said in words: answers, comparisons, and evidence line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatrec.catalog import Catalog, Slot
from chatrec.types import Evidence, Item


def answer(question: str, item: Item, catalog: Catalog) -> str:
    """What the row says to the question; the whole row in one line when the question names no slot of the schema.

    A slot is asked for when the question holds one of its ``inquiry`` words ("who is in it", "how long").
    """
    asked = [slot for slot in catalog.schema.slots.values() if _asked(question, slot)]
    facts = [fact for slot in asked for fact in _facts(slot, item, catalog)]
    if asked and not facts:
        labels = " and ".join(slot.label for slot in asked)
        return f"{catalog.heading(item)}: my catalogue does not say anything about its {labels}."
    return f"{catalog.heading(item)}: {'; '.join(facts)}." if facts else catalog.describe(item)


def compare(first: Item, second: Item, catalog: Catalog) -> str:
    """Both rows side by side, one line for each slot in which they differ, and what they share."""
    lines, shared = [f"{catalog.heading(first)} and {catalog.heading(second)}:"], []
    for column, label in _columns(catalog):
        one, other = _values(first, column), _values(second, column)
        if one == other:
            shared += [v for v in one]
            continue
        common = [v for v in one if v in other]
        lines.append(f"{label}: {', '.join(one) or 'unknown'} / {', '.join(other) or 'unknown'}")
        shared += common
    if shared:
        lines.append(f"Both: {', '.join(dict.fromkeys(shared))}")
    return "\n".join(lines)


def evidence_lines(evidence: Sequence[Evidence], item: Item, catalog: Catalog) -> list[str]:
    """One short line for each piece of evidence, for "why that one?"."""
    return [f"• {line}" for line in (_line(e, catalog) for e in evidence) if line]


def _line(evidence: Evidence, catalog: Catalog) -> str:
    others = " and ".join(catalog.heading(catalog.item(i)) for i in evidence.item_ids)
    if evidence.kind == "constraint" and evidence.slot:
        return f"{catalog.schema.slots[evidence.slot].label}: {evidence.value}, as you asked"
    if evidence.kind == "anchor":
        return f"it is close to {others}; without that it would rank lower"
    if evidence.kind == "history":
        return f"you liked {others}; without that it would rank lower"
    if evidence.kind == "people":
        return f"{evidence.value}, as in {others}"
    if evidence.kind == "reception":
        return f"rated {evidence.value} of 100"
    return f"something different on purpose: {evidence.value}"


def _asked(question: str, slot: Slot) -> bool:
    return any(re.search(rf"\b{re.escape(word)}", question, re.IGNORECASE) for word in slot.inquiry)


def _facts(slot: Slot, item: Item, catalog: Catalog) -> list[str]:
    labels = dict(_columns(catalog))
    found = [(column, _values(item, column)) for column in slot.columns]
    return [f"{labels[column].lower()} {', '.join(values)} {slot.unit}".strip() for column, values in found if values]


def _columns(catalog: Catalog) -> list[tuple[str, str]]:
    """Columns of the slots in schema order, each with its label, capitalised."""
    labels = catalog.schema.labels
    return [
        (column, labels.get(column, slot.label).capitalize())
        for slot in catalog.schema.slots.values()
        for column in slot.columns
    ]


def _values(item: Item, column: str) -> list[str]:
    value = item.attributes.get(column, ())
    if isinstance(value, float):
        return [f"{value:g}"]
    return [value] if isinstance(value, str) else list(value)
