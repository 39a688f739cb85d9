"""Recommend, or first ask what would help most."""

from __future__ import annotations

from dataclasses import replace

from rasa_sdk import Action

from actions.lists import related, show
from actions.profile import contradicted
from actions.reading import Incoming
from actions.turn import Reply, Say, respond
from chatrec import phrases
from chatrec.bootstrap import Engine
from chatrec.elicit import Question, best_question

QUESTIONS = 2  # at most, before the first list
OPEN_INTENTS = frozenset({"continue", "reject", "critique_feature", "critique_compare"})


def recommend(engine: Engine, incoming: Incoming) -> Reply:
    """A list, or a question when there is nothing yet to recommend by."""
    if corrected := contradicted(engine, incoming):
        return corrected
    opens = incoming.intent in ("ask_recommendation", "answer")
    if incoming.intent in ("provide_preference", "correct_profile") or (opens and phrases.tells_taste(incoming.text)):
        for wish in incoming.wishes:
            incoming.memory.remember(incoming.user, incoming.catalog.schema.name, wish, incoming.said)
    if incoming.outcome.related:
        return related(engine, incoming)
    question = _question(engine, incoming)
    if question is None:
        return show(engine, incoming)
    if not incoming.state.asked or incoming.state.constraints:
        return ask(incoming, question)
    listed = show(engine, incoming)  # the first question led nowhere: nobody is kept waiting for another
    asked = ask(replace(incoming, outcome=replace(incoming.outcome, state=listed.state)), question)
    return Reply((*listed.says, *asked.says), asked.state)


def ask(incoming: Incoming, question: Question) -> Reply:
    """Put the question, with its answers as buttons and two ways around it."""
    own = f"utter_ask_{question.slot}"
    slot = incoming.catalog.schema.slots[question.slot]
    buttons = [(option, option) for option in question.options] + incoming.buttons("utter_ask_skip")
    state = replace(incoming.state, pending=question.slot, asked=(*incoming.state.asked, question.slot))
    known = f"{own}_{incoming.language.code}" if incoming.language else own
    response = own if known in incoming.responses else "utter_ask_slot"
    return Reply((Say(response, {"label": slot.label}, buttons=buttons),), state)


def _question(engine: Engine, incoming: Incoming) -> Question | None:
    """The best question, when the user has said and done nothing to go by, or is still answering the first one."""
    state, answering = incoming.state, incoming.before.pending in incoming.catalog.schema.slots
    if len(state.asked) >= QUESTIONS or state.shown or state.anchors:
        return None
    if incoming.intent in OPEN_INTENTS and not answering:
        return None
    if incoming.feeling or "just show" in incoming.text.lower():
        return None
    if incoming.history and not answering and incoming.intent != "start_over":
        return None
    told = state.constraints or not (phrases.is_vague(incoming.text) or phrases.no_preference(incoming.text))
    if told and not answering:
        return None
    query = incoming.query(state)
    fitting = engine.recommender(query.catalog).fitting(query)
    return best_question(incoming.catalog, fitting, incoming.catalog.popularity, state.asked)


class ActionRecommend(Action):
    def name(self) -> str:
        return "action_recommend"

    async def run(self, dispatcher, tracker, domain):
        return await respond(recommend, dispatcher, tracker, domain)
