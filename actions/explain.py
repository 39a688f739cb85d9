"""Why that one, why not that one, and what would change it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from rasa_sdk import Action

from actions.lists import about, which_one
from actions.reading import Incoming
from actions.turn import Reply, Say, respond
from chatrec.bootstrap import Engine
from chatrec.facts import evidence_lines, in_words, missing
from chatrec.types import Item, Query
from chatrec.whatif import Change

_WHY_NOT = re.compile(r"\bwhy (?:not|isn.?t|wasn.?t|no)\b", re.IGNORECASE)
KNOWN = {"like": "liked", "dislike": "rejected", "reject": "rejected"}  # else seen


def explain(engine: Engine, incoming: Incoming) -> Reply:
    """The reason of one item with everything that backs it, made from the same evidence as the list's."""
    missed = _WHY_NOT.search(incoming.text) is not None
    item_id = (_of_that_kind(incoming) if missed and not incoming.outcome.subjects else None) or about(incoming)
    if item_id is None:
        return which_one(incoming, "utter_why_which")
    item = incoming.catalog.item(item_id)
    if missed:
        return why_not(engine, incoming, item)
    _, evidence = engine.recommender(incoming.catalog.schema.name).explain(incoming.query(incoming.state), item_id)
    lines = evidence_lines(evidence, incoming.catalog, incoming.words)
    says = Say("utter_why" if lines else "utter_why_thin", {"title": item.title, "reasons": "\n".join(lines)})
    return Reply((says,), replace(incoming.state, focus=item_id))


def _of_that_kind(incoming: Incoming) -> str | None:
    """For "why not Portugal?": what is listed of it, else what meets most wishes, the best known of several; None
    when the message names no value."""
    catalog, wishes = incoming.catalog, [c for m in incoming.mentions for c in m.constraints if not m.negated]
    if not wishes:
        return None
    fits = np.all([catalog.mask(wish) for wish in wishes], axis=0)
    if listed := [i for i in incoming.state.shown if fits[catalog.index(i)]]:
        return listed[0]
    met = np.sum([catalog.mask(wish) for wish in incoming.state.constraints] or [fits], axis=0)
    best = max(np.flatnonzero(fits).tolist(), key=lambda i: (met[i], catalog.popularity[i]), default=None)
    return None if best is None else catalog.items[best].item_id


def why_not(engine: Engine, incoming: Incoming, item: Item) -> Reply:
    """What keeps an item off the list: a rule or a wish it does not meet, the history, or only how far down it came."""
    query = _asked(incoming)
    lines = [*_forbidden(incoming, item), *missing(query.constraints, item, incoming.catalog, incoming.words)]
    known = [event.kind for event in incoming.history if event.item_id == item.item_id]
    if item.item_id in incoming.state.shown:
        says = Say("utter_why_not_shown", {"title": item.title, "place": incoming.state.shown.index(item.item_id) + 1})
    elif known:
        judged = next((KNOWN[kind] for kind in reversed(known) if kind in KNOWN), "seen")
        says = Say(f"utter_why_not_{judged}", {"title": item.title})
    elif lines:
        says = Say("utter_why_not", {"title": item.title, "reasons": "\n".join(lines)})
    elif item.item_id in query.exclude:
        says = Say("utter_why_not_again", {"title": item.title})
    else:
        says = _ranked(engine, query, item)
    return Reply((says,), replace(incoming.state, focus=item.item_id))


def _ranked(engine: Engine, query: Query, item: Item) -> Say:
    """How far down it came among everything that fits."""
    order = engine.order(query)
    if item not in order:  # a reviewer hid it
        return Say("utter_why_not_hidden", {"title": item.title})
    values = {"title": item.title, "place": order.index(item) + 1, "count": len(order), "first": order[0].title}
    return Say("utter_why_not_rank", values)


def _asked(incoming: Incoming) -> Query:
    """What the last list answered to: without the question that is asked now."""
    turns = incoming.turns[:-1] if incoming.turns and incoming.turns[-1].speaker == "user" else incoming.turns
    return replace(incoming.query(replace(incoming.state, shown=())), turns=turns)


def _forbidden(incoming: Incoming, item: Item) -> list[str]:
    """What the rules in force that forbid the item say."""
    rules = [rule for name, rule in incoming.catalog.policy.rules.items() if name in incoming.rules]
    place = incoming.catalog.index(item.item_id)
    return [rule.says for rule in rules if not all(incoming.catalog.mask(c)[place] for c in rule.limits)]


def what_if(engine: Engine, incoming: Incoming) -> Reply:
    """Which wish or like, taken away or added, would bring another item to the top."""
    if not incoming.state.shown:
        return which_one(incoming)
    first, found = engine.what_if(_asked(incoming))
    if first is None:
        return Reply((Say("utter_nothing"),), incoming.state)
    lines = "\n".join(f"• {_said(change, incoming)}" for change in found)
    says = Say("utter_what_if" if found else "utter_what_if_nothing", {"title": first.title, "changes": lines})
    return Reply((says,), incoming.state)


def _said(change: Change, incoming: Incoming) -> str:
    way, what = change.kind.split("_")
    wish = in_words([change.wish], incoming.catalog) if change.wish else ""
    title = incoming.catalog.heading(change.item) if change.item else ""
    first = incoming.catalog.heading(change.first)
    return incoming.words(f"utter_what_if_{way}_{what}", first=first, wish=wish, title=title)


class ActionExplain(Action):
    def name(self) -> str:
        return "action_explain"

    async def run(self, dispatcher, tracker, domain):
        return await respond(explain, dispatcher, tracker, domain)


class ActionWhatIf(Action):
    def name(self) -> str:
        return "action_what_if"

    async def run(self, dispatcher, tracker, domain):
        return await respond(what_if, dispatcher, tracker, domain)
