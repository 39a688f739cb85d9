"""Conversations as they come back from the database, whatever the clock did meanwhile."""

from __future__ import annotations

import time

import pytest
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, SessionStarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from components.tracker_store import ForgettingTrackerStore


@pytest.fixture
def store(tmp_path):
    return ForgettingTrackerStore(Domain.empty(), db=str(tmp_path / "rasa.db"))


async def said(store, *turns: list) -> list[str]:
    """What the last retrieval holds after each turn was added to the one before, and saved twice as Rasa does."""
    for events in turns:
        tracker = await store.retrieve("ann") or DialogueStateTracker("ann", [])
        for event in events:
            tracker.update(event)
            await store.save(tracker)
    found = await store.retrieve("ann")
    return [event.text for event in found.events if isinstance(event, UserUttered)]


def session(at: float) -> list:
    return [ActionExecuted("action_session_start", timestamp=at), SessionStarted(timestamp=at)]


def turn(text: str, at: float) -> list:
    return [UserUttered(text, timestamp=at), ActionExecuted("action_listen", timestamp=at)]


async def test_what_is_said_after_the_clock_was_put_back_is_not_lost(store, tmp_path):
    now = time.time()
    turns = session(now), turn("hello", now), turn("back", now - 3600), turn("again", now - 3590)
    assert await said(store, *turns) == ["hello", "back", "again"]
    assert await said(SQLTrackerStore(Domain.empty(), db=str(tmp_path / "rasas.db")), *turns) == ["hello"]


async def test_the_latest_session_alone_is_retrieved_and_all_of_them_when_asked(store):
    now = time.time()
    turns = session(now), turn("hello", now), session(now - 3600), turn("afresh", now - 3600)
    assert await said(store, *turns) == ["afresh"]
    whole = await store.retrieve_full_tracker("ann")
    assert [event.text for event in whole.events if isinstance(event, UserUttered)] == ["hello", "afresh"]
