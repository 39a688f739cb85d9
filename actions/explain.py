"""Why that one?"""

from __future__ import annotations

from dataclasses import replace

from rasa_sdk import Action

from actions.lists import about, which_one
from actions.turn import Incoming, Reply, Say, respond
from chatrec.bootstrap import Engine
from chatrec.facts import evidence_lines


def explain(engine: Engine, incoming: Incoming) -> Reply:
    """The reason of one item with everything that backs it, made from the same evidence as the list's."""
    item_id = about(incoming)
    if item_id is None:
        return which_one(incoming, "utter_why_which")
    item = incoming.catalog.item(item_id)
    _, evidence = engine.recommender(incoming.catalog.schema.name).explain(incoming.query(incoming.state), item_id)
    lines = evidence_lines(evidence, item, incoming.catalog)
    says = Say("utter_why" if lines else "utter_why_thin", {"title": item.title, "reasons": "\n".join(lines)})
    return Reply((says,), replace(incoming.state, focus=item_id))


class ActionExplain(Action):
    def name(self) -> str:
        return "action_explain"

    async def run(self, dispatcher, tracker, domain):
        return await respond(explain, dispatcher, tracker, domain)
