"""Checks of domain.yml, rules and stories: what Rasa's validator asks for, but with file and line, and what the actions
say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.core.constants import DEFAULT_ACTION_NAMES, DEFAULT_INTENTS

from components.speech import EVERYWHERE, Speech
from designer.files import Problem, Source, line_of, near
from designer.spoken import actions

NEVER_SAID = "never said"  # the comment behind an intent of the bot's own


@dataclass(frozen=True)
class Step:
    """One step of a rule or story: an ``intent`` or ``action`` and its name."""

    kind: str
    name: str
    path: Path
    line: int


@dataclass(frozen=True)
class Flow:
    """A rule or a story."""

    kind: str
    name: str
    path: Path
    line: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Dialogue:
    """domain.yml with the rules and stories under data/."""

    domain: Source
    flows: tuple[Flow, ...]
    speech: Speech

    @property
    def responses(self) -> Mapping[str, Any]:
        return self.domain.data.get("responses") or {}

    @property
    def intents(self) -> dict[str, int]:
        """Intent -> its line; without Rasa's own."""
        names = self.domain.data.get("intents") or []
        return {_name(entry): line_of(names, i) for i, entry in enumerate(names)}

    @property
    def actions(self) -> set[str]:
        """All that a rule or story may say the bot does."""
        return {*(self.domain.data.get("actions") or ()), *self.responses, *DEFAULT_ACTION_NAMES}

    @property
    def rules(self) -> list[Flow]:
        return [flow for flow in self.flows if flow.kind == "rule"]

    @property
    def told(self) -> set[str]:
        """Responses and actions that rules and stories name."""
        return {step.name for flow in self.flows for step in flow.steps if step.kind == "action"}

    def answer(self, intent: str) -> str:
        """The action that the rule of an intent leads to; empty without such a rule."""
        begun = (rule.steps for rule in self.rules if rule.steps and rule.steps[0].name == intent)
        return next((step.name for steps in begun for step in steps if step.kind == "action"), "")

    def unsaid(self, intent: str) -> bool:
        """Whether no user ever says it: Rasa's own, or marked so."""
        return intent in DEFAULT_INTENTS or NEVER_SAID in self.domain.lines()[self.intents[intent] - 1]


def read_flows(source: Source) -> Iterator[Flow]:
    for kind, key in (("rule", "rules"), ("story", "stories")):
        for entry in source.data.get(key) or []:
            steps = entry.get("steps") or []
            read = [
                Step(what, str(step[what]), source.path, line_of(steps, i))
                for i, step in enumerate(steps)
                for what in ("intent", "action")
                if what in step
            ]
            yield Flow(kind, str(entry.get(kind, "")), source.path, line_of(entry, kind), tuple(read))


def check_dialogue(dialogue: Dialogue) -> Iterator[Problem]:
    yield from _check_steps(dialogue)
    yield from _check_actions(dialogue)
    yield from _check_intents(dialogue)
    yield from _check_responses(dialogue)
    yield from _check_contradictions(dialogue)


def _check_steps(dialogue: Dialogue) -> Iterator[Problem]:
    """Every name in a rule or story is one of domain.yml."""
    actions, intents = dialogue.actions, {*dialogue.intents, *DEFAULT_INTENTS, DEFAULT_NLU_FALLBACK_INTENT_NAME}
    for flow in dialogue.flows:
        for step in flow.steps:
            known = intents if step.kind == "intent" else actions
            if step.name not in known:
                what = "response" if step.name.startswith("utter_") else step.kind
                rest = near(step.name, known) or f"; add it to domain.yml under {what}s, or correct the name"
                yield Problem(step.path, step.line, f"there is no {what} {step.name!r}{rest}")


def _check_actions(dialogue: Dialogue) -> Iterator[Problem]:
    """Every action of domain.yml is written."""
    written = actions()
    names = dialogue.domain.data.get("actions") or []
    for i, name in enumerate(names):
        if name not in written:
            rest = near(name, written) or "; take it out, or ask a developer to write it"
            yield Problem(dialogue.domain.path, line_of(names, i), f"nobody has written the action {name!r}{rest}")


def _check_intents(dialogue: Dialogue) -> Iterator[Problem]:
    used = {step.name for flow in dialogue.flows for step in flow.steps if step.kind == "intent"}
    for name, line in dialogue.intents.items():
        if name not in used:
            what = f"no rule or story answers the intent {name!r}; add a rule to data/rules, or take the intent out"
            yield Problem(dialogue.domain.path, line, what)


