"""How was it? Asked the day after, of those who said yes to that, and until they say stop."""

from __future__ import annotations

import time
from dataclasses import replace

from rasa_sdk import Action

from actions.reading import Incoming
from actions.turn import Reply, Say, respond
from chatrec.bootstrap import Engine
from chatrec.records import FollowUp

REMINDERS = "reminders"  # purpose of the consent, and State.pending while the bot waits for it
LATER = 24 * 3600.0  # seconds between the choice and the question


def chosen(engine: Engine, incoming: Incoming, item_id: str) -> Reply:
    """Wish a good time. Once, ask whether to come back to it; with a yes on record, do so.

    Only where a channel can write first, and for catalogues that have ``utter_ask_follow_up_<catalogue>``."""
    state, title = replace(incoming.state, focus=item_id), incoming.catalog.item(item_id).title
    enjoy = Say("utter_enjoy", {"title": title})
    kept = engine.remembers(incoming.user)  # a question for later would have to be remembered
    if not incoming.address or not kept or f"utter_ask_follow_up_{state.catalog}" not in incoming.responses:
        return Reply((enjoy,), state)
    if incoming.forgetful:
        return Reply((enjoy,), state)
    granted = {c.purpose: c.granted for c in engine.store.consents(incoming.user)}.get(REMINDERS)
    if granted is None:
        engine.store.consent(incoming.user, REMINDERS, False)  # asked, and no yes so far
        return Reply((enjoy, Say("utter_ask_follow_up")), replace(state, pending=REMINDERS))
    return Reply((enjoy, _planned(engine, incoming, item_id)) if granted else (enjoy,), state)


def agree(engine: Engine, incoming: Incoming) -> Reply:
    """The yes."""
    engine.store.consent(incoming.user, REMINDERS, True)
    return Reply((_planned(engine, incoming, incoming.state.focus),), incoming.state)


def _planned(engine: Engine, incoming: Incoming, item_id: str) -> Say:
    planned = FollowUp(*incoming.address, incoming.state.catalog, item_id, time.time() + LATER)
    engine.store.plan_follow_up(incoming.user, planned)
    return Say("utter_follow_up_planned", {"title": incoming.catalog.item(item_id).title})


def follow_up(engine: Engine, incoming: Incoming) -> Reply:
    """The question, when it is due; nothing when it was stopped, or answered meanwhile."""
    item_id = incoming.state.focus
    stance = engine.store.stances(incoming.user, incoming.state.catalog).get(item_id)
    planned = engine.store.end_follow_up(incoming.user)
    if not planned or stance is None or stance.kind != "accept":
        return Reply((), incoming.before)
    title = incoming.catalog.item(item_id).title
    return Reply((Say("utter_follow_up", {"title": title}),), incoming.state)


def stop(engine: Engine, incoming: Incoming) -> Reply:
    """Never write first again, not even what was promised."""
    if engine.store.find_user(incoming.user):
        engine.store.consent(incoming.user, REMINDERS, False)
        engine.store.end_follow_up(incoming.user)
    return Reply((Say("utter_stop_reminders"),), incoming.state)


class ActionFollowUp(Action):
    def name(self) -> str:
        return "action_follow_up"

    async def run(self, dispatcher, tracker, domain):
        return await respond(follow_up, dispatcher, tracker, domain)


class ActionStopReminders(Action):
    def name(self) -> str:
        return "action_stop_reminders"

    async def run(self, dispatcher, tracker, domain):
        return await respond(stop, dispatcher, tracker, domain)
