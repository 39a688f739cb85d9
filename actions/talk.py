"""Around the recommending: hello, yes and no, choosing a catalogue, and not understanding."""

from __future__ import annotations

import unicodedata

from rasa_sdk import Action

from actions import consent, followup, profile
from actions.feedback import feedback
from actions.lists import show
from actions.reading import Incoming
from actions.recommend import recommend
from actions.turn import Reply, Say, respond
from chatrec import phrases, policy
from chatrec.bootstrap import Engine
from chatrec.feelings import FINE
from chatrec.memory import CONSENT

CONFIRMED = (profile.FORGET, profile.PROFILE, followup.REMINDERS, CONSENT)  # waited for, but no slot of a catalogue


def greet(engine: Engine, incoming: Incoming) -> Reply:
    """Hello; a returning user hears what is remembered. A list when something is asked for ("hoka")."""
    if _named(incoming):
        return recommend(engine, incoming)
    stances = incoming.memory.stances(incoming.user, incoming.catalog.schema.name)
    liked = [event for event in stances.values() if event.kind == "like"]
    if not liked:
        return Reply((Say("utter_greet_new", {"names": _names(engine)}),), incoming.state)
    titles = [incoming.catalog.item(e.item_id).title for e in liked[-2:]]
    values = {"liked": " and ".join(titles), "title": titles[-1]}
    return Reply((Say("utter_greet_back", values),), incoming.state)


def affirm(engine: Engine, incoming: Incoming) -> Reply:
    """Yes: to erasing, to the item in focus, or to seeing something."""
    if incoming.before.pending == profile.FORGET:
        return profile.erase(engine, incoming)
    if incoming.before.pending == CONSENT:
        return consent.remember(engine, incoming)
    if incoming.before.pending == followup.REMINDERS and incoming.address:
        return followup.agree(engine, incoming)
    if incoming.before.pending and incoming.before.pending not in CONFIRMED:
        return recommend(engine, incoming)
    if incoming.state.focus:
        title = incoming.catalog.item(incoming.state.focus).title
        return Reply((Say("utter_enjoy", {"title": title}),), incoming.state)
    return show(engine, incoming)


def deny(engine: Engine, incoming: Incoming) -> Reply:
    """No: to erasing, to a question, or to what was shown."""
    if incoming.before.pending == profile.FORGET:
        return Reply((Say("utter_forget_kept"),), incoming.state)
    if incoming.before.pending == CONSENT and not incoming.mentions:
        return consent.decline(engine, incoming)
    if incoming.before.pending == followup.REMINDERS:
        return Reply((Say("utter_follow_up_declined"),), incoming.state)
    if incoming.before.pending or incoming.mentions or incoming.feeling == FINE:
        return recommend(engine, incoming)
    return Reply((Say("utter_what_instead"),), incoming.state)


def neutral(engine: Engine, incoming: Incoming) -> Reply:
    """Hmm, ok: an open question is answered with "no preference"; else the bot stays out of the way, unless something
    is asked for after all ("may please")."""
    open_question = incoming.before.pending and incoming.before.pending not in CONFIRMED
    asked = _named(incoming) or incoming.feeling == FINE or phrases.leaves_it_to_us(incoming.text)
    if open_question or asked:
        return recommend(engine, incoming)
    return Reply((Say("utter_neutral"),), incoming.state)


def choose_domain(engine: Engine, incoming: Incoming) -> Reply:
    """Begin with the catalogue that the message is about; say which there are when it is about none."""
    if incoming.moved or incoming.mentions or engine.router.names_one(incoming.text):
        return recommend(engine, incoming)
    schemas = [catalog.schema for catalog in engine.catalogs.values()]
    buttons = [(schema.about.capitalize(), f"recommend me some {schema.plural}") for schema in schemas]
    return Reply((Say("utter_domains", {"names": _names(engine)}, buttons=buttons),), incoming.state)


def say(engine: Engine, incoming: Incoming) -> Reply:
    """The response that belongs to the intent: ``utter_thank`` to a thank-you."""
    return Reply((Say(f"utter_{incoming.intent}"),), incoming.state)


def explain_self(engine: Engine, incoming: Incoming) -> Reply:
    """What can be asked for, and about what; a list when something is asked for ("do you have drills?")."""
    if incoming.wishes:
        return show(engine, incoming)
    return Reply((Say("utter_help", {"names": _names(engine)}),), incoming.state)


def fallback(engine: Engine, incoming: Incoming) -> Reply:
    """A message whose intent is unclear or seems foreign. What it names of the catalogue still counts, and so does the
    answer to a question; else say honestly what is wrong with it and what would work."""
    if incoming.intent == "out_of_scope" and (
        phrases.topic(phrases.cut(incoming.text, incoming.mentions)) or not incoming.mentions
    ):
        return Reply((Say("utter_out_of_scope"),), incoming.state)
    telling = ("ordinal", policy.SLOT)
    if any(m.constraints or m.item_ids or m.direction or m.entity in telling for m in incoming.mentions):
        return recommend(engine, incoming) if not incoming.state.focus else feedback(engine, incoming)
    if incoming.before.pending and incoming.before.pending not in CONFIRMED:
        return recommend(engine, incoming)
    return Reply((Say(_complaint(incoming.text)),), incoming.state)


def _named(incoming: Incoming) -> bool:
    """Whether the message names something to look for; "excellent" does not."""
    return any(wish.op == "is" and not wish.soft for wish in incoming.wishes)


def _names(engine: Engine) -> str:
    """The kinds of things there are: "films, products and destinations"."""
    *most, last = [catalog.schema.about for catalog in engine.catalogs.values()]
    return f"{', '.join(most)} and {last}" if most else last


def _complaint(text: str) -> str:
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return "utter_no_words"
    foreign = sum("LATIN" not in unicodedata.name(c, "") for c in letters)
    return "utter_other_script" if foreign > len(letters) / 2 else "utter_not_understood"


class ActionGreet(Action):
    def name(self) -> str:
        return "action_greet"

    async def run(self, dispatcher, tracker, domain):
        return await respond(greet, dispatcher, tracker, domain)


class ActionAffirm(Action):
    def name(self) -> str:
        return "action_affirm"

    async def run(self, dispatcher, tracker, domain):
        return await respond(affirm, dispatcher, tracker, domain)


class ActionDeny(Action):
    def name(self) -> str:
        return "action_deny"

    async def run(self, dispatcher, tracker, domain):
        return await respond(deny, dispatcher, tracker, domain)


class ActionNeutral(Action):
    def name(self) -> str:
        return "action_neutral"

    async def run(self, dispatcher, tracker, domain):
        return await respond(neutral, dispatcher, tracker, domain)


class ActionChooseDomain(Action):
    def name(self) -> str:
        return "action_choose_domain"

    async def run(self, dispatcher, tracker, domain):
        return await respond(choose_domain, dispatcher, tracker, domain)


class ActionHelp(Action):
    def name(self) -> str:
        return "action_help"

    async def run(self, dispatcher, tracker, domain):
        return await respond(explain_self, dispatcher, tracker, domain)


class ActionSay(Action):
    def name(self) -> str:
        return "action_say"

    async def run(self, dispatcher, tracker, domain):
        return await respond(say, dispatcher, tracker, domain)


class ActionFallback(Action):
    def name(self) -> str:
        return "action_fallback"

    async def run(self, dispatcher, tracker, domain):
        return await respond(fallback, dispatcher, tracker, domain)
