"""What dialogues of simulated users amount to, with 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chatrec.simulation.talk import Dialogue

Figures = dict[str, Any]

SOON = 4  # turns
SAMPLES = 2000  # of the bootstrap
Z = 1.96


def figures(dialogues: Sequence[Dialogue]) -> Figures:
    """How often and how fast the target was found, and what was wrong with the lists."""
    n = len(dialogues)
    turns = [d.found for d in dialogues if d.found]
    broken = [[f for f in d.faults if f.kind == "broken"] for d in dialogues]
    repeated = [[f for f in d.faults if f.kind == "repeated"] for d in dialogues]
    return {
        "dialogues": n,
        "found": share(len(turns), n),
        "found_soon": share(sum(t <= SOON for t in turns), n),
        "turns": mean(turns),
        "thanked": share(sum(d.thanked for d in dialogues), len(turns)),
        "listed": sum(len(heard.cards) for d in dialogues for _, heard in d.turns),
        "broken": sum(map(len, broken)),
        "broken_though_spelt_right": sum(not f.misspelt for faults in broken for f in faults),
        "with_broken": share(sum(map(bool, broken)), n),
        "repeated": sum(map(len, repeated)),
        "with_repeated": share(sum(map(bool, repeated)), n),
    }


def share(k: int, n: int) -> Figures:
    """k of n, with Wilson's interval, which holds for 0 and n too."""
    if not n:
        return {"rate": None, "low": None, "high": None}
    rate = k / n
    centre, width = (rate + Z**2 / (2 * n)) / (1 + Z**2 / n), Z / (1 + Z**2 / n)
    spread = width * math.sqrt(rate * (1 - rate) / n + Z**2 / (4 * n**2))
    return {"rate": round(rate, 4), "low": round(max(centre - spread, 0), 4), "high": round(min(centre + spread, 1), 4)}


def mean(values: Sequence[float]) -> Figures:
    """The mean, with a bootstrap interval."""
    if not values:
        return {"mean": None, "low": None, "high": None}
    drawn = np.random.default_rng(0).choice(np.array(values, dtype=np.float64), (SAMPLES, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"mean": round(float(np.mean(values)), 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def times(ours: Sequence[Dialogue], theirs: Sequence[Dialogue]) -> Figures:
    """How many times as often the target was found soon, with a bootstrap interval over the goals, which both had.
    None stands for more than can be told: the other never found one."""
    pairs = np.array([[bool(d.found and d.found <= SOON) for d in side] for side in (ours, theirs)], dtype=np.float64)
    goals = np.random.default_rng(0).integers(pairs.shape[1], size=(SAMPLES, pairs.shape[1]))
    first, second = pairs[:, goals].sum(axis=2)
    ratios = np.divide(first, second, out=np.full(SAMPLES, np.inf), where=second > 0)
    whole = pairs[0].sum() / pairs[1].sum() if pairs[1].any() else math.inf
    low, high = np.percentile(ratios, [2.5, 97.5], method="nearest")
    return {
        k: round(float(v), 2) if np.isfinite(v) else None for k, v in (("ratio", whole), ("low", low), ("high", high))
    }


def report(held: Mapping[str, Mapping[str, Sequence[Dialogue]]]) -> Figures:
    """Simulator -> bot -> figures; for each dull bot also how many times as often the first one is soon done."""
    told: Figures = {}
    for user, bots in held.items():
        ours, *dull = bots
        told[user] = {bot: figures(dialogues) for bot, dialogues in bots.items()}
        for bot in dull:
            told[user][bot]["first_to_this"] = times(bots[ours], bots[bot])
    return told
