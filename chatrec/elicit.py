"""Which question to ask: the one whose answer is expected to narrow down the remaining candidates most.

The measure is expected information gain, as for choosing what to ask newcomers in Rashid et al., "Getting to know you:
learning new user preferences in recommender systems", IUI 2002, and Golbandi et al., "Adaptive bootstrapping of
recommender systems using decision trees", WSDM 2011. The model behind it: the user has one of the candidates in mind,
a well-known one more likely than an obscure one, and names one of its values among the options offered, each with the
same probability. Someone whose item has none of them does not mind, and nothing is gained.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from chatrec.catalog import Catalog
from chatrec.schema import Slot

MIN_LEFT = 5  # items that every option must leave: enough for a list
MIN_OPTIONS, MAX_OPTIONS = 2, 5  # a number slot may have but two words; more than five are not read
MIN_GAIN = 0.5  # bits; half a bit leaves 2 ** -0.5 = 71 % of the choice, and less is not worth a turn of the talk
OBSCURE = 0.01  # weight of items nobody has heard of: they count a little, or a wish for them could not be asked for


@dataclass(frozen=True)
class Question:
    """Ask about ``slot``; ``options`` are answers in the catalogue's words: the best split first, or low to high."""

    slot: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class _Answers:
    """Possible answers and who gives them: item ``items[j]`` fits answer ``answers[j]``. Both (M,) int64."""

    words: tuple[str, ...]
    items: np.ndarray
    answers: np.ndarray

    def only(self, chosen: np.ndarray) -> _Answers:
        """The answers of these positions, in their order."""
        new = np.full(len(self.words), -1)
        new[chosen] = np.arange(len(chosen))
        kept = new[self.answers] >= 0
        return _Answers(tuple(self.words[i] for i in chosen), self.items[kept], new[self.answers[kept]])


def best_question(catalog: Catalog, mask: np.ndarray, weights: np.ndarray, asked: Collection[str]) -> Question | None:
    """The question with the highest expected information gain about the remaining candidates.

    Args:
        mask: (N,) bool, the candidates that remain.
        weights: (N,) float >= 0, how likely each item is to be wanted (its popularity); need not sum to 1.
        asked: slots that were asked about already.

    Returns:
        None when everything was asked or no question is expected to gain ``MIN_GAIN`` bits.
    """
    chances = np.where(mask, np.maximum(weights, OBSCURE), 0.0).astype(np.float64)
    if not mask.any():
        return None
    chances /= chances.sum()
    best, most = None, MIN_GAIN
    for slot in catalog.schema.slots.values():
        if not slot.ask or slot.name in asked or slot.type == "text":
            continue
        question, gain = _ask(slot, catalog, mask, chances)
        if question and gain >= most:
            best, most = question, gain
    return best


def _ask(slot: Slot, catalog: Catalog, mask: np.ndarray, chances: np.ndarray) -> tuple[Question | None, float]:
    """The best options for one slot, and the bits that their answers gain."""
    answers = _answers(catalog, slot.name)
    kept = mask[answers.items]
    answers = _Answers(answers.words, answers.items[kept], answers.answers[kept])
    left = np.bincount(answers.answers, minlength=len(answers.words))
    gains = np.where((left >= MIN_LEFT) & (left < mask.sum()), _gains(answers, chances, slot.type != "number"), 0.0)
    chosen = _apart(slot, answers, gains) if slot.type == "number" else np.argsort(-gains, kind="stable")[:MAX_OPTIONS]
    chosen = chosen[gains[chosen] > 0]
    if len(chosen) < MIN_OPTIONS:
        return None, 0.0
    offered = answers.only(chosen)
    return Question(slot.name, offered.words), float(_gains(offered, chances).sum())


def _apart(slot: Slot, answers: _Answers, gains: np.ndarray) -> np.ndarray:
    """Positions of the words for ranges of numbers that gain most together and do not overlap, the lowest first: who
    would choose between "recent" and "modern"? (Weighted interval scheduling.)"""
    plans: list[tuple[float, float, list[int]]] = [(0.0, -np.inf, [])]  # (gain, upper end, positions)
    ranges = [_range(slot.words[word]) for word in answers.words]
    for position in sorted(np.flatnonzero(gains > 0), key=lambda p: ranges[p][1]):
        low, high = ranges[position]
        before = [p for p in plans if (p[1] < low or not p[2]) and len(p[2]) < MAX_OPTIONS]
        gain, _, positions = max(before, key=lambda p: p[0])
        plans.append((gain + gains[position], high, [*positions, position]))
    return np.array(max(plans, key=lambda p: p[0])[2], dtype=np.int64)


def _range(bounds: tuple[float | None, float | None]) -> tuple[float, float]:
    low, high = bounds
    return -np.inf if low is None else low, np.inf if high is None else high


def _gains(answers: _Answers, chances: np.ndarray, split: bool = True) -> np.ndarray:
    """(A,) bits: probability of each answer times the fall in entropy it brings. An item splits its chance evenly
    over the answers that fit it; without ``split`` each answer is taken as if no other were offered."""
    fitting = np.bincount(answers.items, minlength=len(chances)) if split else np.ones(len(chances))
    shares = chances[answers.items] / fitting[answers.items]
    total = np.bincount(answers.answers, weights=shares, minlength=len(answers.words))
    plogp = np.bincount(answers.answers, weights=shares * np.log2(shares), minlength=len(answers.words))
    known = chances[chances > 0]
    before = -float((known * np.log2(known)).sum())
    after_times_total = np.where(total > 0, total * np.log2(np.maximum(total, 1e-300)), 0.0) - plogp
    return total * before - after_times_total


@lru_cache(maxsize=64)
def _answers(catalog: Catalog, name: str) -> _Answers:
    """All answers to a question about a slot: its values, or the schema's words for its numbers ("recent", "classic"),
    of words with the same bounds the first."""
    slot = catalog.schema.slots[name]
    if slot.type == "number":
        numbers, words = catalog.numbers(name), {_range(bounds): word for word, bounds in reversed(slot.words.items())}
        named = {w: np.flatnonzero((numbers >= low) & (numbers <= high)) for (low, high), w in words.items()}
    else:
        named = catalog.values(name)
    items = np.concatenate([np.zeros(0, dtype=np.int64), *named.values()])
    return _Answers(tuple(named), items, np.repeat(np.arange(len(named)), [len(rows) for rows in named.values()]))
