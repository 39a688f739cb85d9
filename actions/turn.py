"""From Rasa's tracker to the engine and back.

An action is a plain function ``(Engine, Incoming) -> Reply``; :func:`respond` runs it in a thread, since a blocking
action would stop every other conversation, and turns any failure into an apology instead of silence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.reading import FORGETFUL, Incoming, nouns, own, read
from chatrec import feelings, logs, metrics, policy, tracing
from chatrec.bootstrap import Engine, engine
from chatrec.dialogue import State
from chatrec.errors import StoreDown
from chatrec.memory import CONSENT, KEPT, Passing

log = logging.getLogger(__name__)

PEOPLE = 20  # of a group, of whom the conversation knows something
ERASED = "erased"  # slot that tells Rasa's tracker store to forget the person whose id it holds


@dataclass(frozen=True)
class Say:
    """One message of the bot: a response of domain.yml with its values, or a text; data for cards.

    ``{noun}`` and ``{plural}`` of the catalogue are values of every response. ``buttons``: those that depend on the
    moment; Rasa puts the response's own before them."""

    response: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    buttons: Sequence[tuple[str, str]] = ()
    custom: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Reply:
    """What the bot says, and the state of the conversation after it. ``erase``: the conversation itself goes, too.
    ``memory``: what the conversation alone knows from now on, when that has changed."""

    says: tuple[Say, ...]
    state: State
    erase: bool = False
    memory: Passing | None = None


Work = Callable[[Engine, Incoming], Reply]


async def respond(work: Work, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping) -> list[dict]:
    """Run ``work`` for the tracker's latest message and send what it says."""
    metadata = tracker.latest_message.get("metadata") or {}
    name = work.__name__
    with logs.private(), tracing.span(f"action {name}", metadata), metrics.ACTION.labels(name).time():
        return await _respond(work, dispatcher, tracker, domain)


async def _respond(work: Work, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping) -> list[dict]:
    built = engine()  # for the whole turn, whatever model comes into service meanwhile
    try:
        seconds = built.settings.action_seconds
        work_done = asyncio.to_thread(_run, built, work, tracker, domain)
        incoming, reply = await asyncio.wait_for(work_done, seconds)
    except StoreDown as error:
        log.error("store down: %s", error)
        metrics.ERRORS.labels("store").inc()
        dispatcher.utter_message(response="utter_no_memory")
        return []
    except Exception:
        log.exception("%s failed", work.__name__)
        metrics.ERRORS.labels("action").inc()
        dispatcher.utter_message(response="utter_sorry")
        return []
    cards = tracker.get_latest_input_channel() != "cmdline"
    schema = built.catalog(reply.state.catalog).schema
    spoken = next((e["value"] for e in tracker.latest_message.get("entities") or () if e.get("entity") == "spoken"), "")
    for say in reply.says:
        response = say.response and own(say.response, schema.name, spoken, domain.get("responses") or {})
        _send(dispatcher, replace(say, response=response), nouns(schema), cards)
    erased = [SlotSet(ERASED, incoming.who)] if reply.erase else []
    return [SlotSet("state", reply.state.to_json()), SlotSet("memory", _remembered(tracker, incoming, reply)), *erased]


def _remembered(tracker: Tracker, incoming: Incoming, reply: Reply) -> dict[str, Any]:
    """What the conversation alone knows of each who takes part, by their key; they spoke last who stand last."""
    known = {key: kept for key, kept in (tracker.get_slot("memory") or {}).items() if key != incoming.user}
    memory = reply.memory or incoming.memory
    own = {} if reply.erase else {incoming.user: memory.to_json() if isinstance(memory, Passing) else KEPT}
    return dict([*known.items(), *own.items()][-PEOPLE:])


def _run(built: Engine, work: Work, tracker: Tracker, domain: Mapping) -> tuple[Incoming, Reply]:
    incoming = read(built, tracker, domain)
    reply = work(built, incoming)
    if incoming.intent == "emergency":
        return incoming, reply
    return incoming, _asking(built, incoming, _with_policy(incoming, _with_feeling(incoming, reply)))


LOST = frozenset({"utter_out_of_scope", "utter_not_understood", "utter_neutral", "utter_what_instead"})


def _with_feeling(incoming: Incoming, reply: Reply) -> Reply:
    """The reply, after what is made of how the user feels; instead of it when it says that nothing was understood."""
    if not incoming.feeling:
        return reply
    rest = tuple(say for say in reply.says if say.response not in LOST)
    if incoming.feeling == feelings.FINE:
        return Reply((Say("utter_feeling_gone"), *rest), reply.state)
    name, catalog = incoming.feeling, incoming.catalog
    said = feelings.says(incoming.query(incoming.state), name, catalog)
    response = f"utter_feeling_{name}" if f"utter_feeling_{name}" in incoming.responses else "utter_feeling"
    if catalog.schema.feelings[name].leaning and not said:  # all of it goes against what is asked for
        response = "utter_feeling_noted"
    return Reply((Say(response, {"says": said}), *rest), reply.state)


def _asking(built: Engine, incoming: Incoming, reply: Reply) -> Reply:
    """The reply, with the question whether to remember under the first list of somebody who was never asked."""
    memory, listing = incoming.memory, any((say.custom or {}).get("kind") == "list" for say in reply.says)
    if not listing or incoming.forgetful or not isinstance(memory, Passing) or memory.asked:
        return reply
    if built.remembers(incoming.user) is not None:
        return reply
    memory.asked = True
    says = (*reply.says, Say("utter_ask_memory"))
    return replace(reply, says=says, state=replace(reply.state, pending=CONSENT))


def _with_policy(incoming: Incoming, reply: Reply) -> Reply:
    """The reply, after what rules of the policy the message has put in force or taken back, and with the notice that
    goes with every list. A reply without memory says so, once in a conversation as long as that lasts."""
    written, state = incoming.catalog.policy, reply.state
    listing = any((say.custom or {}).get("kind") == "list" for say in reply.says)
    told = listing or any(m.entity == policy.SLOT for m in incoming.mentions)
    fresh = [r for r in incoming.rules if told and r in written.rules and r not in state.noticed]
    lead = [Say("utter_rule_lifted", {"said": said}) for said in incoming.lifted]
    forgetful = [FORGETFUL] if incoming.forgetful else []
    lead += [Say("utter_without_memory") for mark in forgetful if mark not in state.noticed]
    lead += [Say("utter_rule", {"says": written.rules[rule].says}) for rule in fresh]
    notice = [Say("utter_notice", {"notice": written.notice})] if listing and written.notice else []
    noticed = (*(rule for rule in state.noticed if rule in incoming.rules), *fresh, *forgetful)
    return replace(reply, says=(*lead, *reply.says, *notice), state=replace(state, noticed=noticed))


def _send(dispatcher: CollectingDispatcher, say: Say, values: Mapping[str, str], cards: bool) -> None:
    dispatcher.utter_message(
        text=say.text or None,
        response=say.response or None,
        buttons=[{"title": title, "payload": payload} for title, payload in say.buttons],
        json_message=dict(say.custom) if say.custom and cards else None,
        **(values | say.values if say.response else {}),
    )
