"""Rasa's tracker store, which forgets whom the actions say to forget. ``endpoints.yml`` names it."""

from __future__ import annotations

import asyncio

from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.events import SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy import func
from sqlalchemy.orm import Query, Session

from chatrec.trackers import Trackers

ERASED = "erased"  # slot that holds the id of the person to forget


class ForgettingTrackerStore(SQLTrackerStore):
    """Keeps conversations in a database, as Rasa's own does. A conversation whose slot ``erased`` is set ends with its
    turn: instead of being kept it is erased, with all others of the same person. What came last is last, whatever the
    clock said: Rasa's own loses all that is said after its clock was put back behind the session's start."""

    async def save(self, tracker: DialogueStateTracker) -> None:
        await super().save(tracker)
        who = tracker.get_slot(ERASED)
        if who:
            await asyncio.to_thread(self._forget, str(who), tracker.sender_id)

    def _event_query(self, session: Session, sender_id: str, fetch_events_from_all_sessions: bool) -> Query:
        event = self.SQLEvent
        mine = session.query(event).filter(event.sender_id == sender_id).order_by(event.id)
        if fetch_events_from_all_sessions:
            return mine
        starts = session.query(func.coalesce(func.max(event.id), 0)).filter(
            event.sender_id == sender_id, event.type_name == SessionStarted.type_name
        )
        return mine.filter(event.id >= starts.scalar_subquery())

    def _forget(self, who: str, conversation: str) -> None:
        trackers = Trackers(self.engine.url.render_as_string(hide_password=False))
        try:
            trackers.forget(lambda person: person in (who, conversation))
        finally:
            trackers.close()
