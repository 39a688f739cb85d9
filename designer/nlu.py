"""Checks of the examples under data/nlu."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from designer.dialogue import Dialogue
from designer.files import Problem, Source, line_of, near

FEW = 2  # examples from which an intent can be learned at all


@dataclass(frozen=True)
class Example:
    """One message written for an intent; ``plain``: in small letters, without marks."""

    intent: str
    text: str
    path: Path
    line: int

    @property
    def plain(self) -> str:
        said = re.sub(r"\[([^\]]*)\](?:\([^)]*\)|{[^}]*})", r"\1", self.text)
        return " ".join(said.lower().split())

    @property
    def entities(self) -> list[str]:
        pairs = re.findall(r"\](?:\((\w+)|{[^}]*\"entity\":\s*\"(\w+)\")", self.text)
        return [short or long for short, long in pairs]


def read_examples(source: Source) -> Iterator[Example | Problem]:
    """The examples of a file; a Problem for a line that is none."""
    lines = source.lines()
    for entry in source.data.get("nlu") or []:
        if "intent" not in entry or not isinstance(entry.get("examples"), str):
            continue
        start = line_of(entry, "examples")
        for number in range(start, start + entry["examples"].rstrip("\n").count("\n") + 1):
            line = lines[number].strip() if number < len(lines) else ""
            if line.startswith("- "):
                yield Example(str(entry["intent"]), line[2:].strip(), source.path, number + 1)
            elif line and not line.startswith("#"):
                yield Problem(source.path, number + 1, f"an example begins with '- '; this line is {line[:40]!r}")


def check_examples(
    dialogue: Dialogue, examples: Sequence[Example], entities: set[str], sources: Sequence[Source]
) -> Iterator[Problem]:
    first: dict[str, Example] = {}
    for example in examples:
        other = first.setdefault(example.plain, example)
        if other.intent != example.intent:
            where = f"{other.path.name}:{other.line}"
            what = f"{example.text!r} is an example of {example.intent} and ({where}) of {other.intent}; keep one"
            yield Problem(example.path, example.line, what)
        for entity in example.entities:
            if entity not in entities:
                what = f"there is no entity {entity!r}{near(entity, entities)}; correct it, or add it to domain.yml"
                yield Problem(example.path, example.line, what)
    yield from _check_intents(dialogue, counts(examples), sources)


def _check_intents(dialogue: Dialogue, written: Mapping[str, int], sources: Sequence[Source]) -> Iterator[Problem]:
    for source in sources:
        for entry in source.data.get("nlu") or []:
            name = str(entry.get("intent", ""))
            if name and name.split("/")[0] not in dialogue.intents:
                rest = near(name, dialogue.intents) or "; add it to domain.yml under intents"
                yield Problem(source.path, line_of(entry, "intent"), f"there is no intent {name!r}{rest}")
    for name, line in dialogue.intents.items():
        if written.get(name, 0) < FEW and not dialogue.unsaid(name):
            has = f"only {written[name]} example" if name in written else "no examples"
            yield Problem(dialogue.domain.path, line, f"the intent {name!r} has {has}; write some in data/nlu")


def counts(examples: Sequence[Example]) -> dict[str, int]:
    """Intent -> number of examples."""
    found: dict[str, int] = {}
    for example in examples:
        found[example.intent] = found.get(example.intent, 0) + 1
    return found
