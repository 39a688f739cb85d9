"""A turn as operators see it: counted, timed, traced, and logged without its words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chatrec import logs, metrics, tracing


@dataclass
class Turn:
    """``outcome``: ``answered``, ``apology`` or ``limited``."""

    outcome: str = "answered"


@contextmanager
def turn(channel: str) -> Iterator[Turn]:
    """One turn of a channel; the block says how it ended."""
    began, watched = time.monotonic(), Turn()
    with logs.private(), tracing.span("turn", channel=channel) as span:
        yield watched
        span.set_attribute("outcome", watched.outcome)
    metrics.TURN.labels(channel).observe(time.monotonic() - began)
    metrics.TURNS.labels(channel, watched.outcome).inc()
