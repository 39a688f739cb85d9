"""What the servers count, as Prometheus reads it from ``/metrics``. No label ever holds what somebody said."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE  # noqa: F401  for who serves them

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

TURNS = Counter("chatrec_turns", "Turns by how they ended", ("channel", "outcome"), registry=REGISTRY)
TURN = Histogram("chatrec_turn_seconds", "A whole turn", ("channel",), buckets=_SECONDS, registry=REGISTRY)
NLU = Histogram("chatrec_nlu_seconds", "Understanding a message", buckets=_SECONDS, registry=REGISTRY)
ACTION = Histogram("chatrec_action_seconds", "An action", ("action",), buckets=_SECONDS, registry=REGISTRY)
RANKING = Histogram("chatrec_ranking_seconds", "Making a list", ("catalog",), buckets=_SECONDS, registry=REGISTRY)
ERRORS = Counter("chatrec_errors", "What failed, by where", ("where",), registry=REGISTRY)
FALLBACKS = Counter("chatrec_fallbacks", "What was done the second-best way", ("kind",), registry=REGISTRY)
SPOOL = Gauge("chatrec_spool_length", "Writes that wait for the store", registry=REGISTRY)


def text() -> bytes:
    """All of them, in Prometheus' text format."""
    return generate_latest(REGISTRY)
