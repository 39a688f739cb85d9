"""When people do things: by the wall clock, but never back, so that what came later stays later."""

from __future__ import annotations

import threading
import time


class Clock:
    """Seconds since 1970, UTC. When the machine's clock is put back, this one stands until that has caught up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest = 0.0

    def now(self) -> float:
        with self._lock:
            self._latest = max(self._latest, time.time())
            return self._latest


now = Clock().now
