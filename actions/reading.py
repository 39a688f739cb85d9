"""What an action hears: the tracker's latest message, understood, remembered, and put beside what is known."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rasa_sdk import Tracker

from chatrec import clock, dialogue, feelings, policy, routing
from chatrec.bootstrap import Engine
from chatrec.catalog import Catalog, Schema
from chatrec.dialogue import Outcome, State
from chatrec.languages import Language
from chatrec.memory import Memory
from chatrec.types import Constraint, Event, Mention, Query, Turn

TURNS = 8  # utterances of the conversation that the ranker reads
LINE = "forget"  # kind of the button on a line of the profile
FORGETFUL = "forgetful"  # in State.noticed while the store is down and the user knows


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
        filled = nouns(self.catalog.schema) | values
        text = random.choice(self._own(response))["text"]
        return re.sub(r"{(\w+)}", lambda found: str(filled.get(found[1], found[0])), text)

    def buttons(self, response: str) -> list[tuple[str, str]]:
        """The buttons of a response that go behind others."""
        return [(button["title"], button["payload"]) for button in self._own(response)[0]["buttons"]]

    def _own(self, response: str) -> Sequence[Mapping[str, Any]]:
        spoken = self.language.code if self.language else ""
        return self.responses[own(response, self.catalog.schema.name, spoken, self.responses)]


def own(response: str, catalog: str, spoken: str, known: Container[str]) -> str:
    """The language's and the catalogue's own words for it, when domain.yml has them: ``utter_enjoy_zh`` before
    ``utter_enjoy_travel`` before ``utter_enjoy``."""
    names = [f"{response}_{catalog}_{spoken}", f"{response}_{spoken}", f"{response}_{catalog}"]
    return next((name for name in names if name in known), response)


def nouns(schema: Schema) -> dict[str, str]:
    return {"noun": schema.noun, "plural": schema.plural}


def read(built: Engine, tracker: Tracker, domain: Mapping) -> Incoming:
    """Understand the latest message and remember it: its text, and the behaviour it tells of, each exactly once."""
    message, now = tracker.latest_message, clock.now()
    metadata = message.get("metadata") or {}
    key = str(metadata.get("message_id") or message.get("message_id") or time.time_ns())
    who = str(metadata.get("user") or tracker.sender_id)
    user = built.store.key(who)
    memory = built.memory(who, (tracker.get_slot("memory") or {}).get(user))
    entities = message.get("entities") or []
    told = {entity.get("entity"): entity for entity in reversed(entities)}  # of several, the first
    spoken, feels = told.get("spoken", {}), told.get("feeling", {}).get("value", "")
    text = spoken.get("english") or message.get("text") or ""
    said = spoken.get("original") or text
    heard = tuple(Mention.from_json(e["mention"]) for e in entities if "mention" in e)
    click = told.get("feedback", {}).get("value")
    line, click = (click["item_id"], None) if click and click["kind"] == LINE else ("", click)
    intent = (message.get("intent") or {}).get("name") or "nlu_fallback"
    earlier = _state(built, tracker).heard_from(user)
    before, mentions = _moved(built, earlier, intent, text, heard, click, feels)
    catalog = built.catalog(before.catalog)
    feeling = "" if intent == "emergency" or click else feelings.heard(feels, text, before, catalog, now)
    plain, mentions = feelings.aside(text, intent, feeling, mentions, catalog)
    before = replace(before, feeling=feelings.current(before, now))
    outcome = _outcome(before, intent, plain, mentions, click, feeling, catalog, now)
    lifted = built.note_rules(user, mentions, before.catalog, memory, said)
    passing, over = _passing(built, earlier, mentions, before.catalog, now)
    outcome = replace(outcome, state=replace(outcome.state, passing=passing))
    if text:
        memory.add_turn(user, tracker.sender_id, Turn("user", said), now, key)
    for event in outcome.events:
        memory.add_event(user, catalog.schema.name, event, f"{key}:{event.item_id}:{event.kind}", "" if click else said)
    recalled = built.recall(user, catalog.schema.name, memory)
    known = [p.constraint for p in recalled.preferences if p.catalog == before.catalog]
    rules = policy.rules_in(known) if recalled.whole else _rules_without_memory(before, mentions)
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
        preferences=tuple(c for c in known if c.slot in catalog.schema.slots),
        rules=tuple(dict.fromkeys((*rules, *(p.rule for p in passing if p.catalog == before.catalog)))),
        lifted=(*lifted, *over),
        emergency=told.get("emergency", {}).get("value", ""),
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
    spoken of in the one before. An emergency moves nothing that has begun, nor does a feeling that the catalogue knows:
    "I'm stressed" while choosing a film is no question about health, "something for my health? low mood" is one."""
    at_home = intent in feelings.TELLING and feeling in built.catalog(state.catalog).schema.feelings
    at_home = at_home and not built.router.speaks_of_another(text, state)
    begun = bool(state.shown or state.constraints)
    if at_home or (intent == "emergency" and begun):
        return state, mentions
    if click is not None:
        return state.move(built.holder(click["item_id"], state.catalog)), mentions
    name = built.router.route(text, intent, mentions, state)
    if name == state.catalog:
        return state, mentions
    there = {m.start for m in mentions if m.catalog == name and m.entity == "title"}  # Barcelona the town, not the film
    left = [m for m in mentions if m.catalog == state.catalog and m.start not in there]
    titles = list(dialogue.items_named(state, left))
    if not titles and routing.points_back(text, built.catalog(state.catalog)):
        titles = [i for i in (state.focus or state.judged, *state.anchors, *state.shown[:1]) if i][:1]
    taken = routing.carried(state.catalog, titles[:1], built.catalogs, name)
    wished = taken or any(m.catalog == name and (m.constraints or m.item_ids) for m in mentions)
    return state.move(name, afresh=bool(wished)), (*mentions, *taken)


def _outcome(
    state: State,
    intent: str,
    text: str,
    mentions: Sequence[Mention],
    click: Mapping | None,
    feeling: str,
    catalog: Catalog,
    at: float,
) -> Outcome:
    """What the message makes of the conversation, what it tells of how the user feels included."""
    if click is not None:
        catalog.item(click["item_id"])  # an id of nothing stops here
        outcome = dialogue.clicked(state, click["kind"], click["item_id"], click.get("impression_id"), at)
    elif feeling == feelings.FINE and not any(m.constraints or m.item_ids or m.direction for m in mentions):
        outcome = Outcome(replace(state.again(), pending=""))
    else:
        outcome = dialogue.understand(state, intent, text, mentions, catalog, at)
    if intent == "emergency":
        return outcome
    return replace(outcome, state=feelings.felt(outcome.state, feeling, catalog, at))


def _state(built: Engine, tracker: Tracker) -> State:
    saved = tracker.get_slot("state")
    return State.from_json(saved) if saved else State(next(iter(built.catalogs)))


def _turns(tracker: Tracker) -> tuple[Turn, ...]:
    speakers = {"user": "user", "bot": "bot"}
    said = [(speakers[e["event"]], e.get("text")) for e in tracker.events if e.get("event") in speakers]
    kept = [(speaker, text) for speaker, text in said if text and not text.startswith("1. ")]  # lists are not talk
    return tuple(Turn(speaker, text[:300]) for speaker, text in kept)[-TURNS:]
