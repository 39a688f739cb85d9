"""Which items come into question: everything that may be shown, scored by several signals at once.

Each signal is absolute: it depends on the query and the item alone, never on the other items of a list. So the score of
an item may be compared between two queries, which is how reasons are checked (docs/reasons.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np

from chatrec.catalog import Catalog
from chatrec.encoder import Encoder, encode_items
from chatrec.errors import UnknownItem
from chatrec.fusion import Fusion
from chatrec.knowledge import Known
from chatrec.looks import unseen
from chatrec.nearest import Search, exact
from chatrec.shortlist import Shortlist
from chatrec.signals import Signals
from chatrec.traits import prior, trait_rows
from chatrec.types import Event, Query, Turn

STANCE = {"like": 1.0, "accept": 0.5, "seen": 0.0, "dislike": -1.0, "reject": -0.5}  # seen is not liked
NEUTRAL_STARS = 3.0  # of 5: a rating of 3 speaks neither for nor against
NEIGHBOURS = 12  # about so many items count as fully close to another
WHOLE = 20_000  # items that may be shown and all get a score; of more, those that some signal finds
PART = 50_000  # items that are scored together

Pull = tuple[list[tuple[int, float]], float]
"""Items that draw others near, with their weights, and what the sum is divided by."""


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
    queries that say nothing of what is wanted. ``search``: finds what is near in a catalogue of more than ``whole``
    items, which are too many to score them all.
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
        search: Search = exact,
        whole: int = WHOLE,
    ) -> None:
        self.catalog = catalog
        self.weights = weights
        self.fusion, self.silence, self.known = fusion, silence, known
        self._encoder = encoder
        texts = [catalog.describe(item) for item in catalog.items]
        self.vectors = encode_items(encoder, texts, cache)  # (N, d)
        self.large = len(catalog) > whole
        self._whole = whole
        self._traits = trait_rows(catalog)
        self._signals = Signals(catalog, known, self._traits, self.large) if known else None
        self._shortlist = None
        if self.large:
            nearest = search(catalog.schema.name, self.vectors)
            beside = self._signals.beside if self._signals else lambda index: np.zeros(0, np.int64)
            self._shortlist = Shortlist(catalog, self.vectors, self._traits, nearest, beside, NEIGHBOURS)
        self._prior = prior(catalog)
        self._said = lru_cache(maxsize=512)(self._encode)
        self._close = lru_cache(maxsize=512)(self._closeness)

    def allowed(self, query: Query) -> np.ndarray:
        """(N,) bool: the items that meet every hard constraint, that no rule forbids and that are not excluded; where
        that leaves enough for a list, those that are in each mood asked for."""
        mask = np.ones(len(self.catalog), dtype=bool)
        for constraint in (*query.constraints, *query.never):
            if not constraint.soft:
                mask &= self.catalog.mask(constraint)
        mask[positions(self.catalog, query.exclude)] = False
        for part in self._moods(query):
            mask = mask & part if (mask & part).sum() >= query.n else mask
        return mask

    def _moods(self, query: Query) -> Iterator[np.ndarray]:
        """(N,) bool: for each mood the items that show a sign of it, then for each those that nothing spoils."""
        told = [(c.sign, c.op, self.catalog.mask(c)) for c in query.constraints if c.sign]
        moods = dict.fromkeys(mood for mood, _, _ in told)
        for mood in moods:
            yield np.any([mask for sign, op, mask in told if sign == mood and op != "not"], axis=0)
        for mood in moods:
            yield np.all([mask for sign, op, mask in told if sign == mood and op == "not"], axis=0)

    def generate(self, query: Query, k: int) -> Candidates:
        """The ``k`` best of the allowed items, or all of them. Equal scores keep the order of the catalogue. When very
        many are allowed and few are wanted, the best of those that some signal brings up."""
        rows = np.flatnonzero(self.allowed(query))
        if self._shortlist and max(k, self._whole) < len(rows):
            rows = self._shortlist.of(rows, self._plain(query, rows), *self._drawn(query))
        some = [self._parts(query, part) for part in np.split(rows, range(PART, len(rows), PART))]
        parts = {name: np.concatenate([part[name] for part in some]) for name in some[0]}
        found = Candidates(rows, _total(parts, len(rows)), parts)
        return found.take(np.argsort(-found.scores, kind="stable")[:k])

    def score(self, query: Query, indices: np.ndarray) -> np.ndarray:
        """(k,) float32: the scores that :meth:`generate` gives the items at these (k,) indices, allowed or not."""
        rows = np.asarray(indices, dtype=np.int64)
        return _total(self._parts(query, rows), len(rows))

    def _parts(self, query: Query, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Signal -> (k,) float32, weighted, for the items at ``rows``."""
        weights = self._weights(query)
        signals = self.signals(query, rows)
        parts = {name: (weights[name] * signals[name]).astype(np.float32) for name in signals if name in weights}
        return parts | ({"feeling": self._feeling(query, rows)} if query.leaning else {})

    def _weights(self, query: Query) -> Mapping[str, float]:
        fusion = self.silence if self.silence and silent(query) else self.fusion
        return fusion.weights if fusion else {f.name: getattr(self.weights, f.name) for f in fields(FusionWeights)}

    def _plain(self, query: Query, rows: np.ndarray) -> np.ndarray:
        """(k,) what the score of the items at ``rows`` is made of without their vectors."""
        signals = {name: self._prior[name][rows] for name in ("reception", "popularity")}
        signals["wishes"] = self._wishes(query, rows)
        if self._signals:
            signals |= self._signals.plain(query.constraints, rows)
        weights = self._weights(query)
        found = sum((weights.get(name, 0.0) * signal for name, signal in signals.items()), np.zeros(len(rows)))
        return found + (self._feeling(query, rows) if query.leaning else 0.0)

    def _drawn(self, query: Query) -> tuple[list[np.ndarray], list[int]]:
        """Where high scores lie among the vectors, as directions, and the items near which they lie."""
        weights, text = self._weights(query), said(query)
        spoken = weights.get("dialogue", 0.0) * self._said(text) if text else np.zeros(self.vectors.shape[1])
        pulls = {"anchors": self._anchored(query.anchors), "history": self._judged(query.history)}
        ahead = spoken.copy()
        around = self._shortlist.surroundings([index for pairs, _ in pulls.values() for index, _ in pairs])
        for name, (pairs, divisor) in pulls.items():
            for index, weight in pairs:
                pull = weights.get(name, 0.0) * weight / divisor
                ahead += pull / max(around[index].high - around[index].low, 1e-6) * self.vectors[index]
        near = [index for pairs, _ in pulls.values() for index, weight in pairs if weight > 0]
        directions = [spoken, ahead] if text and around else [ahead] if text or around else []
        return [direction.astype(np.float32) for direction in directions], near

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
        } | self._near({"anchors": self._anchored(query.anchors), "history": self._judged(query.history)}, rows)
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

    def _near(self, pulls: Mapping[str, Pull], rows: np.ndarray) -> dict[str, np.ndarray]:
        """Name -> (k,) weighted closeness to the items of each pull."""
        items = list(dict.fromkeys(index for pairs, _ in pulls.values() for index, _ in pairs))
        close = self._shortlist.closeness(items, rows) if self._shortlist else {i: self._close(i)[rows] for i in items}
        signals = {}
        for name, (pairs, divisor) in pulls.items():
            signals[name] = sum((weight * close[index] for index, weight in pairs), np.zeros(len(rows))) / divisor
        return signals

    def _anchored(self, anchors: Sequence[str]) -> Pull:
        """Towards the anchors, the latest counting most: a mean."""
        latest = reversed(positions(self.catalog, anchors).tolist())
        pairs = [(index, 0.8**age) for age, index in enumerate(latest)]
        return pairs, max(sum(weight for _, weight in pairs), 1.0)

    def _judged(self, history: Sequence[Event]) -> Pull:
        """Towards each item of the history times the stance towards it, newer ones counting more."""
        latest = reversed(list(self._stances(history).items()))
        pairs = [(index, stance * 0.9**age) for age, (index, stance) in enumerate(latest)]
        return pairs, max(sum(abs(weight) for _, weight in pairs), 1.0) ** 0.5

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


def _total(parts: Mapping[str, np.ndarray], size: int) -> np.ndarray:
    return sum(parts.values(), np.zeros(size, dtype=np.float32))
