"""Whether to remember somebody: asked once, under their first list; until a yes nothing is stored."""

from __future__ import annotations

from rasa_sdk import Action

from actions.turn import Incoming, Reply, Say, respond
from chatrec.bootstrap import Engine
from chatrec.memory import CONSENT, Passing


def remember(engine: Engine, incoming: Incoming) -> Reply:
    """The yes: what the conversation has learnt so far is stored, and so is what comes."""
    if isinstance(incoming.memory, Passing):
        engine.store.consent(incoming.user, CONSENT, True)
        incoming.memory.keep(engine.store, incoming.user)
    return Reply((Say("utter_memory_on"),), incoming.state)


def decline(engine: Engine, incoming: Incoming) -> Reply:
    """The no, which is all that is stored from now on. What is stored already only goes when that is asked for."""
    engine.store.consent(incoming.user, CONSENT, False)
    kept = engine.store.holds(incoming.user)
    return Reply((Say("utter_memory_off_kept" if kept else "utter_memory_off"),), incoming.state)


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
