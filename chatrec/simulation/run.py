"""Many dialogues: every simulated user with every bot, all with the same goals."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from chatrec.catalog import Catalog
from chatrec.simulation.bots import Bot
from chatrec.simulation.goals import Goals
from chatrec.simulation.talk import Dialogue, hold
from chatrec.simulation.users import AgendaUser, AttributeUser
from chatrec.simulation.words import Voice, Words

USERS = {"agenda": AgendaUser, "attributes": AttributeUser}


@dataclass(frozen=True)
class Plan:
    """``n`` dialogues for each user and bot. ``patience``: messages until a user gives up; ``typos``: chance that a
    word is misspelt."""

    n: int = 200
    seed: int = 0
    patience: int = 8
    typos: float = 0.02


def simulate(
    plan: Plan, catalog: Catalog, words: Path, bots: Mapping[str, Callable[[], Bot]], tick: Callable[[], None]
) -> dict[str, dict[str, list[Dialogue]]]:
    """User -> bot -> dialogues. ``bots`` make a new conversation each; ``tick`` is called after every dialogue."""
    spoken = Words(words, catalog.schema.name)
    goals = Goals(catalog, spoken)
    drawn = [goals.draw(random.Random(f"{plan.seed} goal {i}")) for i in range(plan.n)]
    noun = catalog.schema.noun
    article = "an" if noun[0].lower() in "aeiou" else "a"
    values = {"noun": noun, "a_noun": f"{article} {noun}", "plural": catalog.schema.plural}
    held: dict[str, dict[str, list[Dialogue]]] = {}
    for kind, make in USERS.items():
        for name, bot in bots.items():
            dialogues = held.setdefault(kind, {}).setdefault(name, [])
            for i, goal in enumerate(drawn):
                rng = random.Random(f"{plan.seed} {kind} {i}")
                voice = Voice(spoken, values, goal.target.title, plan.typos, rng)
                dialogues.append(hold(make(goal, goals, rng), voice, goal, bot(), catalog, plan.patience))
                tick()
    return held
