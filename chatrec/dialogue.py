"""What the conversation means so far: a message changes the ``State``, the state becomes a ``Query``, and the query
what the model reads.

Pure functions over frozen values. Intents are those of the seeker taxonomy (Cai & Chen, UMAP 2020, table 2).
A message may do several things at once ("great, more like the second one, but newer"): the intent says what to
do with the items spoken of; constraints and comparisons count whatever the intent is.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from chatrec import phrases, policy, wishes
from chatrec.candidates import positions
from chatrec.catalog import Catalog
from chatrec.explain import LIKED_STARS
from chatrec.facts import in_words
from chatrec.types import Constraint, Event, EventKind, Mention, Query, Reading, Stance, Turn

QUESTIONS = frozenset({"inquire", "explain_why", "what_if", "ask_opinion"})
ABOUT_ITEMS = QUESTIONS | {"critique_compare"}
FEEDBACK = frozenset({"seen", "accept", "reject"})
ASKING = frozenset({"ask_recommendation", "provide_preference", "answer", "reformulate", "express_mood"}) | {
    "critique_feature",
    "critique_add",
}
TOPIC = 200  # characters of a topic that are kept, the latest
KEEP_SHOWN = 60  # items shown earlier that are kept away from the next lists
TURNS = 6  # utterances that the fine-tuned model reads
DISLIKED_STARS = 2.5  # of 5: a rating up to here counts as a dislike
TUPLES = ("anchors", "shown", "before", "asked", "lists", "noticed", "profile")  # of a state, lists in JSON
UNASKED: Mapping[str, Any] = {"constraints": (), "topic": "", "anchors": ()}
STEPS_BACK = 3  # lists that "go back" can return to


@dataclass(frozen=True)
class State:
    """What has been said and shown in one conversation. ``topic``: what is asked for beyond the constraints. ``shown``:
    the last list, in order; ``before``: items of earlier lists. ``focus``: the item spoken of last; ``judged``: the one
    that feedback was last given on. ``asked``: slots asked about. ``lists``: what the latest lists answered to.
    ``pending``: what the bot waits for: a slot, ``forget`` (a confirmation) or nothing. ``noticed``: rules
    of the policy that the user knows to be in force. ``feeling``: how the user feels, ``felt``: when they said so,
    ``felt_last``: whether with the latest message. ``passing``: rules in force for the occasion. ``profile``: what the
    lines of the profile stand for, when it was shown after the last list. ``speaker``: who spoke last, in a group.
    ``parked``: where the same conversation stands in other catalogues, as JSON."""

    catalog: str
    constraints: tuple[Constraint, ...] = ()
    topic: str = ""
    anchors: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    impression_id: str = ""
    focus: str = ""
    judged: str = ""
    asked: tuple[str, ...] = ()
    pending: str = ""
    lists: tuple[Mapping[str, Any], ...] = ()
    noticed: tuple[str, ...] = ()
    feeling: str = ""
    felt: float = 0.0
    felt_last: bool = False
    passing: tuple[policy.Occasional, ...] = ()
    profile: tuple[str, ...] = ()
    speaker: str = ""
    parked: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"constraints": [c.to_json() for c in self.constraints]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> State:
        lists = {k: tuple(data.get(k, ())) for k in TUPLES}
        lists["passing"] = tuple(policy.Occasional(**p) for p in data.get("passing", ()))
        return cls(**{**data, **lists, "constraints": tuple(Constraint.from_json(c) for c in data["constraints"])})

    def heard_from(self, speaker: str) -> State:
        """The state in which somebody speaks: what another was asked about their memory is not theirs to answer."""
        if self.speaker in ("", speaker):
            return replace(self, speaker=speaker)
        pending = self.pending if self.pending in self.asked else ""  # of a slot: anybody may answer
        return replace(self, speaker=speaker, pending=pending, profile=())

    def snapshot(self) -> dict[str, Any]:
        """What the next list answers to."""
        wishes = [c.to_json() for c in self.constraints]
        return {"constraints": wishes, "topic": self.topic, "anchors": self.anchors, "before": _earlier(self)}

    def back(self) -> State:
        """As before the latest list was asked for, so that the one before it comes again; the same if there is none."""
        if len(self.lists) < 2:
            return self
        return self._as_of(-2)

    def again(self) -> State:
        """As before the latest list was asked for, so that what was on it may come once more."""
        return self._as_of(-1) if self.lists else self

    def _as_of(self, place: int) -> State:
        kept = {"feeling": self.feeling, "felt": self.felt, "asked": self.asked, "noticed": self.noticed}
        kept |= {"speaker": self.speaker}
        earlier = State.from_json({"catalog": self.catalog, **self.lists[place]})
        return replace(earlier, lists=self.lists[:place], parked=self.parked, **kept)

    def move(self, catalog: str, afresh: bool = False) -> State:
        """The same conversation in another catalogue, as it was left there, or but for what was ruled out there."""
        if catalog == self.catalog:
            return self
        parked = {**self.parked, self.catalog: replace(self, parked={}, pending="", profile=()).to_json()}
        earlier = parked.pop(catalog, {"catalog": catalog, "constraints": ()})
        kept = {"feeling": self.feeling, "felt": self.felt, "speaker": self.speaker}
        state = replace(State.from_json(earlier), parked=parked, **kept)
        ruled_out = tuple(c for c in state.constraints if c.op == "not")
        return replace(state, **{**UNASKED, "constraints": ruled_out}, focus="") if afresh else state


@dataclass(frozen=True)
class Outcome:
    """What a message did: the new state, behaviour to store, and the items it speaks of. ``related``: whether
    the message asks for what goes with an item: ``found``, and the state asks for just that; ``nothing`` goes with it;
    ``which`` item is not said."""

    state: State
    events: tuple[Event, ...] = ()
    subjects: tuple[str, ...] = ()
    related: Literal["", "found", "nothing", "which"] = ""


def understand(
    state: State, intent: str, text: str, mentions: Sequence[Mention], catalog: Catalog, at: float | None = None
) -> Outcome:
    """Apply one message to the state.

    ``at``: seconds since 1970; now when not given. The order matters: a fresh start forgets first, then items and
    constraints are read, then open questions are closed.
    """
    at = time.time() if at is None else at
    if phrases.takes_back(text):
        first = len(state.lists) < 2 and phrases.drops(text)  # "drop that" after the first list
        return Outcome(replace(state.back(), pending="", **(UNASKED if first else {})))
    if intent == "start_over" and (phrases.restarts(phrases.cut(text, mentions)) or not mentions):
        state = State(state.catalog, before=_earlier(state), noticed=state.noticed, parked=state.parked)
    mentions = [m for m in mentions if m.catalog in ("", state.catalog)]
    spoken = _referents(state, mentions)
    anchors, subjects = _split(intent, text, spoken)
    sentences = {item: phrases.sentence(text, mention.start) for mention, item in spoken}
    wishing = any(m.constraints or m.direction for m in mentions)
    events = _behaviour(intent, text, state, {item: sentences[item] for item in subjects}, anchors, wishing, at)
    named = [item for mention, item in spoken if not mention.negated]
    compared = {phrases.sentence(text, m.start) for m in mentions if m.direction}  # "seen the first. Something newer"
    beside = [item for item in named if sentences[item] in compared]
    if relation := next((m.value for m in mentions if m.entity == "relation"), None):
        return _related(state, str(relation), [*named, *_in_hand(state)], events, catalog)
    steps = wishes.turned(mentions, catalog)
    about = subjects or (state.focus and phrases.cut(text, mentions).strip(" ?!."))  # not "who should I see?" alone
    asked = (
        intent in QUESTIONS and not steps and (about or intent == "explain_why")
    )  # "is it scary?" wishes for nothing
    found = [] if asked else wishes.asked_for(mentions, beside, (state.focus,) if state.focus else state.shown, catalog)
    if phrases.drops(text):
        denied = {c for m in mentions if m.negated for c in m.constraints}
        constraints, found = wishes.dropped(state.constraints, found, denied)
        state = replace(state, constraints=constraints)
    afresh = intent == "ask_recommendation" and state.shown and not phrases.joins(text)
    if wishes.begin_another(state.constraints, found, catalog):
        state = replace(state, constraints=wishes.outliving(state.constraints, found, catalog), topic="", anchors=())
    anew = anchors and phrases.requests(phrases.cut(text, mentions))  # "something like X", not "I'm a fan of X"
    afresh = afresh and (anew or wishes.begins_anew(found, state.constraints, text, catalog.schema))
    old = tuple(c for c in state.constraints if c.op == "not") if afresh else state.constraints
    constraints = wishes.merge(old, found, intent, text, state.pending, steps)
    if not spoken and phrases.asks_for_more_like_it(text):
        anchors = _in_hand(state)
    focus = (subjects or anchors or (state.focus,))[0]
    if not anchors and not (intent in wishes.REPLACING and wishes.names_a_kind(constraints, state.constraints)):
        anchors = state.anchors
    rejected = tuple(m for i, m in _excluded(spoken))
    state = replace(
        state,
        constraints=constraints,
        topic=_topic(state, intent, text, mentions),
        anchors=anchors,
        focus=focus,
        judged=events[-1].item_id if events else state.judged,
        before=state.before + rejected,
        pending="",
    )
    return Outcome(state, events, subjects)


def _in_hand(state: State) -> tuple[str, ...]:
    """The item that "it" stands for."""
    return (state.focus,) if state.focus else state.shown if len(state.shown) == 1 else ()


def _related(state: State, name: str, items: Sequence[str], events: tuple[Event, ...], catalog: Catalog) -> Outcome:
    """Ask for what goes with the first of the items, and for nothing else but what was turned down; without any, where
    the schema says so, for what goes with all that is listed, which may itself be an answer and come again."""
    relation = catalog.schema.relations[name]
    about = [catalog.item(i) for i in items[:1] or (state.shown if relation.of_list else ())]
    if not about:
        return Outcome(state, events, related="which")
    item, focus = about[0], next(iter(items), "")
    if not items:
        state = replace(state, before=tuple(i for i in state.before if i not in state.shown), shown=())
    led_to = dict.fromkeys(v for one in about for v in one.attributes.get(relation.column, ()))
    values = tuple(v for v in led_to if v in catalog.values(relation.slot))
    if not values:
        return Outcome(replace(state, focus=focus), events, (item.item_id,), related="nothing")
    leaning = [(slot, catalog.own(slot, item)) for slot in relation.prefer]
    wishes = [Constraint(relation.slot, "is", values, f"{relation.noun or name}: {item.title}")]
    wishes += [Constraint(slot, "is", own, f"as {item.title}", soft=True) for slot, own in leaning if own]
    kept = tuple(c for c in state.constraints if c.op == "not" and c.slot != relation.slot)
    after = replace(state, constraints=(*kept, *wishes), topic="", anchors=(), focus=focus, pending="")
    return Outcome(after, events, tuple(items[:1]), related="found")


def clicked(state: State, kind: str, item_id: str, impression_id: str | None, at: float | None = None) -> Outcome:
    """Apply a click on a card: ``like``, ``dislike``, ``seen``, ``more`` (like this) or ``why``."""
    stored: dict[str, EventKind] = {"like": "like", "dislike": "dislike", "seen": "seen"}
    at = time.time() if at is None else at
    events = (Event(item_id, stored[kind], at, impression_id=impression_id),) if kind in stored else ()
    anchors = (item_id,) if kind == "more" else state.anchors
    return Outcome(replace(state, focus=item_id, anchors=anchors, pending=""), events, (item_id,))


def query(
    state: State,
    turns: Sequence[Turn],
    history: Sequence[Event],
    preferences: Sequence[Constraint] = (),
    n: int = 5,
    never: Sequence[Constraint] = (),
) -> Query:
    """The query for the next list: nothing seen, rejected, used as an anchor or shown in this conversation.

    ``preferences``: what the user told in earlier conversations. "I hate horror" still excludes; "I love comedies"
    only leans that way; what this conversation says goes first. ``never``: what rules forbid, whatever anybody says.
    """
    known = {event.item_id for event in history}
    away = known | set(state.before) | set(state.shown) | set(state.anchors)
    wishes_told = [c for c in preferences if c.slot != policy.SLOT and not _overridden(c, state)]
    kept = [c if c.op == "not" else replace(c, soft=True, sign="") for c in wishes_told]
    asked = tuple(dict.fromkeys([*state.constraints, *kept]))
    return Query(
        state.catalog,
        tuple(turns),
        asked,
        state.anchors,
        tuple(history),
        frozenset(away),
        n,
        topic=state.topic,
        never=tuple(never),
    )


def _overridden(preference: Constraint, state: State) -> bool:
    return any(wishes.contradict(preference, c) or replace(preference, text=c.text) == c for c in state.constraints)


def listed(
    state: State,
    item_ids: Iterable[str],
    impression_id: str,
    given_up: Sequence[Constraint],
    stretched: Sequence[Constraint] = (),
) -> State:
    """The state after a list was shown. Constraints that had to be given up are dropped, bounds stay where they were
    moved to."""
    kept = (*(c for c in state.constraints if c not in given_up), *stretched)
    return replace(
        state,
        constraints=kept,
        before=_earlier(state),
        shown=tuple(item_ids),
        impression_id=impression_id,
        focus="",
        profile=(),
        lists=(*state.lists, replace(state, constraints=kept).snapshot())[-STEPS_BACK - 1 :],
    )


def _earlier(state: State) -> tuple[str, ...]:
    return tuple(dict.fromkeys(state.before + state.shown))[-KEEP_SHOWN:]


def _referents(state: State, mentions: Sequence[Mention]) -> list[tuple[Mention, str]]:
    """Items that titles and ordinals stand for, in the order of the message."""
    found: list[tuple[Mention, str]] = []
    for mention in mentions:
        if mention.entity == "title" and mention.item_ids:
            shown = [i for i in mention.item_ids if i in state.shown]
            found.append((mention, (shown or list(mention.item_ids))[0]))
        elif mention.entity == "ordinal" and state.shown:
            position = int(mention.value or 0)
            index = position - 1 if position > 0 else len(state.shown) + position
            if 0 <= index < len(state.shown):
                found.append((mention, state.shown[index]))
    return found


def items_named(state: State, mentions: Sequence[Mention]) -> tuple[str, ...]:
    """The items that titles and ordinals of a message stand for."""
    return tuple(item for _, item in _referents(state, mentions))


def _topic(state: State, intent: str, text: str, mentions: Sequence[Mention]) -> str:
    """What the message asks for that no mention covers, after or instead of what was asked for before."""
    if intent not in ASKING:
        return state.topic
    found = [m for m in mentions if m.entity != "known"]  # no wish comes of these, so they are still searched by
    said = phrases.topic(phrases.cut(text, found))
    if intent in wishes.REPLACING and intent != "answer" and (said or mentions):
        return said[-TOPIC:]
    return f"{state.topic} {said}".strip()[-TOPIC:]


def _excluded(spoken: Sequence[tuple[Mention, str]]) -> list[tuple[Mention, str]]:
    return [(mention, item) for mention, item in spoken if mention.negated]


def _split(intent: str, text: str, spoken: Sequence[tuple[Mention, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Anchors ("more like X") and subjects (X is what the message is about)."""
    anchors, subjects = [], []
    for mention, item in spoken:
        if mention.negated:
            continue
        similar = phrases.asks_for_similar(text[: mention.start]) or phrases.asks_for_more_like_it(text[mention.end :])
        said = phrases.sentence(text, mention.start)
        about = intent in ABOUT_ITEMS | FEEDBACK or (intent == "provide_preference" and mention.entity == "title")
        about = about or phrases.stance(said) == "dislike" or (mention.entity == "ordinal" and phrases.knows(said))
        (subjects if about and not similar else anchors).append(item)
    return tuple(dict.fromkeys(anchors)), tuple(dict.fromkeys(subjects))


