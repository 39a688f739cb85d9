"""What people who had the same items lately turned to around them: neighbours that know order.

As STAN (Garg et al., "Sequence and time aware neighborhood for session-based recommendations", SIGIR 2019): an item
counts by how alike its owner's history is, by how recent the shared item is in the history at hand, and by how few
steps lie between the shared item and the item there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chatrec.collaborative import History, interactions


@dataclass(frozen=True)
class Recall:
    """``recent``: items of a history that are looked up; ``fading``: what one counts next to the one after it;
    ``people``: owners that are asked about each, the most alike; ``likeness``: the exponent of that; ``window``: steps
    around the shared item; ``reach``: steps over which closeness falls to a third; ``before``: what an item before the
    shared one counts next to one after it; ``taste``: as ``fading``, for likeness; ``sparing``: a shorter history is
    taken to be that long, since of few items chance shares many."""

    recent: int = 8
    fading: float = 0.75
    people: int = 80
    likeness: float = 2.0
    window: int = 40
    reach: float = 15.0
    before: float = 0.3
    taste: float = 0.95
    sparing: int = 20


@dataclass(frozen=True)
class SequenceNeighbours:
    """``steps``: (people, longest + 2 window) items in order, ``items`` for none; ``place``: (people, items) where one
    is in ``steps``, less the window, -1 for nowhere; ``alike``: (people, items) what each item says of likeness."""

    steps: np.ndarray
    place: np.ndarray
    alike: np.ndarray
    recall: Recall

    @classmethod
    def fit(cls, histories: Sequence[History], items: int, recall: Recall = Recall()) -> SequenceNeighbours:
        longest = max(map(len, histories), default=0)
        steps = np.full((len(histories), longest + 2 * recall.window), items, dtype=np.int64)
        place = np.full((len(histories), items), -1, dtype=np.int32)
        for row, history in enumerate(histories):
            steps[row, recall.window : recall.window + len(history)] = history
            place[row, history] = np.arange(len(history))
        had = place >= 0
        rare = np.log(len(histories) / np.maximum(had.sum(axis=0), 1)) + 0.1
        length = np.sqrt(np.maximum(had.sum(axis=1), recall.sparing))
        return cls(steps, place, (had * rare / length[:, None]).astype(np.float32), recall)

    def score(self, histories: Sequence[History]) -> np.ndarray:
        """(users, items) float32 logarithms, higher is better. Of a history that is here as well, its owner isn't
        asked."""
        likeness = interactions(histories, self.place.shape[1], self.recall.taste) @ self.alike.T
        found = np.stack([self._of(history, row.copy()) for history, row in zip(histories, likeness, strict=True)])
        return np.log(found + 1e-4).astype(np.float32)

    def _of(self, history: History, likeness: np.ndarray) -> np.ndarray:
        recall, items = self.recall, self.place.shape[1]
        likeness[self._own(history)] = 0.0
        likeness **= recall.likeness
        away = np.arange(-recall.window, recall.window + 1)
        close = np.exp(-np.abs(away) / recall.reach) * np.where(away < 0, recall.before, 1.0)
        found = np.zeros(items + 1)
        for age, item in enumerate(history[::-1][: recall.recent].tolist()):
            people = np.flatnonzero((self.place[:, item] >= 0) & (likeness > 0))
            if len(people) > recall.people:
                people = people[np.argpartition(-likeness[people], recall.people)[: recall.people]]
            if len(people):
                near = self.steps[people[:, None], self.place[people, item][:, None] + recall.window + away]
                weights = recall.fading**age * likeness[people] / likeness[people].sum()
                found += np.bincount(near.ravel(), np.outer(weights, close).ravel(), minlength=items + 1)
        return found[:items]

    def _own(self, history: History) -> np.ndarray:
        """Whoever began like this, if there is just one."""
        if not len(history) or self.recall.window + len(history) > self.steps.shape[1]:
            return np.zeros(0, dtype=np.int64)
        begin = self.steps[:, self.recall.window : self.recall.window + len(history)]
        own = np.flatnonzero((begin == history).all(axis=1))
        return own if len(own) == 1 else own[:0]
