"""What lists are like beyond finding what somebody wanted: for the catalogue, for the few and for the many.

A list is an array of item indices, a profile the items somebody has had. Figures are of the first ``DEPTH`` of a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

DEPTH = 10
SHARE = 0.2  # of the people on either end: the niche and the mainstream of Abdollahpouri et al. (2019)
FEWEST = 20  # people of a group that a mean is taken of
Z = 1.96  # deviations that hold 95 %

Groups = Mapping[str, Mapping[str, np.ndarray]]
"""What people are told apart by -> group -> (people,) bool, who is in it."""


@dataclass(frozen=True)
class Ground:
    """What lists are seen against. ``counts``: (items,) how many of ``people`` have had each item, among what was
    learned from; ``vectors``: (items, d) of length 1, what the items are like."""

    counts: np.ndarray
    people: int
    vectors: np.ndarray


def figures(lists: Sequence[np.ndarray], profiles: Sequence[np.ndarray], ground: Ground) -> dict[str, float | None]:
    """All measures by name. None: cannot be told, for want of lists or of anybody's behaviour."""
    lists, items = [row[:DEPTH] for row in lists], len(ground.counts)
    return {
        "coverage": coverage(lists, items),
        "gini": gini(lists, items),
        "mean_popularity": mean_popularity(lists, ground.counts),
        "popularity_lift": popularity_lift(lists, profiles, ground.counts),
        "novelty": novelty(lists, ground.counts, ground.people),
        "diversity": diversity(lists, ground.vectors),
    }


def coverage(lists: Sequence[np.ndarray], items: int) -> float:
    """The share of the catalogue that is in somebody's list (Ge et al., "Beyond accuracy", RecSys 2010)."""
    return len(np.unique(_shown(lists))) / items


def gini(lists: Sequence[np.ndarray], items: int) -> float | None:
    """How unevenly places in lists fall on the catalogue: 0 all items alike, towards 1 one item has them all (Fleder
    and Hosanagar, "Blockbuster culture's next rise or fall", Management Science 2009)."""
    often = np.sort(np.bincount(_shown(lists), minlength=items))
    return float((2 * np.arange(1, items + 1) - items - 1) @ often / (items * often.sum())) if often.any() else None


def mean_popularity(lists: Sequence[np.ndarray], counts: np.ndarray) -> float | None:
    """How many people have had an item of the lists (average recommendation popularity: Yin et al., "Challenging the
    long tail recommendation", VLDB 2012)."""
    shown = _shown(lists)
    return float(counts[shown].mean()) if len(shown) else None


def popularity_lift(lists: Sequence[np.ndarray], profiles: Sequence[np.ndarray], counts: np.ndarray) -> float | None:
    """How much more popular lists are than what their people had themselves: 0 alike, 1 twice as popular. The means of
    people's means (Abdollahpouri et al., "The connection between popularity bias, calibration, and fairness in
    recommendation", RecSys 2020)."""
    both = zip(lists, profiles, strict=True)
    pairs = [(counts[row].mean(), counts[profile].mean()) for row, profile in both if len(row) and len(profile)]
    shown, own = np.sum(pairs or [(0.0, 0.0)], axis=0)
    return float(shown / own - 1) if own else None


def novelty(lists: Sequence[np.ndarray], counts: np.ndarray, people: int) -> float | None:
    """Mean self-information in bits, -log2 of the share of people who have had an item (Zhou et al., "Solving the
    apparent diversity-accuracy dilemma of recommender systems", PNAS 2010). Had by nobody counts as had by one."""
    shown = _shown(lists)
    return float(np.log2(people / np.maximum(counts[shown], 1)).mean()) if people and len(shown) else None


def diversity(lists: Sequence[np.ndarray], vectors: np.ndarray) -> float | None:
    """Mean of 1 - cosine over the pairs of a list (Ziegler et al., "Improving recommendation lists through topic
    diversification", WWW 2005), mean over lists of two items and more."""
    found = []
    for row in lists:
        if len(row) > 1:
            rows = vectors[row].astype(np.float64)
            alike = np.square(rows.sum(axis=0)).sum() - np.square(rows).sum()
            found.append(1 - alike / (len(row) * (len(row) - 1)))
    return float(np.mean(found)) if found else None


def _shown(lists: Sequence[np.ndarray]) -> np.ndarray:
    """All places of all lists."""
    return np.concatenate([*lists, np.zeros(0, np.int64)]).astype(np.int64)


def groups(profiles: Sequence[np.ndarray], counts: np.ndarray) -> Groups:
    """The people with the shortest and the longest histories, and those whose histories are the least and the most
    popular: a fifth of the people each, more where they are equal."""
    lengths = np.array([len(profile) for profile in profiles], dtype=np.float64)
    fame = np.array([counts[profile].mean() if len(profile) else np.nan for profile in profiles])
    return {
        "history": ends(lengths, "short", "long"),
        "taste": ends(fame, "niche", "mainstream"),
    }


def ends(values: np.ndarray, low: str, high: str) -> dict[str, np.ndarray]:
    """Who is in the lowest and who in the highest fifth of (people,) values; nan: in neither. Empty where these would
    be the same people."""
    known = values[~np.isnan(values)]
    if not len(known):
        return {}
    bottom, top = np.quantile(known, (SHARE, 1 - SHARE))
    return {low: values <= bottom, high: values >= top} if bottom < top else {}


def traits(rows: Sequence[Mapping[str, str]]) -> Groups:
    """Groups by what is told of people, a row each: numbers by their lowest and highest fifth, words by themselves. An
    empty cell: in no group."""
    found = {}
    for name in dict.fromkeys(column for row in rows for column in row):
        cells = [row.get(name, "").strip() for row in rows]
        try:
            numbers = np.array([float(cell) if cell else np.nan for cell in cells])
        except ValueError:
            found[name] = {v: np.array([cell == v for cell in cells]) for v in sorted(set(cells) - {""})}
        else:
            found[name] = ends(numbers, "low", "high")
    return found


def gaps(gains: np.ndarray, told_apart: Groups) -> dict[str, dict[str, Any]]:
    """For everything that people are told apart by: the mean of (people,) ``gains`` in each group, ``gap``, how far the
    best lies before the worst, and ``error``, half the 95 % interval of these two's difference. A group of fewer than
    ``FEWEST`` says too little and is left out."""
    found = {}
    for name, parts in told_apart.items():
        told = {group: gains[who] for group, who in parts.items() if who.sum() >= FEWEST}
        if len(told) > 1:
            worst, *_, best = sorted(told.values(), key=np.mean)
            error = Z * float(np.sqrt(np.var(best, ddof=1) / len(best) + np.var(worst, ddof=1) / len(worst)))
            means = {group: float(part.mean()) for group, part in told.items()}
            found[name] = {**means, "gap": float(best.mean() - worst.mean()), "error": error}
    return found
