"""Which items come into question: everything that may be shown, scored by several signals at once.

Each signal is absolute: it depends on the query and the item alone, never on the other items of a list. So the score of
an item may be compared between two queries, which is how reasons are checked (docs/reasons.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from chatrec.catalog import Catalog
from chatrec.encoder import Encoder, encode_items
from chatrec.errors import UnknownItem
from chatrec.fusion import Fusion
from chatrec.knowledge import Known
from chatrec.looks import unseen
from chatrec.signals import Signals
from chatrec.types import Event, Query, Turn

STANCE = {"like": 1.0, "accept": 0.5, "seen": 0.0, "dislike": -1.0, "reject": -0.5}  # seen is not liked
NEUTRAL_STARS = 3.0  # of 5: a rating of 3 speaks neither for nor against
NEIGHBOURS = 12  # about so many items count as fully close to another


@dataclass(frozen=True)
class FusionWeights:
    """What each signal counts; docs/decisions.md says how they were chosen."""

    dialogue: float = 1.5  # cosine of what was said and the item's text
    wishes: float = 0.3  # soft wishes met, and how much of the item is what was asked for
    reception: float = 0.3  # how well liked
    popularity: float = 0.6  # how well known
    anchors: float = 1.0  # closeness to the items it should be like
    history: float = 0.8  # closeness to what the user liked, less closeness to what they disliked
    pictured: float = 0.0  # how well a picture fits the words; 0 until it is learnt from pictures and people
    looks: float = 0.0  # likeness of pictures to those of what is liked or named; the same


@dataclass(frozen=True)
class Candidates:
    """Items that may be shown, best first. ``indices``: (k,) int64; ``scores``: (k,) float32, falling as far as one
    ranker has read; ``parts``: signal -> (k,) float32, its share of the score."""

    indices: np.ndarray
    scores: np.ndarray
    parts: Mapping[str, np.ndarray]

    def take(self, order: np.ndarray) -> Candidates:
        """The candidates at those positions, in that order."""
        return Candidates(self.indices[order], self.scores[order], {k: v[order] for k, v in self.parts.items()})


class CandidateGenerator:
    """Scores a catalogue for a query. Reads or makes the item vectors when built.

    ``known``: what other people's behaviour says about these items, for more signals (``signals``). ``fusion``: what
    each signal counts instead of ``weights``; signals that it does not weigh are left out. ``silence``: the same, for
    queries that say nothing of what is wanted.
    """

    def __init__(
        self,
        catalog: Catalog,
        encoder: Encoder,
        cache: Path,
        weights: FusionWeights = FusionWeights(),
        known: Known | None = None,
        fusion: Fusion | None = None,
        silence: Fusion | None = None,
    ) -> None:
        self.catalog = catalog
        self.weights = weights
        self.fusion, self.silence, self.known = fusion, silence, known
        self._encoder = encoder
        texts = [catalog.describe(item) for item in catalog.items]
        self.vectors = encode_items(encoder, texts, cache)  # (N, d)
        self._traits = trait_rows(catalog)
        self._signals = Signals(catalog, known, self._traits) if known else None
        self._prior = _prior(catalog)
        self._said = lru_cache(maxsize=512)(self._encode)
        self._close = lru_cache(maxsize=512)(self._closeness)

    def allowed(self, query: Query) -> np.ndarray:
        """(N,) bool: the items that meet every hard constraint, that no rule forbids and that are not excluded."""
        mask = np.ones(len(self.catalog), dtype=bool)
        for constraint in (*query.constraints, *query.never):
            if not constraint.soft:
                mask &= self.catalog.mask(constraint)
        mask[positions(self.catalog, query.exclude)] = False
        return mask

    def generate(self, query: Query, k: int) -> Candidates:
        """The ``k`` best of the allowed items, or all of them. Equal scores keep the order of the catalogue."""
        rows = np.flatnonzero(self.allowed(query))
        parts = self._parts(query, rows)
        found = Candidates(rows, _total(parts, len(rows)), parts)
        return found.take(np.argsort(-found.scores, kind="stable")[:k])

    def score(self, query: Query, indices: np.ndarray) -> np.ndarray:
        """(k,) float32: the scores that :meth:`generate` gives the items at these (k,) indices, allowed or not."""
        rows = np.asarray(indices, dtype=np.int64)
        return _total(self._parts(query, rows), len(rows))

    def _parts(self, query: Query, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Signal -> (k,) float32, weighted, for the items at ``rows``."""
        names = [f.name for f in fields(FusionWeights)]
        fusion = self.silence if self.silence and silent(query) else self.fusion
        weights = fusion.weights if fusion else {name: getattr(self.weights, name) for name in names}
        signals = self.signals(query, rows)
        parts = {name: (weights[name] * signals[name]).astype(np.float32) for name in signals if name in weights}
        return parts | ({"feeling": self._feeling(query, rows)} if query.leaning else {})

    def _feeling(self, query: Query, rows: np.ndarray) -> np.ndarray:
        """The share of the leanings that an item meets, as much as they may weigh."""
        met = [self.catalog.mask(constraint)[rows] for constraint in query.leaning]
        return (query.gently * np.mean(met, axis=0)).astype(np.float32)

    def signals(self, query: Query, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Signal -> (k,) before any weight, for the items at ``rows``."""
        signals = {
            "dialogue": self._dialogue(said(query), rows),
            "wishes": self._wishes(query, rows),
            "reception": self._prior["reception"][rows],
            "popularity": self._prior["popularity"][rows],
            "anchors": self._anchors(query.anchors, rows),
            "history": self._history(query.history, rows),
        }
        stances = [*self._stances(query.history).items()]
        stances += [(index, 1.0) for index in positions(self.catalog, query.anchors).tolist()]
        looks = self.catalog.looks
        signals |= looks.signals(said(query), stances, rows) if looks else unseen(rows)
        if self._signals:
            done = positions(self.catalog, dict.fromkeys(event.item_id for event in query.history)).tolist()
            signals |= self._signals.of(query.constraints, stances, done, rows)
            text = request_text(query.turns) if query.topic is None else query.topic
            signals["request"] = self._dialogue(text, rows)
            signals["answers"] = self._signals.answers(self._said(text), rows) if text else np.zeros(len(rows))
        return signals

    def _dialogue(self, text: str, rows: np.ndarray) -> np.ndarray:
        return self.vectors[rows] @ self._said(text) if text else np.zeros(len(rows))

    def _encode(self, text: str) -> np.ndarray:
        return self._encoder.encode([text])[0]

    def _wishes(self, query: Query, rows: np.ndarray) -> np.ndarray:
        """Soft wishes met, plus the share of an item's values that a hard wish names: a horror film before one that is
        a comedy and a romance as well."""
        signal = np.zeros(len(rows))
        for constraint in query.constraints:
            slot = self.catalog.schema.slots[constraint.slot]
            if constraint.soft:
                signal += self.catalog.mask(constraint)[rows]
            elif slot.type == "tags" and constraint.op == "is":
                signal += self.catalog.mask(constraint)[rows] / np.maximum(
                    self._prior[f"number of {slot.name}"][rows], 1
                )
        return signal

    def _anchors(self, anchors: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """Mean closeness to the anchors, the latest counting most."""
        signal, total = np.zeros(len(rows)), 0.0
        for age, index in enumerate(reversed(positions(self.catalog, anchors).tolist())):
            signal += 0.8**age * self._close(index)[rows]
            total += 0.8**age
        return signal / max(total, 1.0)

    def _history(self, history: Sequence[Event], rows: np.ndarray) -> np.ndarray:
        """Closeness to each item of the history times the stance towards it, newer ones counting more."""
        signal, total = np.zeros(len(rows)), 0.0
        for age, (index, stance) in enumerate(reversed(list(self._stances(history).items()))):
            signal += stance * 0.9**age * self._close(index)[rows]
            total += abs(stance) * 0.9**age
        return signal / max(total, 1.0) ** 0.5

    def _stances(self, history: Sequence[Event]) -> dict[int, float]:
        """Index -> -1 to 1, oldest first. The latest stance on an item counts; having seen it takes nothing back."""
        latest: dict[int, float] = {}
        for event in history:
            stance = STANCE.get(event.kind, 0.0)
            if event.kind == "rating" and event.value is not None:
                stance = (event.value - NEUTRAL_STARS) / 2
            for index in positions(self.catalog, [event.item_id]).tolist():
                if event.kind == "seen":
                    continue
                latest.pop(index, None)
                latest[index] = stance
        return {index: stance for index, stance in latest.items() if stance}

    def _closeness(self, index: int) -> np.ndarray:
        """(N,) float32 in [0, 1] to one item: half its text, half tags and people shared, the rare ones counting most.

        0 is what half of the catalogue falls short of, 1 what about ``NEIGHBOURS`` items reach, so that items with many
        near relatives and items with none weigh the same.
        """
        raw = self.vectors @ self.vectors[index] + (self._traits @ self._traits[index].T).toarray()[:, 0]
        top = min(NEIGHBOURS, (len(raw) - 1) // 4)  # else few items would all be neighbours
        low, high = np.median(raw), np.partition(raw, -1 - top)[-1 - top]
        return np.clip((raw - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)


def said(query: Query) -> str:
    """The words that no constraint covers."""
    return dialogue_text(query.turns) if query.topic is None else query.topic


def silent(query: Query) -> bool:
    """Whether nothing is known but what was done and named."""
    return not query.constraints and not said(query)


def dialogue_text(turns: Sequence[Turn], n: int = 4) -> str:
    """The last turns as the encoder reads them."""
    return " ".join(turn.text for turn in turns[-n:]).strip()


def request_text(turns: Sequence[Turn], n: int = 3) -> str:
    """The user's last turns alone."""
    return " ".join([turn.text for turn in turns if turn.speaker == "user"][-n:]).strip()


def positions(catalog: Catalog, item_ids: Iterable[str]) -> np.ndarray:
    """(m,) int64 indices of those items that the catalogue (still) has."""
    found = []
    for item_id in item_ids:
        with suppress(UnknownItem):
            found.append(catalog.index(item_id))
    return np.array(found, dtype=np.int64)


def trait_rows(catalog: Catalog) -> csr_matrix:
    """(N, traits) float32, rows of length 1: an item's tags and people, weighted by their rarity (idf)."""
    rows, columns, weights, width = [], [], [], 0
    for slot in catalog.schema.slots.values():
        for owners in catalog.values(slot.name).values() if slot.type in ("tags", "people") else ():
            rows.append(owners)
            columns.append(np.full(len(owners), width))
            weights.append(np.full(len(owners), np.log(1 + len(catalog) / len(owners))))
            width += 1
    if not width:
        return csr_matrix((len(catalog), 1), dtype=np.float32)
    row, column, weight = (np.concatenate(part) for part in (rows, columns, weights))
    matrix = csr_matrix((weight.astype(np.float32), (row, column)), shape=(len(catalog), width))
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1)).A[:, 0]
    return csr_matrix(matrix.multiply(1 / np.maximum(lengths, 1e-6)[:, None]), dtype=np.float32)


def _prior(catalog: Catalog) -> dict[str, np.ndarray]:
    """What does not depend on the query: popularity, reception (the median where unknown), values per tag slot."""
    known = catalog.reception[~np.isnan(catalog.reception)]
    prior = {
        "popularity": catalog.popularity,
        "reception": np.nan_to_num(catalog.reception, nan=float(np.median(known)) if len(known) else 0.0),
    }
    for slot in catalog.schema.slots.values():
        if slot.type == "tags":
            counts = np.zeros(len(catalog))
            for owners in catalog.values(slot.name).values():
                counts[owners] += 1
            prior[f"number of {slot.name}"] = counts
    return prior


def _total(parts: Mapping[str, np.ndarray], size: int) -> np.ndarray:
    return sum(parts.values(), np.zeros(size, dtype=np.float32))