def _behaviour(
    intent: str, text: str, state: State, subjects: Mapping[str, str], anchors: Sequence[str], wishing: bool, at: float
) -> tuple[Event, ...]:
    """Events to store. ``subjects``: items with the sentence that speaks of them; whatever the message as a whole is
    for, "seen the first, hated it" tells of the first. Without an item named, feedback is about the item in focus, or
    about a list of one; a plain "none of these" rejects the whole list, and "not horror", ``wishing`` for something,
    rejects none. Asking for more like an item is a like only with praise: "great, more like the second"."""
    praised = [item for item in anchors if item in state.shown and phrases.stance(text) == "like"]
    told: dict[str, tuple[EventKind, ...]] = {item: ("like",) for item in praised}
    feedback = intent in FEEDBACK or intent == "provide_preference"
    for item, said in subjects.items() if intent not in ABOUT_ITEMS else ():
        if phrases.knows(said) and intent != "accept" and item in state.shown:
            told[item] = _kinds("seen", said if phrases.stance(said) or not feedback else text, subjects)
        elif feedback:
            apart = phrases.stance(said) if said.strip() != text.strip() and intent != "accept" else None
            told[item] = (apart,) if apart else _kinds(intent, text, subjects)
        elif phrases.stance(said) == "dislike":
            told[item] = ("dislike",)
    if feedback and not subjects and not anchors and not (wishing and not phrases.points(text)):
        told |= {item: _kinds(intent, text, subjects) for item in _implied(state, intent, text)}
    return tuple(Event(i, k, at, impression_id=_source(state, i)) for i, kinds in told.items() for k in kinds)