def _check_responses(dialogue: Dialogue) -> Iterator[Problem]:
    path, responses = dialogue.domain.path, dialogue.responses
    for name, variations in responses.items():
        values = dialogue.speech.values(name)
        if values is None and name not in dialogue.told:
            yield Problem(path, line_of(responses, name), _unspoken(name, dialogue))
            continue
        slots = set(dialogue.domain.data.get("slots") or ()) | (EVERYWHERE if values is not None else frozenset())
        for i, variation in enumerate(variations):
            yield from _check_variation(path, line_of(variations, i), variation, slots | (values or frozenset()))
    for name in dialogue.speech.fixed():
        if not any(other == name or other.startswith(f"{name}_") for other in responses):
            what = f"the actions say {name!r}, but there is no such response{near(name, responses)}; write it"
            yield Problem(path, line_of(dialogue.domain.data, "responses"), what)


def _unspoken(name: str, dialogue: Dialogue) -> str:
    said = [base for base in _bases(name) if dialogue.speech.values(base) is not None and base in dialogue.responses]
    if said:
        rest = name.removeprefix(f"{said[0]}_")
        known = [suffix.strip("_") for suffix in dialogue.speech.suffixes]
        single = sorted({suffix for suffix in known if "_" not in suffix})
        return (
            f"nobody says {name!r}: {rest!r} is no catalogue or language{near(rest, known)} (there are: "
            f"{', '.join(single)}); rename it or take it out"
        )
    others = [other for other in dialogue.speech.fixed() if other not in dialogue.responses]
    return f"nobody says {name!r}{near(name, others)}; name it in a rule, or take it out"


def _bases(name: str) -> Iterator[str]:
    """``utter_list_like_fr``: ``utter_list_like``, ``utter_list``."""
    while (name := name.rpartition("_")[0]).count("_"):
        yield name


def _check_variation(path: Path, line: int, variation: Mapping[str, Any], values: set[str]) -> Iterator[Problem]:
    texts = [("text", variation.get("text", ""), line_of(variation, "text") if "text" in variation else line)]
    buttons = variation.get("buttons") or []
    for i, button in enumerate(buttons):
        texts += [(key, button.get(key, ""), line_of(buttons, i)) for key in ("title", "payload")]
    for key, text, place in texts:
        if not str(text).strip() and not variation.get("custom"):
            yield Problem(path, place, f"the {key} is missing or empty; write one")
        for name in re.findall(r"{([^{}]*)}", str(text)):
            if name not in values:
                rest = near(name, values) or f"; known here are {', '.join(sorted(values)) or 'none'}"
                yield Problem(path, place, f"nothing fills {{{name}}} here{rest}")


def _check_contradictions(dialogue: Dialogue) -> Iterator[Problem]:
    """Two rules, or two stories, that begin alike and go on in different ways; a story that goes against a rule."""
    decided: dict[tuple[str, ...], tuple[Flow, Step]] = {}
    for flow in dialogue.flows:
        for i, step in enumerate(flow.steps):
            before = tuple(s.name for s in flow.steps[:i])
            if step.name not in dialogue.actions or not before:
                continue
            first, other = decided.setdefault((flow.kind, *before), (flow, step))
            if other.name != step.name:
                kinds = "rules" if flow.kind == "rule" else "stories"
                what = (
                    f"the {kinds} {first.name!r} ({other.path.name}:{other.line}) and {flow.name!r} contradict each "
                    f"other: after {' then '.join(before)} one says {other.name}, the other {step.name}; keep one"
                )
                yield Problem(step.path, step.line, what)
    for story in (flow for flow in dialogue.flows if flow.kind == "story"):
        for before, step in zip(story.steps, story.steps[1:], strict=False):
            rule, wanted = decided.get(("rule", before.name), (None, None))
            if rule and before.kind == "intent" and step.kind == "action" and step.name != wanted.name:
                what = (
                    f"the story {story.name!r} says {step.name} after {before.name}, but the rule {rule.name!r} "
                    f"({rule.path.name}:{wanted.line}) says {wanted.name}, and rules win; change one of them"
                )
                yield Problem(step.path, step.line, what)


def _name(entry: Any) -> str:
    return next(iter(entry)) if isinstance(entry, dict) else str(entry)
