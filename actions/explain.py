"""Why that one?"""

from __future__ import annotations

import re
from dataclasses import replace

from rasa_sdk import Action

from actions.lists import about, which_one
from actions.turn import Incoming, Reply, Say, respond
from chatrec.bootstrap import Engine
from chatrec.facts import evidence_lines, missing
from chatrec.types import Item


def explain(engine: Engine, incoming: Incoming) -> Reply:
    """The reason of one item with everything that backs it, made from the same evidence as the list's."""
    item_id = about(incoming)
    if item_id is None:
        return which_one(incoming, "utter_why_which")
    item = incoming.catalog.item(item_id)
    if re.search(r"\bwhy (?:not|isn.?t|wasn.?t|no)\b", incoming.text, re.IGNORECASE):
        return _why_not(incoming, item)
    _, evidence = engine.recommender(incoming.catalog.schema.name).explain(incoming.query(incoming.state), item_id)
    lines = evidence_lines(evidence, incoming.catalog, incoming.words)
    says = Say("utter_why" if lines else "utter_why_thin", {"title": item.title, "reasons": "\n".join(lines)})
    return Reply((says,), replace(incoming.state, focus=item_id))


def _why_not(incoming: Incoming, item: Item) -> Reply:
    """What keeps an item off the list: a wish it does not meet, the history, or only its rank."""
    unmet = missing(incoming.state.constraints, item, incoming.catalog, incoming.words)
    lines = [*_forbidden(incoming, item), *unmet]
    known = {event.item_id for event in incoming.history}
    response = "utter_why_not" if lines else "utter_why_not_known" if item.item_id in known else "utter_why_not_rank"
    says = Say(response, {"title": item.title, "reasons": "\n".join(lines)})
    return Reply((says,), replace(incoming.state, focus=item.item_id))


def _forbidden(incoming: Incoming, item: Item) -> list[str]:
    """What the rules in force that forbid the item say."""
    rules = [rule for name, rule in incoming.catalog.policy.rules.items() if name in incoming.rules]
    place = incoming.catalog.index(item.item_id)
    return [rule.says for rule in rules if not all(incoming.catalog.mask(c)[place] for c in rule.never)]


class ActionExplain(Action):
    def name(self) -> str:
        return "action_explain"

    async def run(self, dispatcher, tracker, domain):
        return await respond(explain, dispatcher, tracker, domain)
