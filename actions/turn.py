"""From Rasa's tracker to the engine and back.

An action is a plain function ``(Engine, Incoming) -> Reply``; :func:`respond` runs it in a thread, since a blocking
action would stop every other conversation, and turns any failure into an apology instead of silence.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from chatrec import dialogue, feelings, logs, metrics, policy, routing, tracing
from chatrec.bootstrap import Engine, engine
from chatrec.catalog import Catalog, Schema
from chatrec.dialogue import Outcome, State
from chatrec.errors import StoreDown
from chatrec.languages import Language
from chatrec.memory import CONSENT, KEPT, Memory, Passing
from chatrec.types import Constraint, Event, Mention, Query, Turn

log = logging.getLogger(__name__)

TURNS = 8  # utterances of the conversation that the ranker reads
LINE = "forget"  # kind of the button on a line of the profile
ERASED = "erased"  # slot that tells Rasa's tracker store to forget the person whose id it holds
FORGETFUL = "forgetful"  # in State.noticed while the store is down and the user knows


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


@dataclass(frozen=True)
class Incoming:
    """One message, understood and remembered. ``user`` is a key of the store, ``who`` the id on the platform;
    ``memory``: where what is learnt about them is kept. ``said``: the message as it was written; ``language`` what it
    is written in, if not English, and ``text`` its English reading; ``click`` the kind of a card's button;
    ``line``: the line of the profile whose button was pressed;
    ``rules``: those of the catalogue's policy that are in force; ``lifted``: the words for some that no longer are;
    ``emergency``: the one that the message tells of; ``feeling``: what it newly tells of how the user feels, or
    ``fine`` when that is taken back; ``moved``: it took the conversation to another catalogue;
    ``responses``: those of domain.yml, by name, with their variations; ``address``: channel, conversation and person,
    where the bot can write first; ``forgetful``: the store did not answer, and the rest is without what it knows."""

    user: str
    who: str
    memory: Memory
    language: Language | None
    text: str
    said: str
    intent: str
    mentions: tuple[Mention, ...]
    click: str
    line: str
    catalog: Catalog
    before: State
    moved: bool
    outcome: Outcome
    turns: tuple[Turn, ...]
    history: tuple[Event, ...]
    preferences: tuple[Constraint, ...]
    rules: tuple[str, ...]
    lifted: tuple[str, ...]
    emergency: str
    feeling: str
    responses: Mapping[str, Sequence[Mapping[str, Any]]]
    address: tuple[str, str, str] | None = None
    forgetful: bool = False

    @property
    def state(self) -> State:
        return self.outcome.state

    @property
    def wishes(self) -> list[Constraint]:
        """What the message asks for of the catalogue that it is about."""
        own = ("", self.catalog.schema.name)
        return [wish for mention in self.mentions if mention.catalog in own for wish in mention.constraints]

    def query(self, state: State) -> Query:
        """What to recommend by in that state."""
        never = self.catalog.policy.never(self.rules)
        asked = dialogue.query(state, self.turns, self.history, self.preferences, never=never)
        return feelings.leaning(asked, state, self.catalog, time.time())

    def words(self, response: str, **values: object) -> str:
        """A response that is only a part of what is said: one of its variations, with the values in it."""
        filled = _nouns(self.catalog.schema) | values
        text = random.choice(self._own(response))["text"]
        return re.sub(r"{(\w+)}", lambda found: str(filled.get(found[1], found[0])), text)

    def buttons(self, response: str) -> list[tuple[str, str]]:
        """The buttons of a response that go behind others."""
        return [(button["title"], button["payload"]) for button in self._own(response)[0]["buttons"]]

    def _own(self, response: str) -> Sequence[Mapping[str, Any]]:
        spoken = self.language.code if self.language else ""
        return self.responses[own(response, self.catalog.schema.name, spoken, self.responses)]


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
        _send(dispatcher, replace(say, response=response), _nouns(schema), cards)
    memory = reply.memory or incoming.memory
    known = memory.to_json() if isinstance(memory, Passing) else KEPT
    erased = [SlotSet(ERASED, incoming.who)] if reply.erase else []
    return [SlotSet("state", reply.state.to_json()), SlotSet("memory", None if reply.erase else known), *erased]


def own(response: str, catalog: str, spoken: str, known: Container[str]) -> str:
    """The language's and the catalogue's own words for it, when domain.yml has them: ``utter_enjoy_zh`` before
    ``utter_enjoy_travel`` before ``utter_enjoy``."""
    names = [f"{response}_{catalog}_{spoken}", f"{response}_{spoken}", f"{response}_{catalog}"]
    return next((name for name in names if name in known), response)


def _nouns(schema: Schema) -> dict[str, str]:
    return {"noun": schema.noun, "plural": schema.plural}


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
    if catalog.schema.feelings[name].leaning and not said:  # all of it is asked for otherwise
        return reply
    response = f"utter_feeling_{name}" if f"utter_feeling_{name}" in incoming.responses else "utter_feeling"
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


def read(built: Engine, tracker: Tracker, domain: Mapping) -> Incoming:
    """Understand the latest message and remember it: its text, and the behaviour it tells of, each exactly once."""
    message = tracker.latest_message
    metadata = message.get("metadata") or {}
    key = str(metadata.get("message_id") or message.get("message_id") or time.time_ns())
    who = str(metadata.get("user") or tracker.sender_id)
    user, memory = built.store.key(who), built.memory(who, tracker.get_slot("memory"))
    entities = message.get("entities") or []
    spoken = next((e for e in entities if e.get("entity") == "spoken"), {})
    text = spoken.get("english") or message.get("text") or ""
    said = spoken.get("original") or text
    heard = tuple(Mention.from_json(e["mention"]) for e in entities if "mention" in e)
    click = next((e["value"] for e in entities if e.get("entity") == "feedback"), None)
    line, click = (click["item_id"], None) if click and click["kind"] == LINE else ("", click)
    intent = (message.get("intent") or {}).get("name") or "nlu_fallback"
    earlier = _state(built, tracker)
    feels = next((e["value"] for e in entities if e.get("entity") == "feeling"), "")
    before, mentions = _moved(built, earlier, intent, text, heard, click, feels)
    catalog = built.catalog(before.catalog)
    now = time.time()
    feeling = "" if intent == "emergency" or click else feelings.heard(feels, text, before, catalog, now)
    plain, mentions = feelings.aside(text, intent, feeling, mentions, catalog)
    before = replace(before, feeling=feelings.current(before, now))
    outcome = _outcome(before, intent, plain, mentions, click, catalog)
    if feeling == feelings.FINE and not any(m.constraints or m.item_ids or m.direction for m in mentions):
        outcome = Outcome(replace(before.again(), pending=""))
    if intent != "emergency":
        outcome = replace(outcome, state=feelings.felt(outcome.state, feeling, catalog, now))
    lifted = built.note_rules(user, mentions, before.catalog, memory, said)
    passing, over = _passing(built, earlier, mentions, before.catalog, now)
    outcome = replace(outcome, state=replace(outcome.state, passing=passing))
    if text:
        memory.add_turn(user, tracker.sender_id, Turn("user", said), time.time(), key)
    for event in outcome.events:
        memory.add_event(user, catalog.schema.name, event, f"{key}:{event.item_id}:{event.kind}", said)
    recalled = built.recall(user, catalog.schema.name, memory)
    told = [p.constraint for p in recalled.preferences if p.catalog == before.catalog]
    rules = policy.rules_in(told) if recalled.whole else _rules_without_memory(before, mentions)
    return Incoming(
        user=user,
        who=who,
        memory=memory,
        language=built.languages.get(spoken.get("value", "")),
        text=text,
        said=said,
        intent=intent,
        mentions=tuple(m for m in mentions if m.catalog in ("", before.catalog)),
        click=click["kind"] if click else "",
        line=line,
        catalog=catalog,
        before=before,
        moved=before.catalog != earlier.catalog,
        outcome=outcome,
        turns=_turns(tracker),
        history=recalled.history,
        preferences=tuple(c for c in told if c.slot in catalog.schema.slots),
        rules=tuple(dict.fromkeys((*rules, *(p.rule for p in passing if p.catalog == before.catalog)))),
        lifted=(*lifted, *over),
        emergency=next((e["value"] for e in entities if e.get("entity") == "emergency"), ""),
        feeling=feeling,
        responses=domain.get("responses") or {},
        address=_address(tracker, metadata),
        forgetful=not recalled.whole,
    )


def _passing(
    built: Engine, state: State, mentions: Sequence[Mention], catalog: str, at: float
) -> tuple[tuple[policy.Occasional, ...], tuple[str, ...]]:
    """The rules in force for the occasion, and the words for those that the message takes back."""
    rules = policy.told(mentions, catalog)
    held = policy.passing(state.passing, rules, {name: known.policy for name, known in built.catalogs.items()}, at)
    denied = {(m.catalog, m.value) for m in rules if m.negated}
    return held, tuple(dict.fromkeys(p.said for p in state.passing if (p.catalog, p.rule) in denied))


def _rules_without_memory(before: State, mentions: Sequence[Mention]) -> tuple[str, ...]:
    """Those that the conversation knows of, and those that the message tells."""
    told = policy.told(mentions, before.catalog)
    taken_back = [FORGETFUL, *(str(m.value) for m in told if m.negated)]
    rules = (*before.noticed, *(str(m.value) for m in told if not m.negated))
    return tuple(rule for rule in dict.fromkeys(rules) if rule not in taken_back)


def _address(tracker: Tracker, metadata: Mapping) -> tuple[str, str, str] | None:
    """Our channels name the person, and can write first."""
    person = metadata.get("user")
    return (tracker.get_latest_input_channel(), tracker.sender_id, str(person)) if person else None


def _moved(
    built: Engine,
    state: State,
    intent: str,
    text: str,
    mentions: tuple[Mention, ...],
    click: Mapping | None,
    feeling: str,
) -> tuple[State, tuple[Mention, ...]]:
    """The state in the catalogue that the message is about, and the mentions, with what is taken along from the item
    spoken of in the one before. An emergency moves nothing, nor does a feeling that the catalogue knows: "I'm stressed"
    while choosing a film is no question about health."""
    at_home = intent in feelings.TELLING and feeling in built.catalog(state.catalog).schema.feelings
    if intent == "emergency" or at_home:
        return state, mentions
    if click is not None:
        return state.move(built.holder(click["item_id"], state.catalog)), mentions
    name = built.router.route(text, intent, mentions, state)
    if name == state.catalog:
        return state, mentions
    titles = list(dialogue.items_named(state, [m for m in mentions if m.catalog == state.catalog]))
    if not titles and routing.points_back(text, built.catalog(state.catalog)):
        titles = [i for i in (state.focus or state.judged, *state.anchors, *state.shown[:1]) if i][:1]
    taken = routing.carried(state.catalog, titles[:1], built.catalogs, name)
    wished = taken or any(m.catalog == name and (m.constraints or m.item_ids) for m in mentions)
    return state.move(name, afresh=bool(wished)), (*mentions, *taken)


def _outcome(
    state: State, intent: str, text: str, mentions: Sequence[Mention], click: Mapping | None, catalog: Catalog
) -> Outcome:
    if click is None:
        return dialogue.understand(state, intent, text, mentions, catalog)
    catalog.item(click["item_id"])  # an id of nothing stops here
    return dialogue.clicked(state, click["kind"], click["item_id"], click.get("impression_id"))


def _state(built: Engine, tracker: Tracker) -> State:
    saved = tracker.get_slot("state")
    return State.from_json(saved) if saved else State(next(iter(built.catalogs)))


def _turns(tracker: Tracker) -> tuple[Turn, ...]:
    speakers = {"user": "user", "bot": "bot"}
    said = [(speakers[e["event"]], e.get("text")) for e in tracker.events if e.get("event") in speakers]
    kept = [(speaker, text) for speaker, text in said if text and not text.startswith("1. ")]  # lists are not talk
    return tuple(Turn(speaker, text[:300]) for speaker, text in kept)[-TURNS:]
