"""What is known, said in words: wishes, facts of an item's own row, comparisons, and evidence line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatrec.catalog import Catalog
from chatrec.schema import Slot
from chatrec.types import Constraint, Evidence, Item


def answer(question: str, item: Item, catalog: Catalog) -> str:
    """What the row says to the question; the whole row in one line when the question names no slot of the schema.

    A slot is asked for when the question holds one of its ``inquiry`` words ("who is in it", "how long").
    """
    asked = [slot for slot in catalog.schema.slots.values() if _asked(question, slot)]
    facts = [fact for slot in asked for fact in _facts(slot, item, catalog)]
    if asked and not facts:
        labels = " and ".join(slot.label for slot in asked)
        return f"{catalog.heading(item)}: my catalogue does not say anything about its {labels}."
    if facts:
        return f"{catalog.heading(item)}: {'; '.join(facts)}."
    told = "text" in catalog.schema.columns or not _STORY.search(question)
    return ("" if told else "I know the facts but not the story. ") + catalog.describe(item)


_STORY = re.compile(r"\b(?:about|plot|story|storyline|happens|synopsis|premise)\b", re.IGNORECASE)


def extreme(question: str, items: Sequence[Item], catalog: Catalog) -> tuple[Item, str] | None:
    """The item that "which is the shortest" asks for, and the answer; None when no such word is in the question."""
    for slot in catalog.schema.slots.values():
        for words, sign in ((slot.most, 1), (slot.least, -1)):
            known = [item for item in items if isinstance(item.attributes.get(slot.columns[0]), float)]
            if known and any(re.search(rf"\b{re.escape(word)}\b", question, re.IGNORECASE) for word in words):
                best = max(known, key=lambda item: sign * item.attributes[slot.columns[0]])
                return best, f"{catalog.heading(best)}: {'; '.join(_facts(slot, best, catalog))}."
    return None


def in_words(constraints: Sequence[Constraint], catalog: Catalog) -> str:
    """The wishes said back: ``Sci-Fi, 1990 to 1999, not Horror``; empty without constraints."""
    said, spans = [], _spans(constraints)
    for constraint in constraints:
        bound = constraint.op in ("min", "max") and not constraint.soft
        span = spans.get(constraint.slot) if bound else None
        if span is None:
            said.append(_phrase(constraint, catalog))
        else:
            unit = catalog.schema.slots[constraint.slot].unit
            said.append(f"{span[0]:.15g} to {span[1]:.15g} {unit}".strip())
    return ", ".join(dict.fromkeys(said))


def _spans(constraints: Sequence[Constraint]) -> dict[str, tuple[float, float]]:
    """Slots with a lower and an upper bound."""
    low = {c.slot: float(c.values[0]) for c in constraints if c.op == "min" and not c.soft}
    high = {c.slot: float(c.values[0]) for c in constraints if c.op == "max" and not c.soft}
    return {slot: (low[slot], high[slot]) for slot in low if slot in high}


def _phrase(constraint: Constraint, catalog: Catalog) -> str:
    slot = catalog.schema.slots[constraint.slot]
    values = " or ".join(f"{v:.15g}" if isinstance(v, float) else str(v) for v in constraint.values)
    if constraint.soft and constraint.text:
        return constraint.text
    if constraint.op == "not":
        return f"not {values}"
    if constraint.op == "is":
        return values
    unit = f" {slot.unit}" if slot.unit else ""
    label = "" if slot.unit or slot.label == "year" else f"{slot.label} "
    return f"{label}{'from' if constraint.op == 'min' else 'up to'} {values}{unit}"


def whether(wishes: Sequence[Constraint], item: Item, catalog: Catalog) -> str:
    """Whether the item is what a question names ("is it scary?"), with what its row says instead.

    Everything hard must hold. Of a mood one sign is enough, and what it avoids is no sign of it.
    """
    named = [wish for wish in wishes if not (wish.soft and wish.op == "not")] or wishes
    met = {wish: catalog.met(wish, item) for wish in named}
    hard, soft = [met[w] for w in named if not w.soft], [met[w] for w in named if w.soft]
    if all(hard) and (any(soft) or not soft):
        values = dict.fromkeys(value for own in met.values() for value in own)
        return f"{catalog.heading(item)}: yes, {', '.join(values)}."
    slots = dict.fromkeys(wish.slot for wish in named)
    facts = [fact for slot in slots for fact in _facts(catalog.schema.slots[slot], item, catalog)]
    return f"{catalog.heading(item)}: not as far as I know; {'; '.join(facts) or 'my catalogue does not say'}."


def missing(wishes: Sequence[Constraint], item: Item, catalog: Catalog) -> list[str]:
    """One line for each wish that the item does not meet: why it is not on the list."""
    lines = []
    for wish in wishes:
        if not wish.soft and not catalog.mask(wish)[catalog.index(item.item_id)]:
            facts = _facts(catalog.schema.slots[wish.slot], item, catalog)
            lines.append(f"• {in_words([wish], catalog)}, you said; here: {'; '.join(facts) or 'unknown'}")
    return lines


def compare(first: Item, second: Item, catalog: Catalog) -> str:
    """Both rows side by side, one line for each slot in which they differ, and what they share."""
    lines, shared = [f"{catalog.heading(first)} and {catalog.heading(second)}:"], []
    for column, label in _columns(catalog):
        one, other = _values(first, column), _values(second, column)
        if sorted(one) == sorted(other):
            shared += one
            continue
        common = [v for v in one if v in other]
        lines.append(f"{label.rstrip(':')}: {', '.join(one) or 'unknown'} / {', '.join(other) or 'unknown'}")
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
        slot = catalog.schema.slots[evidence.slot]
        return f"{slot.label}: {evidence.value} {slot.unit}".rstrip() + ", as you asked"
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
        return [f"{value:.15g}"]
    return [value] if isinstance(value, str) else list(value)
