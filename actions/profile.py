"""Memory that is the user's: shown, corrected, given away, forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from rasa_sdk import Action

from actions.lists import show
from actions.reading import Incoming
from actions.turn import Reply, Say, respond
from chatrec import dialogue, erasure, phrases, policy
from chatrec.bootstrap import Engine
from chatrec.catalog import Catalog
from chatrec.dialogue import State
from chatrec.errors import UnknownItem
from chatrec.facts import in_words
from chatrec.memory import Memory, Passing
from chatrec.types import Constraint

FORGET = "forget"  # State.pending while the bot waits for a yes to erasing everything
PROFILE = "profile"  # State.pending when the profile was just shown
EXPORT = "chatrec.json"  # name of the file with everything
SHOWN = 20  # lines, the latest
QUOTED = 120  # characters of the user's words in a line
REMEMBERED = {
    "like": "utter_memory_liked",
    "accept": "utter_memory_chosen",
    "dislike": "utter_memory_disliked",
    "reject": "utter_memory_disliked",
    "seen": "utter_memory_seen",
    "rating": "utter_memory_rated",
}


@dataclass(frozen=True)
class Line:
    """One thing that is remembered: ``ref`` names it, ``item:movies:tt0078748`` or ``wish:12``."""

    ref: str
    text: str


def show_profile(engine: Engine, incoming: Incoming) -> Reply:
    """What is remembered about the user, a line for each thing, and the words that it was learnt from."""
    passing = isinstance(incoming.memory, Passing)
    return _shown(engine, incoming, Say("utter_profile_passing" if passing else "utter_profile"))


def _shown(engine: Engine, incoming: Incoming, lead: Say) -> Reply:
    lines = learnt(engine, incoming)[-SHOWN:]
    if not lines:
        passing = isinstance(incoming.memory, Passing)
        return Reply((Say("utter_profile_empty_passing" if passing else "utter_profile_empty"),), incoming.state)
    numbered = [f"{number}. {line.text}" for number, line in enumerate(lines, 1)]
    rows = [{"number": n, "ref": line.ref, "text": line.text} for n, line in enumerate(lines, 1)]
    told = Say("utter_profile_lines", {"memory": "\n".join(numbered)}, custom={"kind": "memory", "lines": rows})
    state = replace(incoming.state, pending=PROFILE, profile=tuple(line.ref for line in lines))
    return Reply((lead, told), state)


def learnt(engine: Engine, incoming: Incoming) -> list[Line]:
    """All lines, over all catalogues; none for a stranger."""
    return [line for catalog in engine.catalogs.values() for line in _lines(incoming, catalog)]


def _lines(incoming: Incoming, catalog: Catalog) -> Iterator[Line]:
    memory, name = incoming.memory, catalog.schema.name
    said = memory.said(incoming.user, name)
    for item_id, event in memory.stances(incoming.user, name).items():
        with suppress(UnknownItem):
            title = catalog.heading(catalog.item(item_id))
            text = incoming.words(REMEMBERED[event.kind], title=title, stars=f"{event.value or 0:g}")
            yield Line(f"item:{name}:{item_id}", _quoting(text, said.get(item_id, ""), incoming))
    for kept in memory.preferences(incoming.user):
        if kept.catalog == name and (text := _wish(kept.constraint, catalog, incoming)):
            yield Line(f"wish:{kept.preference_id}", _quoting(text, kept.said or kept.constraint.text, incoming))


def _wish(wish: Constraint, catalog: Catalog, incoming: Incoming) -> str:
    """A wish in words; empty when the catalogue has lost its slot or rule."""
    if wish.slot == policy.SLOT:
        rule = catalog.policy.rules.get(str(wish.values[0]))
        return rule.says if rule else ""
    if wish.slot not in catalog.schema.slots:
        return ""
    return incoming.words("utter_memory_wish", plural=catalog.schema.plural, wish=in_words([wish], catalog))


def _quoting(text: str, said: str, incoming: Incoming) -> str:
    short = said if len(said) <= QUOTED else f"{said[:QUOTED]}…"
    return incoming.words("utter_memory_from", line=text, said=short) if said else text


def correct_profile(engine: Engine, incoming: Incoming) -> Reply:
    """Forget the lines that the message points at ("the second", a title, a button), and the wishes it speaks of. A
    negated wish ("no more horror"), or one that is set against it ("not horror but thriller"), takes their place. Where
    it says nothing of these, show all lines and ask."""
    if incoming.lifted and not incoming.wishes:
        return Reply((), incoming.state)
    gone = _drop_lines(engine, incoming)
    if _put_instead(incoming):
        return Reply((Say("utter_profile_corrected"),), _untouched(incoming))
    if gone:
        return Reply((Say("utter_profile_dropped", {"lines": "\n".join(gone)}),), _untouched(incoming))
    if set(incoming.state.constraints) < set(incoming.before.constraints):  # "forget the comedy": a wish of now
        return show(engine, incoming)
    if incoming.line or incoming.mentions:
        return Reply((Say("utter_profile_not_there"),), _untouched(incoming))
    return _shown(engine, incoming, Say("utter_profile_how"))


def contradicted(engine: Engine, incoming: Incoming) -> Reply | None:
    """A correction by the words alone: right after the profile, a message that denies a wish in it."""
    denied = [wish for wish in incoming.wishes if wish.op == "not"]
    kept = incoming.memory.preferences(incoming.user) if incoming.before.pending == PROFILE and denied else ()
    if any(_same(known.constraint, wish) for known in kept for wish in denied):
        return correct_profile(engine, incoming)
    return None


def _untouched(incoming: Incoming) -> State:
    """The state as it was: a correction asks for nothing, and its ordinals are lines, not items."""
    return replace(incoming.before, pending="")


def _drop_lines(engine: Engine, incoming: Incoming) -> list[str]:
    """Forget what is pointed at or spoken of. Returns the texts of the lines that went."""
    memory, shown = incoming.memory, incoming.before.profile
    places = [int(m.value or 0) for m in incoming.mentions if m.entity == "ordinal"]
    refs = [shown[p - 1 if p > 0 else p] for p in places if shown and -len(shown) <= p <= len(shown) and p]
    titles = [m for m in incoming.mentions if m.entity == "title"]
    items = dialogue.items_named(incoming.before, titles)
    refs += [f"item:{incoming.catalog.schema.name}:{item}" for item in items]
    refs += [incoming.line] if incoming.line else []
    wishes = memory.preferences(incoming.user)
    refs += [f"wish:{p.preference_id}" for p in wishes if any(_same(p.constraint, wish) for wish in incoming.wishes)]
    known = {line.ref: line.text for line in learnt(engine, incoming)}
    gone = [ref for ref in dict.fromkeys(refs) if _forget_line(memory, incoming.user, ref)]
    return [known[ref] for ref in gone if ref in known]


def _forget_line(memory: Memory, user: str, ref: str) -> bool:
    kind, _, rest = ref.partition(":")
    if kind == "wish" and rest.isdecimal():
        return memory.forget_preference(user, int(rest))
    catalog, _, item_id = rest.partition(":")
    return kind == "item" and memory.forget_item(user, catalog, item_id)


def _put_instead(incoming: Incoming) -> bool:
    """Keep the wishes that the message puts in the place of others. Whether there are any."""
    if phrases.drops(incoming.text):
        return False
    denied = [wish for wish in incoming.wishes if wish.op == "not"]
    wanted = [wish for wish in incoming.wishes if wish.op != "not"]
    instead = wanted if denied and wanted else denied
    for wish in instead:
        incoming.memory.remember(incoming.user, incoming.catalog.schema.name, wish, incoming.said)
    return bool(instead)


def _same(one: Constraint, other: Constraint) -> bool:
    return one.slot == other.slot and bool(set(one.values) & set(other.values))


def forget(engine: Engine, incoming: Incoming) -> Reply:
    """Ask before erasing. Who says it again means it."""
    if incoming.before.pending == FORGET:
        return erase(engine, incoming)
    return Reply((Say("utter_forget_sure"),), replace(incoming.state, pending=FORGET))


def export(engine: Engine, incoming: Incoming) -> Reply:
    """Everything kept about the user: JSON, which platforms that have files give as one."""
    found = incoming.memory.export(incoming.user)
    data = json.dumps(found, ensure_ascii=False, indent=1, default=str)
    return Reply((Say("utter_export"), Say(text=data, custom={"kind": "file", "name": EXPORT})), incoming.state)


def erase(engine: Engine, incoming: Incoming) -> Reply:
    """Forget the user here, and let Rasa forget their conversations at the end of this turn."""
    erasure.forget(incoming.who, engine.store, engine.settings)
    says = Say("utter_forgotten", custom={"kind": "forgotten"})
    return Reply((says,), State(incoming.state.catalog), erase=True)


class ActionShowProfile(Action):
    def name(self) -> str:
        return "action_show_profile"

    async def run(self, dispatcher, tracker, domain):
        return await respond(show_profile, dispatcher, tracker, domain)


class ActionCorrectProfile(Action):
    def name(self) -> str:
        return "action_correct_profile"

    async def run(self, dispatcher, tracker, domain):
        return await respond(correct_profile, dispatcher, tracker, domain)


class ActionForget(Action):
    def name(self) -> str:
        return "action_forget"

    async def run(self, dispatcher, tracker, domain):
        return await respond(forget, dispatcher, tracker, domain)


class ActionExport(Action):
    def name(self) -> str:
        return "action_export"

    async def run(self, dispatcher, tracker, domain):
        return await respond(export, dispatcher, tracker, domain)
