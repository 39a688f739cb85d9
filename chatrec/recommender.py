"""One query in, one ranked list out: candidates, then rank, then explain."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from chatrec.candidates import CandidateGenerator, Candidates
from chatrec.catalog import Catalog
from chatrec.explain import because_of, explain_all, sentence
from chatrec.rank import Ranker
from chatrec.types import Constraint, Event, Evidence, Item, Query, RankedList, Recommendation
from chatrec.whatif import Change, changes

RECENCY = 0.25  # how much dearer the newest wish is than the oldest
NEGOTIABLE = 8  # wishes that are weighed against each other when nothing fits: 255 sets


@dataclass(frozen=True)
class Recommender:
    """Recommends from one catalogue.

    ``model`` names what ranked, for the impression log.
    """

    catalog: Catalog
    generator: CandidateGenerator
    ranker: Ranker
    model: str

    def recommend(self, query: Query) -> RankedList:
        """The best ``query.n`` items that meet every hard constraint and that no rule forbids.

        When nothing does, the softest constraints are given up one by one (``RankedList.relaxed``); exclusions never
        are. When everything that fits was excluded only because it was shown, the list is shorter, or empty.
        """
        start = time.perf_counter()
        asked, (query, relaxed) = query, self.relax(query)
        candidates = self._ranked(query)
        candidates = candidates.take(np.flatnonzero(self.fitting(query)[candidates.indices]))  # whatever ranked them
        best = candidates.indices[: query.n]
        evidence = self.evidence(query, best)
        items = tuple(self._line(rank, candidates, evidence[rank - 1]) for rank in range(1, len(best) + 1))
        seconds = time.perf_counter() - start
        stretched = tuple(c for c in query.constraints if c not in asked.constraints)
        name = self.catalog.schema.name
        return RankedList(name, items, relaxed, uuid.uuid4().hex[:16], self.model, seconds, stretched=stretched)

    def relax(self, query: Query) -> tuple[Query, tuple[Constraint, ...]]:
        """The query with as little given up as it takes to find something, and the constraints given up.

        Every set of constraints has a price: soft slots of the schema are cheap, and so is what was said earlier; the
        cheapest set that leaves something is taken. Of a bound only so much is given up as a list of the nearest takes:
        it is moved, not dropped. ``not`` is never given up: who said "no horror" gets no horror.
        Nothing is given up either when the wishes can be met, but only by excluded items.
        """
        if self.fitting(replace(query, exclude=frozenset())).any():
            return query, ()
        prices = self._prices(query)
        sets = [chosen for k in range(1, len(prices) + 1) for chosen in combinations(prices, k)]
        for given_up in sorted(sets, key=lambda chosen: sum(prices[c] for c in chosen)):
            looser = replace(query, constraints=tuple(c for c in query.constraints if c not in given_up))
            if self.fitting(looser).any():
                return self._stretched(looser, given_up), given_up
        return query, ()

    def further(self, query: Query) -> tuple[Query, tuple[Constraint, ...]]:
        """When everything that fits was shown: the query without the softest wish that keeps something new away, and
        that wish. An only wish is never given up, nor what kind of thing is asked for; the query may be left as it is.
        """
        prices, slots = self._prices(query), self.catalog.schema.slots
        for wish in sorted(prices, key=prices.__getitem__) if len(prices) > 1 else ():
            looser = replace(query, constraints=tuple(c for c in query.constraints if c != wish))
            if slots[wish.slot].adjective and self.fitting(looser).any():
                return self._stretched(looser, (wish,)), (wish,)
        return query, ()

    def _stretched(self, query: Query, given_up: Sequence[Constraint]) -> Query:
        """The query with the bounds of those given up back, each as far away as the last item of a full list of the
        nearest; where less is left, all of it may be listed."""
        for bound in (c for c in given_up if c.op in ("min", "max")):
            values = self.catalog.numbers(bound.slot)[self.fitting(query)]
            nearest = np.sort(values[~np.isnan(values)])[:: 1 if bound.op == "max" else -1][: query.n]
            if 0 < len(nearest) == query.n:
                moved = replace(bound, values=(float(nearest[-1]),), text="")
                query = replace(query, constraints=(*query.constraints, moved))
        return query

    def _prices(self, query: Query) -> dict[Constraint, float]:
        """What giving up each wish costs, for the newest ``NEGOTIABLE``."""
        wishes = [c for c in query.constraints if not c.soft and c.op != "not"][-NEGOTIABLE:]
        hardest = 1 + max((slot.softness for slot in self.catalog.schema.slots.values()), default=0)
        return {
            wish: (hardest - self.catalog.schema.slots[wish.slot].softness) * (1 + RECENCY * age / len(wishes))
            for age, wish in enumerate(wishes)
        }

    def fitting(self, query: Query) -> np.ndarray:
        """(N,) bool: items that meet all hard constraints and are not excluded."""
        return self.generator.allowed(query)

    def score(self, query: Query, indices: np.ndarray) -> np.ndarray:
        """(k,) scores of the items at these (k,) indices, comparable between queries: what reasons are checked by."""
        return self.generator.score(query, indices) + self.ranker.lift(query, indices)

    def order(self, query: Query) -> tuple[Item, ...]:
        """Everything that fits, best first: how far down an item comes."""
        found = self.ranker.rank(query, self.generator.generate(query, len(self.catalog)))
        return tuple(self.catalog.items[int(i)] for i in found.indices)

    def what_if(self, query: Query) -> tuple[Item | None, tuple[Change, ...]]:
        """What comes first, and what would change that."""
        best = self._best(query)
        if not best:
            return None, ()
        return best[0], changes(query, best, self._first, self.catalog)

    def _best(self, query: Query) -> tuple[Item, ...]:
        return tuple(self.catalog.items[int(i)] for i in self._ranked(query).indices[: query.n])

    def _first(self, query: Query) -> Item | None:
        return next(iter(self._best(query)), None)

    def _ranked(self, query: Query) -> Candidates:
        return self.ranker.rank(query, self.generator.generate(query, max(self.ranker.reads, query.n)))

    def evidence(self, query: Query, indices: np.ndarray) -> tuple[tuple[Evidence, ...], ...]:
        """What speaks for each of the items at these (k,) indices."""
        known = self.generator.known
        return explain_all(query, self.catalog, indices, self.score, known.rated if known else None)

    def explain(self, query: Query, item_id: str) -> tuple[str, tuple[Evidence, ...]]:
        """Why this item: the sentence and the evidence, for an item of any list."""
        evidence = self.evidence(query, np.array([self.catalog.index(item_id)]))[0]
        return sentence(evidence, self.catalog.item(item_id), self.catalog), evidence

    def because_of(self, event: Event, query: Query, ranked: RankedList) -> tuple[Item, ...]:
        """Items of the list whose score falls without that event: what the user's feedback brought up."""
        return because_of(event, ranked, query, self.score, self.catalog)

    def _line(self, rank: int, candidates: Candidates, evidence: tuple[Evidence, ...]) -> Recommendation:
        item = self.catalog.items[int(candidates.indices[rank - 1])]
        score = float(candidates.scores[rank - 1])
        reason = sentence(evidence, item, self.catalog, variant=rank - 1)
        return Recommendation(rank, item, score, float(1 / (1 + np.exp(-score))), reason, evidence)
