"""Lists in time: with the model, or without it when it is late or fails.

What is left then is the order of the candidates, and so are the reasons: they are checked by the scores that made the
list, and the list says which model made it.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from chatrec import metrics, tracing
from chatrec.errors import ChatRecError, ModelDown
from chatrec.recommender import Recommender
from chatrec.types import Constraint, Event, Evidence, Item, Query, RankedList
from chatrec.whatif import Change

log = logging.getLogger(__name__)

PASSES = 8  # that may be waited for at once

T = TypeVar("T")


@dataclass(frozen=True)
class Resilient:
    """Answers as ``whole`` does within ``seconds``, else as ``plain`` does. While a late pass still runs, nobody else
    waits for the model."""

    whole: Recommender
    plain: Recommender
    seconds: float
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(PASSES, "model"))
    _late: set[Future] = field(default_factory=set)

    def recommend(self, query: Query) -> RankedList:
        """See :meth:`Recommender.recommend`."""
        catalog = query.catalog
        with tracing.span("recommend", catalog=catalog) as span, metrics.RANKING.labels(catalog).time():
            ranked = self._either(lambda recommender: recommender.recommend(query))
            span.set_attribute("model", ranked.model)
            return ranked

    def explain(self, query: Query, item_id: str) -> tuple[str, tuple[Evidence, ...]]:
        """See :meth:`Recommender.explain`."""
        with tracing.span("explain", catalog=query.catalog):
            return self._either(lambda recommender: recommender.explain(query, item_id))

    def order(self, query: Query) -> tuple[Item, ...]:
        """See :meth:`Recommender.order`."""
        return self._either(lambda recommender: recommender.order(query))

    def what_if(self, query: Query) -> tuple[Item | None, tuple[Change, ...]]:
        """See :meth:`Recommender.what_if`; all of it by one and the same ranker."""
        return self._either(lambda recommender: recommender.what_if(query))

    def because_of(self, event: Event, query: Query, ranked: RankedList) -> tuple[Item, ...]:
        """See :meth:`Recommender.because_of`; by what made the list."""
        if ranked.model == self.plain.model:
            return self.plain.because_of(event, query, ranked)
        return self._either(lambda recommender: recommender.because_of(event, query, ranked))

    def fitting(self, query: Query) -> np.ndarray:
        """See :meth:`Recommender.fitting`."""
        return self.plain.fitting(query)

    def relax(self, query: Query) -> tuple[Query, tuple[Constraint, ...]]:
        """See :meth:`Recommender.relax`."""
        return self.plain.relax(query)

    def further(self, query: Query) -> tuple[Query, tuple[Constraint, ...]]:
        """See :meth:`Recommender.further`."""
        return self.plain.further(query)

    def _either(self, work: Callable[[Recommender], T]) -> T:
        if self._late:
            return self._without("model_late", work)
        future = self._pool.submit(contextvars.copy_context().run, work, self.whole)
        try:
            return future.result(self.seconds)
        except ModelDown as error:
            log.warning("the model is away, the candidates' order is shown: %s", error)
            return self._without("model_failed", work)
        except ChatRecError:
            raise
        except TimeoutError:
            if not future.cancel():  # it runs, and can't be interrupted
                self._late.add(future)
                future.add_done_callback(self._late.discard)
            log.warning("the model took more than %.1f s: the candidates' order is shown", self.seconds)
            return self._without("model_late", work)
        except Exception as error:
            log.error("the model failed: the candidates' order is shown", exc_info=error)
            return self._without("model_failed", work)

    def _without(self, kind: str, work: Callable[[Recommender], T]) -> T:
        metrics.FALLBACKS.labels(kind).inc()
        return work(self.plain)
