"""Users as private training sees them: examples of each, made without a look at anybody else."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from chatrec.candidates import positions
from chatrec.catalog import Catalog
from chatrec.dialogue import stance
from chatrec.learning import fold_of
from chatrec.linker import Linker
from chatrec.training.examples import Example, from_behaviour
from chatrec.training.fit import rank_of
from chatrec.training.private import Person
from chatrec.training.top import Top
from chatrec.types import Event

HELD_OUT = 10  # one user in so many is not learned from
EACH = 8  # examples made of one user's behaviour; more tell little more, and each has to be read


@dataclass(frozen=True)
class Crowd:
    """Examples by user, and what each user liked, as indices of the catalogue."""

    examples: Mapping[str, Sequence[Example]]
    liked: Mapping[str, Sequence[int]]

    def part(self, held: bool, seed: int) -> list[str]:
        """The users that are held out, or the others. Nobody's part depends on who else is there."""
        return [user for user in self.examples if (fold_of(user, HELD_OUT, f"held:{seed}:") == 0) == held]


def gather(histories: Mapping[str, Sequence[Event]], catalog: Catalog, seed: int, each: int = EACH) -> Crowd:
    """What can be learned from each user; users of whom that is nothing are left out."""
    linker, examples, liked = Linker(catalog), {}, {}
    for user, events in sorted(histories.items()):
        rng = random.Random(f"{seed}:{user}")
        found = list(from_behaviour({user: events}, catalog, linker, rng, each))
        if found:
            likes = dict.fromkeys(event.item_id for event in events if stance(event) == "like")
            examples[user], liked[user] = found, positions(catalog, likes).tolist()
    return Crowd(examples, liked)


def people(crowd: Crowd, users: Sequence[str], states: torch.Tensor) -> list[Person]:
    """The users as training sees them, in their order; ``states``: of all their examples."""
    examples = [example for user in users for example in crowd.examples[user]]
    targets = torch.tensor([example.targets[0] for example in examples], device=states.device)
    sizes = [len(crowd.examples[user]) for user in users]
    parts = zip(users, states.split(sizes), targets.split(sizes), strict=True)
    return [Person(states, targets, crowd.liked[user]) for user, states, targets in parts]


@torch.no_grad()
def ranks(top: Top, held: Sequence[Person], examples: Sequence[Example], prior: torch.Tensor) -> np.ndarray:
    """(n,) 0-based rank of each example's target, what the query knows removed; ``examples``: of ``held``."""
    rows = (row for person in held for row in top.logits(top.weights(), person.states, prior))
    return np.array([rank_of(row, example) for row, example in zip(rows, examples, strict=True)])
