"""What may not be shown to whom, and what counts as an emergency: ``policy.toml`` and ``emergencies.toml``.

docs/policies.md describes both. Every error is a ``BadInput`` that names the file and the key.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chatrec.tomlfile import Table, read_toml
from chatrec.types import Constraint, Item, Mention

if TYPE_CHECKING:
    from chatrec.catalog import Catalog

POLICY, EMERGENCIES = "policy.toml", "emergencies.toml"
OCCASION = 12 * 3600.0  # seconds that a rule which does not last stays in force after it was last heard
SLOT = "policy"  # of the stored fact that a rule is in force; no slot of a schema


@dataclass(frozen=True)
class Rule:
    """``who``: what people say that puts it in force. ``never``: hard ``not`` constraints; nothing relaxes them.
    ``only``: ``is`` constraints, of which an item must meet one, so that what nothing is known of is left out.
    ``says``: how the bot tells that it keeps to the rule. ``lasting``: whether it is true of the user, and not only of
    the occasion ("with my kids")."""

    name: str
    who: tuple[str, ...]
    never: tuple[Constraint, ...]
    says: str
    lasting: bool = True
    only: tuple[Constraint, ...] = ()

    @property
    def limits(self) -> tuple[Constraint, ...]:
        """All that it asks of an item; ``only`` as one constraint on :data:`SLOT`, since it is about several slots."""
        return (*self.never, Constraint(SLOT, "is", (self.name,))) if self.only else self.never


@dataclass(frozen=True)
class Occasional:
    """A rule that is in force for the occasion: of a catalogue, by what was said, and when (seconds since 1970)."""

    catalog: str
    rule: str
    said: str
    at: float


@dataclass(frozen=True)
class Emergency:
    """``advice`` is said before anything else. ``examples`` call for it, ``harmless`` only sound like it."""

    name: str
    about: str
    advice: str
    examples: tuple[str, ...]
    harmless: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """What a catalogue's folder says; empty when it says nothing. ``notice`` goes with its lists. ``banned``: words
    that no shown title or description has. ``harmless``: messages that are no emergency of any kind."""

    notice: str = ""
    rules: Mapping[str, Rule] = field(default_factory=dict)
    banned: tuple[str, ...] = ()
    emergencies: Mapping[str, Emergency] = field(default_factory=dict)
    harmless: tuple[str, ...] = ()

    def never(self, names: Iterable[str]) -> tuple[Constraint, ...]:
        """What the rules of those names forbid together. A name that is no rule any more forbids nothing."""
        forbidden = (c for name in names if name in self.rules for c in self.rules[name].limits)
        return tuple(dict.fromkeys(forbidden))


NO_POLICY = Policy()


def read_policy(folder: Path) -> Policy:
    """The policy of a catalogue's folder, not yet checked against the catalogue. Raises: BadInput."""
    top = _read(folder / POLICY, "notice", "rules", "banned", "emergencies", "harmless")
    more = _read(folder / EMERGENCIES, "emergencies", "harmless")
    top.table("banned").known("words")
    emergencies = {name: _emergency(name, table) for name, table in top.table("emergencies").tables().items()}
    for name, table in more.table("emergencies").tables().items():
        more.table("emergencies").known(*emergencies)
        emergencies[name] = _with_more(emergencies[name], table)
    return Policy(
        notice=top.text("notice", ""),
        rules={name: _rule(name, table) for name, table in top.table("rules").tables().items()},
        banned=top.table("banned").texts("words"),
        emergencies=emergencies,
        harmless=_harmless(top) + _harmless(more),
    )


def load_policy(folder: Path, catalog: Catalog) -> Policy:
    """The policy of a catalogue's folder.

    Raises:
        BadInput: not TOML, a key that is missing, unknown or of the wrong type, or a slot or value that the catalogue
            does not have.
    """
    policy = read_policy(folder)
    for rule in policy.rules.values():
        for key, constraints in (("never", rule.never), ("only", rule.only)):
            table = Table(folder / POLICY, f"rules.{rule.name}.{key}.", {c.slot: c.values for c in constraints})
            _check(constraints, table, catalog)
    return policy


