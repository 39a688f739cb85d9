"""Memory that is the user's: shown, corrected, given away, forgotten."""

from __future__ import annotations

import json
from dataclasses import replace

from rasa_sdk import Action

from actions.turn import Incoming, Reply, Say, respond
from chatrec import policy
from chatrec.bootstrap import Engine
from chatrec.catalog import Catalog
from chatrec.dialogue import State
from chatrec.facts import in_words
from chatrec.types import Constraint

FORGET = "forget"  # State.pending while the bot waits for a yes to erasing everything
SHOWN = 12  # titles a line
REMEMBERED = {
    "utter_memory_liked": ("like", "accept"),
    "utter_memory_disliked": ("dislike", "reject"),
    "utter_memory_seen": ("seen",),
}


def show_profile(engine: Engine, incoming: Incoming) -> Reply:
    """What is stored about the user, in words."""
    lines = memory(engine, incoming)
    if not lines:
        return Reply((Say("utter_profile_empty"),), incoming.state)
    return Reply((Say("utter_profile", {"memory": "\n".join(lines)}),), incoming.state)


def memory(engine: Engine, incoming: Incoming) -> list[str]:
    """A line for each kind of thing remembered, over all catalogues; empty for a stranger."""
    return [line for catalog in engine.catalogs.values() for line in _remembered(engine, incoming, catalog)]


def _remembered(engine: Engine, incoming: Incoming, catalog: Catalog) -> list[str]:
    stances = engine.store.stances(incoming.user, catalog.schema.name)
    lines = []
    for response, kinds in REMEMBERED.items():
        titles = [catalog.item(i).title for i, event in stances.items() if event.kind in kinds][-SHOWN:]
        if titles:
            lines.append(incoming.words(response, titles=", ".join(titles)))
    told = [p.constraint for p in engine.store.preferences(incoming.user) if p.catalog == catalog.schema.name]
    for fact in (c for c in told if c.slot == policy.SLOT):
        rule = catalog.policy.rules.get(str(fact.values[0]))
        lines += [incoming.words("utter_memory_rule", said=fact.text, says=rule.says)] if rule else []
    wishes = [c for c in told if c.slot != policy.SLOT]
    if wishes:
        said = in_words(wishes, catalog)
        lines.append(incoming.words("utter_memory_wishes", plural=catalog.schema.plural, wishes=said))
    return lines


def correct_profile(engine: Engine, incoming: Incoming) -> Reply:
    """Drop the remembered wishes that the message speaks of; a negated one ("no more horror") takes their place."""
    spoken = incoming.wishes
    if incoming.lifted and not spoken:
        return Reply((), incoming.state)
    if not spoken and not incoming.outcome.subjects:
        return Reply((Say("utter_profile_how"),), incoming.state)
    for kept in engine.store.preferences(incoming.user):
        if any(_same(kept.constraint, wish) for wish in spoken):
            engine.store.forget_preference(kept.preference_id)
    for wish in spoken:
        if wish.op == "not":
            engine.store.remember(incoming.user, incoming.catalog.schema.name, wish)
    return Reply((Say("utter_profile_corrected"),), incoming.state)


def _same(one: Constraint, other: Constraint) -> bool:
    return one.slot == other.slot and bool(set(one.values) & set(other.values))


def forget(engine: Engine, incoming: Incoming) -> Reply:
    """Ask before erasing."""
    return Reply((Say("utter_forget_sure"),), replace(incoming.state, pending=FORGET))


def export(engine: Engine, incoming: Incoming) -> Reply:
    """Everything stored about the user, as JSON."""
    data = json.dumps(engine.store.export(incoming.user), ensure_ascii=False, indent=1, default=str)
    return Reply((Say("utter_export"), Say(text=data)), incoming.state)


def erase(engine: Engine, incoming: Incoming) -> Reply:
    """Forget the user here and in the conversation's own state."""
    engine.store.forget(incoming.user)
    return Reply((Say("utter_forgotten"),), State(incoming.state.catalog))


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
