"""The page: everything designers have made, to look at. One HTML file that asks nothing of any server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, FileSystemLoader

from chatrec.schema import Slot
from designer.catalogs import Folder, left
from designer.dialogue import Dialogue, Flow
from designer.nlu import Example, counts
from designer.spoken import Spoken, spoken_by

if TYPE_CHECKING:
    from designer.__main__ import Work

TEMPLATE = "page.html"
BY_INTENT = "action_say"  # says the response that is called like the intent
SHOWN = 6  # values and examples of each kind that the page names


def draw(work: Work, root: Path) -> str:
    """The page as HTML."""
    found = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)
    return found.get_template(TEMPLATE).render(
        problems=[problem.shown(root) for problem in work.problems],
        intents=list(_intents(work.dialogue, work.examples)),
        stories=[flow for flow in work.dialogue.flows if flow.kind == "story"],
        steps=_turns,
        responses=_groups(work.dialogue),
        catalogs=[_catalog(folder, work.dialogue) for folder in work.folders],
        languages=[_coverage(language.code, work) for language in work.languages],
        shown=SHOWN,
    )


def _intents(dialogue: Dialogue, examples: tuple[Example, ...]) -> Iterator[dict[str, Any]]:
    """Each intent with its examples, the action that answers it, and the responses that action can say."""
    written, spoken, groups = counts(examples), spoken_by(dialogue.speech, dialogue.responses), _groups(dialogue)
    most = max(written.values(), default=1)
    for name in dialogue.intents:
        action = dialogue.answer(name)
        said = Spoken((action,)) if action.startswith("utter_") else spoken.get(action, Spoken())
        own = f"utter_{name}" if action == BY_INTENT else ""
        yield {
            "name": name,
            "action": action,
            "rule": next((r.name for r in dialogue.rules if r.steps and r.steps[0].name == name), ""),
            "examples": [e.text for e in examples if e.intent == name],
            "count": written.get(name, 0),
            "share": written.get(name, 0) / most,
            "said": [group for group in groups if group["name"] in ([own] if own else said.responses)],
            "leads": said.leads,
        }


def _groups(dialogue: Dialogue) -> list[dict[str, Any]]:
    """Responses with their variations; under each the catalogues' and languages' own words for it."""
    groups: dict[str, dict[str, Any]] = {}
    for name, variations in dialogue.responses.items():
        base, own = _parted(name, dialogue)
        group = groups.setdefault(base, {"name": base, "own": []})
        group["own"].append({"whose": own, "variations": [dict(v) for v in variations]})
    return list(groups.values())


def _parted(name: str, dialogue: Dialogue) -> tuple[str, str]:
    """``utter_enjoy_travel``: the response and whose words for it they are."""
    for suffix in sorted(dialogue.speech.suffixes, key=len, reverse=True):
        base = name.removesuffix(suffix)
        if name.endswith(suffix) and (base in dialogue.responses or base in dialogue.speech.fixed()):
            return base, suffix.strip("_").replace("_", " · ")
    return name, ""


def _turns(flow: Flow) -> list[dict[str, Any]]:
    """A story as turns: what the user means and what the bot then does."""
    turns: list[dict[str, Any]] = []
    for step in flow.steps:
        if step.kind == "intent" or not turns:
            turns.append({"intent": step.name if step.kind == "intent" else "", "actions": []})
        if step.kind == "action":
            turns[-1]["actions"].append(step.name)
    return turns


def _catalog(folder: Folder, dialogue: Dialogue) -> dict[str, Any]:
    catalog, schema = folder.catalog, folder.catalog.schema
    policy = catalog.policy
    return {
        "name": schema.name,
        "plural": schema.plural,
        "items": len(catalog),
        "slots": [_slot(folder, slot, dialogue) for slot in schema.slots.values()],
        "moods": list(schema.moods.values()),
        "relations": list(schema.relations.values()),
        "examples": schema.examples,
        "emergencies": list(policy.emergencies.values()),
        "notice": policy.notice,
        "policy": [{"name": name, "rule": rule, "left": left(folder, rule)} for name, rule in policy.rules.items()],
    }


def _slot(folder: Folder, slot: Slot, dialogue: Dialogue) -> dict[str, Any]:
    """How far a slot is filled, what it can be, how it is asked for and moved."""
    catalog = folder.catalog
    if slot.type == "number":
        numbers = catalog.numbers(slot.name)
        known = numbers[~np.isnan(numbers)]
        filled, different = len(known), len(np.unique(known))
        values = [f"{known.min():.6g} to {known.max():.6g} {slot.unit}".strip()] if filled else []
    else:
        sizes = Counter({value: len(rows) for value, rows in catalog.values(slot.name).items()})
        filled = len(set().union(*catalog.values(slot.name).values())) if sizes else 0
        different, values = len(sizes), [value for value, _ in sizes.most_common(SHOWN)]
    own = [f"utter_ask_{slot.name}_{catalog.schema.name}", f"utter_ask_{slot.name}", "utter_ask_slot"]
    asked = next((name for name in own if name in dialogue.responses), "")
    question = dialogue.responses[asked][0]["text"] if slot.ask and asked else ""
    return {
        "slot": slot,
        "share": filled / max(len(catalog), 1),
        "filled": filled,
        "different": different,
        "values": values,
        "words": len({*slot.words, *slot.combinations, *(w for own in slot.synonyms.values() for w in own)}),
        "question": _filled(question, {"label": slot.label, "noun": catalog.schema.noun}),
        "response": asked if slot.ask else "",
    }


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _coverage(code: str, work: Work) -> dict[str, Any]:
    """Which responses a language has of its own."""
    bases = [group for group in _groups(work.dialogue) if any(not own["whose"] for own in group["own"])]
    has = [g["name"] for g in bases if any(own["whose"].split(" · ")[-1] == code for own in g["own"])]
    missing = [group["name"] for group in bases if group["name"] not in has]
    return {"code": code, "has": len(has), "all": len(bases), "share": len(has) / len(bases), "missing": missing}