def _check(constraints: Iterable[Constraint], table: Table, catalog: Catalog) -> None:
    table.known(*(name for name, slot in catalog.schema.slots.items() if slot.type != "number"))
    for constraint in constraints:
        known = catalog.values(constraint.slot)
        for value in constraint.values:
            if value not in known:
                near = difflib.get_close_matches(value, known, 1) or sorted(known)
                raise table.bad(constraint.slot, f"has {value!r}, which no item has; did you mean {near[0]!r}?")


def fact(rule: str, said: str) -> Constraint:
    """What is remembered of a user whom a rule concerns: its name, and their words."""
    return Constraint(SLOT, "is", (rule,), said)


def rules_in(facts: Iterable[Constraint]) -> tuple[str, ...]:
    """The names of the rules that remembered facts put in force."""
    return tuple(dict.fromkeys(str(c.values[0]) for c in facts if c.slot == SLOT))


def told(mentions: Iterable[Mention], catalog: str) -> list[Mention]:
    """The rules spoken of, in whatever catalogue. "Allergic to horror" is a dislike, when ``catalog`` knows horror and
    has no such rule itself."""
    mentions = list(mentions)
    own = [m for m in mentions if m.catalog == catalog]
    wishes = {m.start for m in own if m.constraints}
    rules = {m.start for m in own if m.entity == SLOT}

    def is_dislike(mention: Mention) -> bool:
        runs_on = mention.text.lower().endswith(" to") and mention.end + 1 in wishes
        return runs_on and mention.catalog != catalog and mention.start not in rules

    return [m for m in mentions if m.entity == SLOT and not is_dislike(m)]


def passing(
    before: Iterable[Occasional], spoken: Iterable[Mention], policies: Mapping[str, Policy], at: float
) -> tuple[Occasional, ...]:
    """The rules in force for the occasion after a message that speaks of those."""
    spoken = [m for m in spoken if not policies[m.catalog].rules[str(m.value)].lasting]
    fresh = {(m.catalog, str(m.value)): m for m in spoken}
    kept = [p for p in before if at - p.at < OCCASION and (p.catalog, p.rule) not in fresh]
    return (*kept, *(Occasional(*key, m.text, at) for key, m in fresh.items() if not m.negated))


def banned_in(item: Item, columns: Mapping[str, str], pattern: re.Pattern[str]) -> str:
    """The banned word that the item's title or description has; empty when there is none."""
    texts = (item.title, str(item.attributes.get(columns.get("text", ""), "")))
    found = next((match for text in texts if (match := pattern.search(text))), None)
    return found.group() if found else ""


def banned_pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Any of the words as a whole word, in either case."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)


def _read(path: Path, *keys: str) -> Table:
    table = read_toml(path) if path.exists() else Table(path, "", {})
    table.known(*keys)
    return table


def _rule(name: str, table: Table) -> Rule:
    table.known("who", "never", "only", "says", "lasting")
    never, only = table.table("never").lists(), table.table("only").lists()
    if not never and not only:
        raise table.bad("never", 'is missing or empty: write { slot = ["Value"] }')
    who, says = table.texts("who", None), table.text("says")
    forbidden = tuple(Constraint(slot, "not", values) for slot, values in never.items())
    allowed = tuple(Constraint(slot, "is", values) for slot, values in only.items())
    return Rule(name, who, forbidden, says, table.flag("lasting", True), allowed)


def _emergency(name: str, table: Table) -> Emergency:
    table.known("about", "advice", "examples", "harmless")
    examples, harmless = table.texts("examples", None), table.texts("harmless")
    return Emergency(name, table.text("about"), table.text("advice"), examples, harmless)


def _with_more(emergency: Emergency, table: Table) -> Emergency:
    table.known("examples", "harmless")
    examples, harmless = table.texts("examples"), table.texts("harmless")
    known = (emergency.name, emergency.about, emergency.advice)
    return Emergency(*known, emergency.examples + examples, emergency.harmless + harmless)


def _harmless(top: Table) -> tuple[str, ...]:
    top.table("harmless").known("examples")
    return top.table("harmless").texts("examples")
