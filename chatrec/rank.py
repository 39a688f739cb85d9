"""The order in which candidates are shown."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Protocol

import numpy as np

from chatrec import dialogue
from chatrec.candidates import Candidates, positions
from chatrec.catalog import Catalog
from chatrec.lm import LanguageModel
from chatrec.tower import QueryTower
from chatrec.types import Constraint, Query, Reading

TURNS, WORDS = 4, 100  # how much of the conversation the model reads
LIKED = 3  # how many liked titles it is told
WEIGHT = 1.5  # of the fine-tuned model beside signals weighed by hand
DEEP = 1000  # candidates that the fine-tuned model reads of a large catalogue
FUSED = 2.0  # beside signals whose weights were learnt, where training has not said what it counts beside them


class Ranker(Protocol):
    """Puts candidates in order. Sees the query and never a target. ``reads``: how many it can make use of.

    ``lift``: (k,) what it adds to the scores of the items at these (k,) indices, as far as that depends on query and
    item alone. Reasons are checked with it: an item owes its place to a like only if its whole score falls without it.
    """

    reads: int

    def rank(self, query: Query, candidates: Candidates) -> Candidates: ...

    def lift(self, query: Query, indices: np.ndarray) -> np.ndarray: ...


class KeepOrder:
    """The dull one: the candidates as they came."""

    reads = 100

    def rank(self, query: Query, candidates: Candidates) -> Candidates:
        return candidates

    def lift(self, query: Query, indices: np.ndarray) -> np.ndarray:
        return np.zeros(len(indices), dtype=np.float32)


class LikelihoodRanker:
    """Moves up what the language model finds more likely to come up in this conversation than in any.

    The measure is pointwise mutual information, log p(item | conversation) - log p(item | no conversation), as in
    Holtzman et al., "Surface form competition", EMNLP 2021. Without the second term, common titles would always win.

    ``weight``: what one standard deviation among the candidates adds to the score, as the part ``likelihood``;
    ``top``: how many candidates are read, the rest keep places and scores behind them. docs/decisions.md says what
    both earn.
    """

    reads = 100

    def __init__(self, lm: LanguageModel, catalog: Catalog, weight: float = 0.05, top: int = 20) -> None:
        self.lm, self.catalog, self.weight, self.top = lm, catalog, weight, top
        self._unprompted: dict[int, float] = {}

    def rank(self, query: Query, candidates: Candidates) -> Candidates:
        head = candidates.take(np.arange(min(self.top, len(candidates.indices))))
        if len(head.indices) < 2 or not self.weight:
            return candidates
        pmi = self.information(query, head.indices)
        part = (self.weight * (pmi - pmi.mean()) / max(float(pmi.std()), 1e-6)).astype(np.float32)
        read = np.pad(part, (0, len(candidates.indices) - len(part)))
        parts = {**candidates.parts, "likelihood": read}
        raised = Candidates(candidates.indices, candidates.scores + read, parts)
        order = np.argsort(-raised.scores[: len(part)], kind="stable")
        return raised.take(np.concatenate([order, np.arange(len(part), len(read))]))

    def lift(self, query: Query, indices: np.ndarray) -> np.ndarray:
        """Nothing: what it adds depends on the other candidates."""
        return np.zeros(len(indices), dtype=np.float32)

    def information(self, query: Query, indices: np.ndarray) -> np.ndarray:
        """(k,) nats: how much the conversation speaks for each item."""
        texts = [self._text(int(i)) for i in indices]
        return self.lm.log_likelihoods(prompt(query, self.catalog), texts) - self._plain(indices)

    def _plain(self, indices: np.ndarray) -> np.ndarray:
        missing = [int(i) for i in indices if int(i) not in self._unprompted]
        if missing:
            empty = prompt(Query(self.catalog.schema.name), self.catalog)
            found = self.lm.log_likelihoods(empty, [self._text(i) for i in missing])
            self._unprompted.update(zip(missing, found.tolist(), strict=True))
        return np.array([self._unprompted[int(i)] for i in indices], dtype=np.float32)

    def _text(self, index: int) -> str:
        return f" {self.catalog.heading(self.catalog.items[index])}"


class TowerRanker:
    """Adds what the fine-tuned model makes of every candidate, as the part ``model``. One pass, however many there are.

    ``weight``: what a cosine of 1 adds to the score; docs/decisions.md says what it earns. ``large``: the catalogue has
    too many items to look at them all.
    """

    def __init__(self, tower: QueryTower, catalog: Catalog, weight: float = WEIGHT, large: bool = False) -> None:
        self.tower, self.catalog, self.weight, self.large = tower, catalog, weight, large
        self.reads = DEEP if large else sys.maxsize
        self._cosines = lru_cache(maxsize=32)(tower.score)  # a list and its reasons ask for the same query again

    def rank(self, query: Query, candidates: Candidates) -> Candidates:
        if not _says(dialogue.reading(query, self.catalog)):
            return candidates
        part = self.lift(query, candidates.indices)
        raised = Candidates(candidates.indices, candidates.scores + part, {**candidates.parts, "model": part})
        return raised.take(np.argsort(-raised.scores, kind="stable"))

    def lift(self, query: Query, indices: np.ndarray) -> np.ndarray:
        said = dialogue.reading(query, self.catalog)
        if not _says(said):
            return np.zeros(len(indices), dtype=np.float32)
        cosines = self.tower.score_some(said, indices) if self.large else self._cosines(said)[indices]
        return (self.weight * cosines).astype(np.float32)


def _says(said: Reading) -> bool:
    """Whether anything was said or done."""
    return bool(said.text or said.items)


def prompt(query: Query, catalog: Catalog) -> str:
    """What the model reads before an item: the wishes, titles the user likes, and the last turns, newest last."""
    lines = [f"A good {catalog.schema.noun} to recommend."]
    wishes = [_wish(c, catalog) for c in query.constraints]
    if wishes:
        lines.append(f"Wanted: {', '.join(wishes)}.")
    stances = {e.item_id: e.kind for e in query.history if e.kind in ("like", "dislike", "reject")}  # the latest counts
    liked = [item_id for item_id, kind in stances.items() if kind == "like"]
    titles = [catalog.items[i].title for i in positions(catalog, [*liked, *query.anchors][-LIKED:])]
    if titles:
        lines.append(f"Liked: {', '.join(titles)}.")
    said = " ".join(f"{turn.speaker}: {turn.text}" for turn in query.turns[-TURNS:]).split()[-WORDS:]
    return "\n".join([*lines, " ".join(said), "Recommendation:"])


def _wish(constraint: Constraint, catalog: Catalog) -> str:
    label = catalog.schema.slots[constraint.slot].label
    values = " or ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in constraint.values)
    words = {"is": "", "not": "not ", "min": f"{label} from ", "max": f"{label} up to "}
    return words[constraint.op] + values
