"""First things first: what to do in an emergency, and nothing else."""

from __future__ import annotations

from rasa_sdk import Action

from actions.reading import Incoming
from actions.turn import Reply, Say, respond
from chatrec.bootstrap import Engine


def emergency(engine: Engine, incoming: Incoming) -> Reply:
    """The advice of the policy that knows the emergency; the general one else. The conversation stays as it was."""
    catalog, _, name = incoming.emergency.partition("/")
    known = engine.catalogs[catalog].policy.emergencies if catalog in engine.catalogs else {}
    advice = known[name].advice if name in known else ""
    says = Say("utter_emergency_named", {"advice": advice}) if advice else Say("utter_emergency")
    return Reply((says,), incoming.before)


class ActionEmergency(Action):
    def name(self) -> str:
        return "action_emergency"

    async def run(self, dispatcher, tracker, domain):
        return await respond(emergency, dispatcher, tracker, domain)
