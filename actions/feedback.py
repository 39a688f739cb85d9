"""What the user did about an item: seen, liked, disliked, accepted, rejected."""

from __future__ import annotations

from rasa_sdk import Action

from actions.followup import chosen
from actions.lists import show, which_one
from actions.profile import contradicted
from actions.reading import Incoming
from actions.turn import Reply, Say, respond
from chatrec.bootstrap import Engine

CLICKED = {"like": "utter_clicked_like", "dislike": "utter_clicked_dislike", "seen": "utter_clicked_seen"}


def feedback(engine: Engine, incoming: Incoming) -> Reply:
    """Take the feedback in. A word of it brings the next list; a click on a card only a short thank-you."""
    if incoming.click and incoming.click != "more":
        return _thank(incoming)
    if corrected := contradicted(engine, incoming):
        return corrected
    events = incoming.outcome.events
    if not events and not incoming.mentions:
        return _unclear(incoming)
    if any(event.kind == "accept" for event in events):
        return chosen(engine, incoming, events[-1].item_id)
    return show(engine, incoming)


def _thank(incoming: Incoming) -> Reply:
    title = incoming.catalog.item(incoming.state.focus).title
    return Reply((Say(CLICKED[incoming.click], {"title": title}),), incoming.state)


def _unclear(incoming: Incoming) -> Reply:
    """Praise or blame without an item: "great!" after a list of five."""
    if not incoming.state.shown and incoming.intent != "seen":
        return Reply((Say("utter_neutral"),), incoming.state)
    return which_one(incoming)


class ActionFeedback(Action):
    def name(self) -> str:
        return "action_feedback"

    async def run(self, dispatcher, tracker, domain):
        return await respond(feedback, dispatcher, tracker, domain)