def _implied(state: State, intent: str, text: str) -> list[str]:
    if intent == "provide_preference":
        return []
    if state.focus:
        return [state.focus]
    if len(state.shown) == 1:
        return list(state.shown)
    if phrases.speaks_of_one(text):
        return [state.judged] if state.judged and phrases.stance(text) else []
    return list(state.shown) if intent == "reject" else []


def _kinds(intent: str, text: str, named: Collection[str]) -> tuple[EventKind, ...]:
    attitude = phrases.stance(text)
    if intent == "seen":
        return ("seen",) if attitude is None else ("seen", attitude)
    if intent == "accept":
        return ("accept",)
    if intent == "reject":
        return ("dislike",) if named and attitude == "dislike" else ("reject",)
    return (attitude or "like",)


def _source(state: State, item: str) -> str | None:
    return state.impression_id if item in state.shown and state.impression_id else None


def reading(query: Query, catalog: Catalog) -> Reading:
    """What the fine-tuned model is told: the last turns, wishes that must hold, and items with the user's stance."""
    said = [f"{turn.speaker}: {turn.text}" for turn in query.turns[-TURNS:]]
    wished = in_words([c for c in query.constraints if not c.soft], catalog)
    told: dict[int, Stance] = {}
    for event in query.history:
        for i in positions(catalog, [event.item_id]).tolist():
            before = told.pop(i, None)  # so that what was done last comes last
            told[i] = before if before and event.kind == "seen" else stance(event)
    alike: dict[int, Stance] = dict.fromkeys(positions(catalog, query.anchors).tolist(), "mention")
    items = {i: made for i, made in told.items() if i not in alike} | alike
    return Reading("\n".join([*said, *([f"wanted: {wished}"] if wished else [])]), tuple(items.items()))


def stance(event: Event) -> Stance:
    """What the user made of the item, as the model is told. Seen is not liked."""
    if event.kind == "rating":
        stars = event.value or 0.0
        return "like" if stars >= LIKED_STARS else "dislike" if stars <= DISLIKED_STARS else "seen"
    kinds: dict[str, Stance] = {"like": "like", "accept": "like", "dislike": "dislike", "reject": "dislike"}
    return kinds.get(event.kind, "seen")
