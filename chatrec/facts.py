"""What is known, said in words: wishes, facts of an item's own row, comparisons, and evidence line by line.

The sentences are responses of domain.yml: ``words`` gives one by its name, with values in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from chatrec.catalog import Catalog
from chatrec.schema import Slot
from chatrec.types import Constraint, Evidence, EvidenceKind, Item

Words = Callable[..., str]  # (name of a response, value=…) -> text
REASONS: Mapping[EvidenceKind, str] = {
    "constraint": "utter_reason_constraint",
    "anchor": "utter_reason_anchor",
    "history": "utter_reason_history",
    "people": "utter_reason_people",
    "others": "utter_reason_others",
    "shared": "utter_reason_shared",
    "reception": "utter_reason_reception",
    "novelty": "utter_reason_novelty",
}


def answer(question: str, item: Item, catalog: Catalog, words: Words) -> str:
    """What the row says to the question; the whole row in one line when the question names no slot of the schema.

    A slot is asked for when the question holds one of its ``inquiry`` words ("who is in it", "how long").
    """
    asked = [slot for slot in catalog.schema.slots.values() if _asked(question, slot)]
    facts = [fact for slot in asked for fact in _facts(slot, item, catalog)]
    if asked and not facts:
        labels = " and ".join(slot.label for slot in asked)
        return words("utter_fact_unknown", item=catalog.heading(item), labels=labels)
    if facts:
        return words("utter_fact", item=catalog.heading(item), facts="; ".join(facts))
    if "text" not in catalog.schema.columns and _STORY.search(question):
        return words("utter_fact_no_story", facts=catalog.describe(item))
    return catalog.describe(item)


_STORY = re.compile(r"\b(?:about|plot|story|storyline|happens|synopsis|premise)\b", re.IGNORECASE)


def extreme(question: str, items: Sequence[Item], catalog: Catalog, words: Words) -> tuple[Item, str] | None:
    """The item that "which is the shortest" asks for, and the answer; None when no such word is in the question."""
    for slot in catalog.schema.slots.values():
        for names, sign in ((slot.most, 1), (slot.least, -1)):
            known = [item for item in items if isinstance(item.attributes.get(slot.columns[0]), float)]
            if known and any(re.search(rf"\b{re.escape(word)}\b", question, re.IGNORECASE) for word in names):
                best = max(known, key=lambda item: sign * item.attributes[slot.columns[0]])
                facts = "; ".join(_facts(slot, best, catalog))
                return best, words("utter_fact", item=catalog.heading(best), facts=facts)
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


def whether(wishes: Sequence[Constraint], item: Item, catalog: Catalog, words: Words) -> str:
    """Whether the item is what a question names ("is it scary?"), with what its row says instead.

    Everything hard must hold. Of a mood one sign is enough, and what it avoids is no sign of it.
    """
    named = [wish for wish in wishes if not (wish.soft and wish.op == "not")] or wishes
    met = {wish: catalog.met(wish, item) for wish in named}
    hard, soft = [met[w] for w in named if not w.soft], [met[w] for w in named if w.soft]
    if all(hard) and (any(soft) or not soft):
        values = dict.fromkeys(value for own in met.values() for value in own)
        return words("utter_fact_yes", item=catalog.heading(item), facts=", ".join(values))
    slots = dict.fromkeys(wish.slot for wish in named)
    facts = [fact for slot in slots for fact in _facts(catalog.schema.slots[slot], item, catalog)]
    if not facts:
        return words("utter_fact_no_idea", item=catalog.heading(item))
    return words("utter_fact_no", item=catalog.heading(item), facts="; ".join(facts))


def missing(wishes: Sequence[Constraint], item: Item, catalog: Catalog, words: Words) -> list[str]:
    """One line for each wish that the item does not meet: why it is not on the list."""
    lines = []
    for wish in wishes:
        if not wish.soft and not catalog.mask(wish)[catalog.index(item.item_id)]:
            facts = "; ".join(_facts(catalog.schema.slots[wish.slot], item, catalog)) or words("utter_unknown")
            lines.append(f"• {words('utter_reason_against', wish=in_words([wish], catalog), facts=facts)}")
    return lines


def compare(first: Item, second: Item, catalog: Catalog, words: Words) -> str:
    """Both rows side by side, one line for each slot in which they differ, and what they share. What goes with them is
    left out, and figures that are the same."""
    lines, shared = [words("utter_compare", first=catalog.heading(first), second=catalog.heading(second))], []
    unknown = words("utter_unknown")
    beside = {
        r.column for r in catalog.schema.relations.values() if r.column not in catalog.schema.slots[r.slot].columns
    }
    for column, label in _columns(catalog):
        one, other = (_with_unit(_values(item, column), column, catalog) for item in (first, second))
        if column in beside or (one == other and isinstance(first.attributes.get(column), float)):
            continue
        if sorted(one) == sorted(other):
            shared += one
            continue
        common = [v for v in one if v in other]
        lines.append(f"{label.rstrip(':')}: {', '.join(one) or unknown} / {', '.join(other) or unknown}")
        shared += common
    if shared:
        lines.append(words("utter_compare_both", shared=", ".join(dict.fromkeys(shared))))
    return "\n".join(lines)


def evidence_lines(evidence: Sequence[Evidence], catalog: Catalog, words: Words) -> list[str]:
    """One short line for each piece of evidence, for "why that one?"."""
    return [f"• {_line(e, catalog, words)}" for e in evidence]


def _line(evidence: Evidence, catalog: Catalog, words: Words) -> str:
    others = " and ".join(catalog.heading(catalog.item(i)) for i in evidence.item_ids)
    slot = catalog.schema.slots.get(evidence.slot or "")
    unit = slot.unit if slot and evidence.kind == "constraint" else ""
    value = f"{evidence.value} {unit}".strip()
    return words(REASONS[evidence.kind], label=slot.label if slot else "", value=value, items=others)


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


def _with_unit(values: Sequence[str], column: str, catalog: Catalog) -> list[str]:
    unit = next((slot.unit for slot in catalog.schema.slots.values() if column in slot.columns), "")
    return [f"{value} {unit}".strip() for value in values]


def _values(item: Item, column: str) -> list[str]:
    value = item.attributes.get(column, ())
    if isinstance(value, float):
        return [f"{value:.15g}"]
    return [value] if isinstance(value, str) else list(value)
