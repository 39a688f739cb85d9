"""What is remembered of users: the only SQL of the project.

Users are known by a key, the keyed hash of their id on a platform, so that a copy of the database names nobody.
Conversation ids and idempotency keys are hashed too, since they are often made of a platform id.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Table, and_, delete, false, insert, or_, select, update
from sqlalchemy.engine import Connection, Row
from sqlalchemy.sql import ColumnElement, Select

from chatrec import tables
from chatrec.database import Database
from chatrec.errors import BadInput, StoreDown
from chatrec.ratings import read_ratings
from chatrec.records import Consent, FollowUp, Health, Impression, Preference, Shown
from chatrec.restore import bare, rows_to_restore
from chatrec.spool import Spool
from chatrec.types import Constraint, Event, Query, RankedList, Turn

log = logging.getLogger(__name__)

_OPINIONS = frozenset({"like", "dislike", "rating"})
_BATCH = 1000  # rows a statement; psycopg2 counts those of one page, which is 1,000 rows


class Store:
    """Users, what they did, said, saw and want. Safe to use from several threads.

    ``user`` is always the key that :meth:`user` returned; a key of nobody is :class:`BadInput`. Times are seconds
    since 1970, UTC. All writes of one call are one transaction. Any call raises :class:`StoreDown` when the database
    doesn't answer; but with a ``spool``, what a turn writes waits there (users, events, turns, lists, lasting wishes),
    no call takes long, and what was hidden stays so.
    """

    def __init__(self, url: str, secret: str, spool: Spool | None = None) -> None:
        """Connect at first use, to a schema that must be there: see :meth:`open`.

        ``secret`` keys the hashes of platform ids. Who changes it loses the link to all stored users; with an empty
        one, ids can be guessed from a copy of the database.
        """
        self._database = Database(url, impatient=spool is not None)
        self._secret = secret.encode()
        self._spool = spool
        self._migrated = False
        self._hidden: dict[str, frozenset[str]] = {}

    @classmethod
    def open(cls, url: str, secret: str, spool: Spool | None = None) -> Store:
        """A store whose schema is up to date; one with a spool brings it up to date when it can. Several processes may
        do this at once."""
        store = cls(url, secret, spool)
        try:
            store.catch_up()
        except StoreDown as error:
            if spool is None:
                raise
            log.error("the store is down: %s", error)
        return store

    def catch_up(self) -> int:
        """Write what waited in the spool, in its order. Returns how many rows that were."""
        if not self._migrated:
            self._database.migrate()
            self._migrated = True
        return 0 if self._spool is None or self._spool.empty else self._spool.drain(self._write)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def health(self) -> Health:
        """One round trip to the database. Raises :class:`StoreDown` also when the schema is out of date."""
        return Health(self._database.name, self._database.revision())

    # Users

    def key(self, platform_id: str) -> str:
        """The key of a user, known or not; nothing is stored. Begin the id with the channel: ``telegram:42``."""
        if not platform_id:
            raise BadInput("a user needs an id; it is empty")
        return self._hash(platform_id)

    def user(self, platform_id: str) -> str:
        """The key of a user, who is here now, and is created at the first call."""
        key = self.key(platform_id)
        self._keep(tables.users, _new_user(key))
        return key

    def find_user(self, who: str) -> str | None:
        """The key of an existing user, by key or by platform id."""
        key = tables.users.c.user_key
        with self._database.read() as connection:
            known = set(connection.scalars(select(key).where(key.in_((who, self._hash(who))))))
        return next((found for found in (who, self._hash(who)) if found in known), None)

    # Behaviour

    def add_event(self, user: str, catalog: str, event: Event, key: str, said: str = "") -> bool:
        """Keep an event. ``key`` names this one act of the user: stored under it before, nothing happens, and the
        answer is False. ``said``: the sentence that told of it."""
        return self._add_once(tables.events, key, {"user_key": user, "catalog": catalog, "said": said, **vars(event)})

    def events(self, user: str, catalog: str | None = None) -> tuple[Event, ...]:
        """What a user did, oldest first; in all catalogues when none is given."""
        table = tables.events
        columns = [table.c[field.name] for field in fields(Event)]
        rows = select(*columns).where(table.c.user_key == user).order_by(table.c.at, table.c.id)
        if catalog is not None:
            rows = rows.where(table.c.catalog == catalog)
        with self._database.read() as connection:
            return tuple(Event(*row) for row in connection.execute(rows))

    def histories(self, catalog: str) -> dict[str, tuple[Event, ...]]:
        """What everybody did in a catalogue, oldest first, by user: what a ranker learns from."""
        table = tables.events
        columns = [table.c[field.name] for field in fields(Event)]
        rows = select(table.c.user_key, *columns).where(table.c.catalog == catalog).order_by(table.c.at, table.c.id)
        found: dict[str, list[Event]] = {}
        with self._database.read() as connection:
            for user, *event in connection.execute(rows):
                found.setdefault(user, []).append(Event(*event))
        return {user: tuple(events) for user, events in found.items()}

    def stances(self, user: str, catalog: str) -> dict[str, Event]:
        """Where a user stands on each item they met, by item id: the latest like, dislike or rating;
        without any, the latest event. So "seen" after "like" leaves the like in place."""
        return stances(self.events(user, catalog))

    def said(self, user: str, catalog: str) -> dict[str, str]:
        """Item id -> the sentence that the latest event on it came from."""
        table = tables.events
        mine = and_(table.c.user_key == user, table.c.catalog == catalog, table.c.said != "")
        with self._database.read() as connection:
            rows = connection.execute(select(table.c.item_id, table.c.said).where(mine).order_by(table.c.at))
            return {item_id: said for item_id, said in rows}

    def forget_item(self, user: str, catalog: str, item_id: str) -> bool:
        """Erase all that a user did about an item. False when that was nothing."""
        table = tables.events
        mine = and_(table.c.user_key == user, table.c.catalog == catalog, table.c.item_id == item_id)
        with self._database.write() as connection:
            return connection.execute(delete(table).where(mine)).rowcount > 0

    def import_events(self, csv_path: Path, catalog: str) -> int:
        """Ratings from a file, see :func:`read_ratings`; all of them or none. The user ids of the file are platform
        ids. Returns how many were new: importing a file again adds nothing.

        Raises:
            BadInput: ``file:line:`` and what is wrong there; nothing was stored.
        """
        ratings = read_ratings(csv_path)
        new = 0
        with self._database.write() as connection:
            while batch := list(islice(ratings, _BATCH)):
                new += self._add_ratings(connection, catalog, batch)
        return new

    # Lists shown

    def add_impression(self, user: str, ranked: RankedList, query: Query, propensities: Sequence[float]) -> None:
        """Keep a list as it was shown, with the whole query behind it. ``propensities``: for each item the chance
        that it was shown, in (0, 1]. An impression id that is stored already stays as it is."""
        if not ranked.impression_id or len(propensities) != len(ranked.items):
            raise BadInput("an impression needs an id, and one propensity an item")
        items = [
            {"item_id": shown.item.item_id, "score": float(shown.score), "propensity": float(chance)}
            for shown, chance in zip(ranked.items, propensities, strict=True)
        ]
        row = {
            "id": ranked.impression_id,
            "user_key": user,
            "catalog": ranked.catalog,
            "at": time.time(),
            "query": asdict(query) | {"exclude": sorted(query.exclude)},
            "items": items,
            "model": ranked.model,
        }
        self._keep(tables.impressions, row)

    def lists(self, catalog: str) -> Iterator[tuple[str, Query, dict[str, float]]]:
        """Every list shown in a catalogue, oldest first: its id, what it answered, and each item's propensity."""
        table = tables.impressions
        rows = (
            select(table.c.id, table.c.query, table.c["items"]).where(table.c.catalog == catalog).order_by(table.c.at)
        )
        with self._database.read() as connection:
            for name, query, items in connection.execute(rows):
                yield name, Query.from_json(query), {item["item_id"]: item["propensity"] for item in items}

    def impression(self, impression_id: str) -> Impression | None:
        """A list by its id. Compare ``user`` before believing a button."""
        return self._impression(tables.impressions.c.id == impression_id)

    def last_impression(self, user: str, catalog: str) -> Impression | None:
        """The list that a user saw last in a catalogue."""
        table = tables.impressions
        return self._impression(and_(table.c.user_key == user, table.c.catalog == catalog))

    # Review

    def shown(self, since: float) -> Iterator[Shown]:
        """Every list shown from then on that nobody has reviewed, oldest first."""
        lists, reviews, events, turns = tables.impressions, tables.reviews, tables.events, tables.turns
        rows = select(lists).where(lists.c.at >= since).order_by(lists.c.user_key, lists.c.at)
        against = select(events.c.impression_id, events.c.item_id).where(
            events.c.kind.in_(("dislike", "reject")), events.c.at >= since
        )
        texts = select(turns.c.user_key, turns.c.at, turns.c.text).where(turns.c.speaker == "user", turns.c.at >= since)
        with self._database.read() as connection:
            done = set(connection.scalars(select(reviews.c.impression_id)))
            found = connection.execute(rows).all()
            down, said = connection.execute(against).all(), connection.execute(texts.order_by(turns.c.at)).all()
        turned_down, texts_of = _grouped(down), _grouped((user, (at, text)) for user, at, text in said)
        told = []
        for row, after in zip(found, [*found[1:], None], strict=True):
            until = after.at if after is not None and after.user_key == row.user_key else float("inf")
            items = tuple(item["item_id"] for item in row._mapping["items"])
            words = tuple(text for at, text in texts_of.get(row.user_key, ()) if row.at < at < until)
            query, against = Query.from_json(row.query), frozenset(turned_down.get(row.id, ()))
            told.append(Shown(row.id, row.user_key, row.catalog, row.at, query, items, against, words))
        yield from sorted((one for one in told if one.impression_id not in done), key=lambda one: one.at)

    def review(self, shown: Shown, verdict: str, note: str = "") -> None:
        """Keep what a reviewer made of a list, which then is not in the queue any more."""
        row = {"user_key": shown.user, "impression_id": shown.impression_id, "verdict": verdict, "note": note}
        with self._database.write() as connection:
            connection.execute(insert(tables.reviews).values(row | {"at": time.time()}))

    def hide(self, catalog: str, item_id: str) -> None:
        """Recommend the item to nobody any more."""
        row = {"catalog": catalog, "item_id": item_id, "at": time.time()}
        with self._database.write() as connection:
            self._database.insert_once(connection, tables.hidden, [row])

    def hidden(self, catalog: str) -> frozenset[str]:
        """Ids of the items that a reviewer hid."""
        table = tables.hidden
        try:
            with self._database.read() as connection:
                found = frozenset(connection.scalars(select(table.c.item_id).where(table.c.catalog == catalog)))
        except StoreDown:
            if self._spool is None:
                raise
            return self._hidden.get(catalog, frozenset())
        self._hidden[catalog] = found
        return found

    # Conversation

    def add_turn(self, user: str, conversation: str, turn: Turn, at: float, key: str) -> bool:
        """Keep what was said. ``key`` as for :meth:`add_event`."""
        row = {"user_key": user, "conversation": self._hash(conversation), "at": at, **vars(turn)}
        return self._add_once(tables.turns, key, row)

    def turns(self, user: str, conversation: str, limit: int) -> tuple[Turn, ...]:
        """The last ``limit`` turns of a conversation, oldest first."""
        table = tables.turns
        mine = and_(table.c.user_key == user, table.c.conversation == self._hash(conversation))
        rows = select(table).where(mine).order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            newest_first = connection.execute(rows).all()
        return tuple(Turn(row.speaker, row.text) for row in reversed(newest_first))

    # Profile

    def remember(self, user: str, catalog: str, constraint: Constraint, said: str = "") -> int:
        """Keep a lasting wish, in place of an older one that it repeats or takes back. Returns its id, 0 while it
        waits."""
        row = _wish(constraint.to_json()) | {"user_key": user, "catalog": catalog, "at": time.time(), "said": said}
        return self._keep(tables.preferences, row)

    def preferences(self, user: str) -> tuple[Preference, ...]:
        """The lasting wishes of a user, oldest first."""
        table = tables.preferences
        rows = select(table).where(table.c.user_key == user).order_by(table.c.at, table.c.id)
        with self._database.read() as connection:
            found = connection.execute(rows).all()
        return tuple(Preference(row.id, row.catalog, _constraint(row), row.at, row.said) for row in found)

    def correct_preference(self, user: str, preference_id: int, constraint: Constraint, said: str = "") -> bool:
        """Put another wish in the place of one that :meth:`preferences` listed. False when it is gone."""
        row = _wish(constraint.to_json()) | {"at": time.time(), "said": said}
        with self._database.write() as connection:
            changed = update(tables.preferences).where(_preference(user, preference_id)).values(row)
            return connection.execute(changed).rowcount == 1

    def forget_preference(self, user: str, preference_id: int) -> bool:
        """Erase a wish that :meth:`preferences` listed. False when it is gone."""
        with self._database.write() as connection:
            gone = delete(tables.preferences).where(_preference(user, preference_id))
            return connection.execute(gone).rowcount == 1

    def consent(self, user: str, purpose: str, granted: bool) -> None:
        """Keep a yes or a no, also of somebody of whom nothing else is kept. Earlier ones stay on record."""
        row = {"user_key": user, "purpose": purpose, "granted": granted, "at": time.time()}
        with self._database.write() as connection:
            self._database.insert_once(connection, tables.users, [_new_user(user)])
            connection.execute(insert(tables.consents).values(row))

    def consents(self, user: str) -> tuple[Consent, ...]:
        """The latest word on each purpose, by name of the purpose."""
        table = tables.consents
        rows = select(table).where(table.c.user_key == user).order_by(table.c.purpose, table.c.at, table.c.id)
        with self._database.read() as connection:
            latest = {row.purpose: Consent(row.purpose, row.granted, row.at) for row in connection.execute(rows)}
        return tuple(latest.values())

    def holds(self, user: str) -> bool:
        """Whether anything is kept about a user, besides that they exist and what they consented to."""
        kept = [table for table in tables.owned if table not in (tables.users, tables.consents)]
        mine = (select(table.c.user_key).where(table.c.user_key == user).exists() for table in kept)
        with self._database.read() as connection:
            return bool(connection.scalar(select(or_(*mine))))

    # Follow-ups

    def plan_follow_up(self, user: str, planned: FollowUp) -> None:
        """Keep one for later, in place of an earlier one: nobody is asked about two things."""
        table = tables.follow_ups
        with self._database.write() as connection:
            connection.execute(delete(table).where(table.c.user_key == user))
            connection.execute(insert(table).values(vars(planned) | {"user_key": user}))

    def due_follow_ups(self, channel: str, now: float, again: float) -> tuple[FollowUp, ...]:
        """What is due in a channel. Each is given to one caller only, and to the next after ``again`` seconds unless
        it was ended till then."""
        table = tables.follow_ups
        due = select(table).where(table.c.channel == channel, table.c.at <= now).order_by(table.c.at)
        given = []
        with self._database.write() as connection:
            for row in connection.execute(due).all():
                mine = update(table).where(table.c.id == row.id, table.c.at == row.at).values(at=now + again)
                if connection.execute(mine).rowcount == 1:
                    given.append(FollowUp(*(row._mapping[field.name] for field in fields(FollowUp))))
        return tuple(given)

    def end_follow_up(self, user: str) -> bool:
        """It was asked, or must not be. False when there was none."""
        table = tables.follow_ups
        with self._database.write() as connection:
            return connection.execute(delete(table).where(table.c.user_key == user)).rowcount > 0

    # Everything about one person

    def export(self, who: str) -> dict[str, list[dict[str, Any]]]:
        """All rows about a user, by table, ready for JSON; empty lists for somebody unknown. ``who``: as for
        :meth:`find_user`."""
        user = self.find_user(who)
        with self._database.read() as connection:
            return {
                table.name: [dict(row) for row in connection.execute(_rows_of(table, user)).mappings()]
                for table in tables.owned
            }

    def forget(self, who: str) -> int:
        """Erase a user. Returns how many rows that were, 0 for somebody unknown. ``who``: as for :meth:`find_user`."""
        user = self.find_user(who)
        if self._spool is not None:
            self._spool.forget(self._hash(who))
            self._spool.forget(who)
        if user is None:
            return 0
        with self._database.write() as connection:
            rows = sum(
                connection.execute(delete(table).where(table.c.user_key == user)).rowcount
                for table in reversed(tables.owned)
            )
        self._database.scrub()
        return rows

    def restore(self, data: Any, source: str) -> int:
        """Put back what :meth:`export` gave, all or nothing; rows that are there already stay. Returns how many were
        new. ``source``: what to call the data in a message. Raises: BadInput."""
        new = 0
        with self._database.write() as connection:
            for table, rows in rows_to_restore(data, source).items():
                mine = _rows_of(table, rows[0]["user_key"]) if rows else None
                kept = [bare(table, row) for row in connection.execute(mine).mappings()] if rows else []
                fresh = [row for row in rows if row not in kept]
                new += sum(self._database.insert_once(connection, table, [row]) for row in fresh)
        return new

    def expire(self, before: float) -> int:
        """Erase what is older than a time: users not seen since with all that is theirs, and of the others the events,
        lists, turns and reviews from before. Wishes, consents and imported ratings, which are old by nature, last as
        long as their user comes. Returns how many rows that were."""
        gone = select(tables.users.c.user_key).where(tables.users.c.last_seen < before)
        passing = (tables.events, tables.impressions, tables.turns, tables.reviews, tables.follow_ups)
        rows = 0
        with self._database.write() as connection:
            for table in reversed(tables.owned):
                old = table.c.at < before if table in passing else false()
                old = and_(old, table.c.kind != "rating") if table is tables.events else old
                rows += connection.execute(delete(table).where(or_(table.c.user_key.in_(gone), old))).rowcount
        self._database.scrub()
        return rows

    def _hash(self, text: str) -> str:
        return hmac.new(self._secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def _add_once(self, table: Table, key: str, row: dict[str, Any]) -> bool:
        return self._keep(table, row | {"key": self._hash(key)}) == 1

    def _keep(self, table: Table, row: dict[str, Any]) -> int:
        """Write a row that has a name of its own, after those that wait; where there is a spool, let it wait while the
        database is down. Returns how many were new, or the id of a wish."""
        try:
            if self._spool is not None:
                self.catch_up()
            return self._write(table.name, row)
        except StoreDown:
            if self._spool is None:
                raise
            self._spool.add(table.name, row)
            return table is not tables.preferences

    def _write(self, name: str, row: dict[str, Any]) -> int:
        """Writing the same row again changes nothing."""
        table = tables.metadata.tables[name]
        with self._database.write() as connection:
            if table is tables.users:
                return self._database.insert_or_update(connection, table, row, ["last_seen"])
            if table is not tables.preferences:
                return self._database.insert_once(connection, table, [row])
            mine = and_(table.c.user_key == row["user_key"], table.c.catalog == row["catalog"])
            wish, kept = Constraint.from_json(_wish(row)), connection.execute(select(table).where(mine)).all()
            older = [other.id for other in kept if same_wish(_constraint(other), wish)]
            connection.execute(delete(table).where(table.c.id.in_(older)))
            return connection.execute(insert(table).values(row)).inserted_primary_key[0]

    def _add_ratings(self, connection: Connection, catalog: str, batch: Iterable[tuple[str, Event]]) -> int:
        owners, rows = {}, []
        for who, event in batch:
            user = self._hash(who)
            owners[user] = _new_user(user)
            key = self._hash(f"import {catalog} {event.item_id} {event.at} {event.value}")
            rows.append({"user_key": user, "catalog": catalog, "key": key, **vars(event)})
        self._database.insert_once(connection, tables.users, list(owners.values()))
        return self._database.insert_once(connection, tables.events, rows)

    def _impression(self, which: ColumnElement) -> Impression | None:
        rows = select(tables.impressions).where(which).order_by(tables.impressions.c.at.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(rows).first()
        if row is None:
            return None
        columns = {name: tuple(item[name] for item in row.items) for name in ("item_id", "score", "propensity")}
        return Impression(row.id, row.user_key, row.catalog, *columns.values(), row.model, row.at)


def stances(events: Iterable[Event]) -> dict[str, Event]:
    """As :meth:`Store.stances`, of events that are in order."""
    found: dict[str, Event] = {}
    for event in events:
        held = found.get(event.item_id)
        if held is None or event.kind in _OPINIONS or held.kind not in _OPINIONS:
            found[event.item_id] = event
    return found


def _preference(user: str, preference_id: int) -> ColumnElement:
    columns = tables.preferences.c
    return and_(columns.user_key == user, columns.id == preference_id)


def _new_user(key: str) -> dict[str, Any]:
    now = time.time()
    return {"user_key": key, "created_at": now, "last_seen": now}


def _grouped(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _rows_of(table: Table, user: str | None) -> Select:
    return select(table).where(table.c.user_key == user)


def _constraint(row: Row) -> Constraint:
    return Constraint.from_json(_wish(row._mapping))


def _wish(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a constraint. That it was of a mood is of the moment, and not kept."""
    return {field.name: row[field.name] for field in fields(Constraint) if field.name in tables.preferences.c}


def same_wish(old: Constraint, new: Constraint) -> bool:
    """A new bound replaces the old one; "horror" replaces "no horror" and the other way round."""
    if old.slot != new.slot:
        return False
    if new.op in ("min", "max"):
        return old.op == new.op
    return old.op in ("is", "not") and old.values == new.values
