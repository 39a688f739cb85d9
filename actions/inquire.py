"""Questions about items: facts, what others think of it, how two differ."""

from __future__ import annotations

from dataclasses import replace

from rasa_sdk import Action

from actions.lists import about, related, show, which_one
from actions.reading import Incoming
from actions.turn import Reply, Say, respond
from chatrec import phrases
from chatrec.bootstrap import Engine
from chatrec.facts import answer, compare, extreme, whether


def inquire(engine: Engine, incoming: Incoming) -> Reply:
    """Facts of the item's row that the question asks for; all of them when it asks for none in particular."""
    if incoming.outcome.related:
        return related(engine, incoming)
    item_id = about(incoming)
    if item_id is None and (best := _extreme(incoming)):
        return best
    if item_id is None or set(incoming.state.constraints) - set(incoming.before.constraints):  # "who should I see?"
        return show(engine, incoming) if incoming.wishes else which_one(incoming)
    item = incoming.catalog.item(item_id)
    asked = incoming.wishes
    words, catalog = incoming.words, incoming.catalog
    text = whether(asked, item, catalog, words) if asked else answer(incoming.text, item, catalog, words)
    return Reply((Say(text=text),), incoming.state)


def opinion(engine: Engine, incoming: Incoming) -> Reply:
    """What critics made of it: the bot has no opinion of its own."""
    item_id = about(incoming)
    if item_id is None:
        return show(engine, incoming) if incoming.wishes else which_one(incoming)  # "decent reviews"
    item, schema = incoming.catalog.item(item_id), incoming.catalog.schema
    score = item.attributes.get(schema.columns.get("reception", ""))
    if not isinstance(score, float):
        return Reply((Say("utter_opinion_unknown", {"title": item.title}),), incoming.state)
    fair = "utter_opinion_fair" if score >= 60 else "utter_opinion_low"
    response = "utter_opinion_high" if score >= 80 else fair
    return Reply((Say(response, {"title": item.title, "score": f"{score:g}"}),), incoming.state)


def difference(engine: Engine, incoming: Incoming) -> Reply:
    """How two items differ; with fewer than two it is a request ("like the second but lighter")."""
    subjects = incoming.outcome.subjects
    if len(subjects) == 1 and incoming.before.focus and incoming.before.focus != subjects[0]:
        subjects = (incoming.before.focus, subjects[0])
    if not subjects and (best := _extreme(incoming)):
        return best
    if len(subjects) < 2:
        wished = any(m.entity != "ordinal" for m in incoming.mentions) or phrases.asks_for_more_like_it(incoming.text)
        return show(engine, incoming) if wished else which_one(incoming, "utter_compare_which")
    first, second = (incoming.catalog.item(i) for i in subjects[:2])
    return Reply((Say(text=compare(first, second, incoming.catalog, incoming.words)),), incoming.state)


def _extreme(incoming: Incoming) -> Reply | None:
    """ "Which of these is the shortest?" """
    shown = [incoming.catalog.item(item_id) for item_id in incoming.state.shown]
    found = extreme(incoming.text, shown, incoming.catalog, incoming.words)
    return found and Reply((Say(text=found[1]),), replace(incoming.state, focus=found[0].item_id))


class ActionInquire(Action):
    def name(self) -> str:
        return "action_inquire"

    async def run(self, dispatcher, tracker, domain):
        return await respond(inquire, dispatcher, tracker, domain)


class ActionOpinion(Action):
    def name(self) -> str:
        return "action_opinion"

    async def run(self, dispatcher, tracker, domain):
        return await respond(opinion, dispatcher, tracker, domain)


class ActionCompare(Action):
    def name(self) -> str:
        return "action_compare"

    async def run(self, dispatcher, tracker, domain):
        return await respond(difference, dispatcher, tracker, domain)
