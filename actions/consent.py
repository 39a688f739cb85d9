"""Whether to remember somebody: asked once, under their first list; until a yes nothing is stored."""

from __future__ import annotations

from rasa_sdk import Action

from actions.reading import Incoming
from actions.turn import Reply, Say, respond
from chatrec.bootstrap import Engine
from chatrec.memory import CONSENT, Passing


def remember(engine: Engine, incoming: Incoming) -> Reply:
    """The yes: what the conversation has learnt so far is stored, and so is what comes."""
    if isinstance(incoming.memory, Passing):
        engine.store.consent(incoming.user, CONSENT, True)
        incoming.memory.keep(engine.store, incoming.user)
    return Reply((Say("utter_memory_on"),), incoming.state)


def decline(engine: Engine, incoming: Incoming) -> Reply:
    """The no, which is all that is stored from now on. What was stored is taken back into the conversation, where it
    counts until that ends, rules of the policies included."""
    held = engine.store.holds(incoming.user)
    passing = incoming.memory if isinstance(incoming.memory, Passing) else Passing.of(engine.store, incoming.user)
    if held:
        engine.store.forget(incoming.user)
    engine.store.consent(incoming.user, CONSENT, False)
    return Reply((Say("utter_memory_off_erased" if held else "utter_memory_off"),), incoming.state, memory=passing)


class ActionRemember(Action):
    def name(self) -> str:
        return "action_remember"

    async def run(self, dispatcher, tracker, domain):
        return await respond(remember, dispatcher, tracker, domain)


class ActionDecline(Action):
    def name(self) -> str:
        return "action_decline"

    async def run(self, dispatcher, tracker, domain):
        return await respond(decline, dispatcher, tracker, domain)
