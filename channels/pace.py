"""How fast one user may talk: a pause is asked for once, and after that there is silence until it was taken."""

from __future__ import annotations

from typing import Any, Literal

from throttled import MemoryStore, Throttled, per_min

from chatrec.settings import Settings

USERS = 10_000  # who are remembered at once; the longest silent are forgotten first

Verdict = Literal["go", "pause", "silence"]


class Pace:
    """``a_minute`` turns, as many of them at once as somebody likes (the generic cell rate algorithm)."""

    def __init__(self, a_minute: int) -> None:
        self._turns = _limit(a_minute)
        self._notices = _limit(1)

    def verdict(self, user: str) -> Verdict:
        """Counts one turn of the user's."""
        if not self._turns.limit(user).limited:
            return "go"
        return "silence" if self._notices.limit(user).limited else "pause"


def _limit(a_minute: int) -> Throttled:
    store = MemoryStore(options={"MAX_SIZE": USERS})
    return Throttled(using="gcra", quota=per_min(a_minute, burst=a_minute), store=store)


def limits() -> dict[str, Any]:
    """What the settings say of every channel's turns, as options of a channel."""
    settings = Settings.read()
    return {"turn_seconds": settings.turn_seconds, "turns_a_minute": settings.turns_a_minute}
