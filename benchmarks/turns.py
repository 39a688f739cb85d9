"""How long a turn takes: ``python -m benchmarks.turns [--json]``.

Starts the action server and Rasa as ``make run`` does, on ports and databases of their own, and holds the
conversations of ``conversations.yml`` with them, one user at a time. A turn lasts from the message's departure to the
end of the whole answer. Where the time goes is read from the timestamps in Rasa's tracker. What the engine did for the
lists of the first scripts is then repeated in this process, in the same order, since only here its stages can be timed.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, UserUttered

from benchmarks import Figures, conversations, run, spread, wait
from chatrec.bootstrap import Engine, build
from chatrec.client import ChatClient
from chatrec.errors import ChatRecError
from chatrec.explain import explain_all
from chatrec.settings import Settings
from chatrec.types import Query
from deploy.local import servers
from deploy.servers import Child, free_port, stop

TARGET = {"p50": 0.8, "p95": 1.5}  # seconds, on two cores
REPEATED = 2  # scripts whose lists are made again to time the engine's stages
WARM_UP = ("hello", "a film for tonight, any genre", "just show me some", "something newer")


@dataclass(frozen=True)
class Timed:
    """One turn that was held. ``at``: when it began, in seconds since 1970; ``listed``: it ended in a list."""

    conversation: str
    kind: str
    at: float
    seconds: float
    listed: bool


@contextmanager
def bot(settings: Settings) -> Iterator[list[Child]]:
    """The action server and Rasa, running. Raises: ChatRecError when one does not start."""
    own = {
        "CHATREC_VAR": settings.var,
        "CHATREC_DB": settings.db,
        "CHATREC_CONSENT": "given",
        "CHATREC_PORT": settings.port,
        "CHATREC_ACTION_PORT": settings.action_port,
    }
    env = {name: str(value) for name, value in own.items()}
    children: list[Child] = []
    try:
        for server in servers(settings):
            children.append(Child(replace(server, env={**server.env, **env})))
        wait(children)
        yield children
    finally:
        stop(children)


def hold(client: ChatClient, turns: Sequence[Mapping[str, Any]]) -> list[Timed]:
    """Say everything of one script and time each turn. Raises: ChatRecError when a script clicks without a list."""
    timed, cards, impression = [], [], ""
    for turn in turns:
        [(kind, said)] = turn.items()
        at, start = time.time(), time.perf_counter()
        if isinstance(said, str):
            answer = client.say(said)
        elif said["rank"] <= len(cards):
            answer = client.click(said["click"], cards[said["rank"] - 1]["item_id"], impression)
        else:
            raise ChatRecError(f"conversations.yml clicks on card {said['rank']}, but the last list has {len(cards)}")
        seconds = time.perf_counter() - start
        found = [m["custom"] for m in answer if (m.get("custom") or {}).get("kind") == "list"]
        if found:
            cards, impression = found[-1]["items"], found[-1]["impression_id"]
        timed.append(Timed(client.conversation, kind, at, seconds, bool(found)))
    return timed


def parts(turn: Timed, events: Sequence[Event]) -> dict[str, float]:
    """Where a turn's seconds went, by the events that Rasa's tracker kept of it: the user's message gets its timestamp
    when it has been understood, an action when it has run."""
    understood = next(e.timestamp for e in events if isinstance(e, UserUttered))
    acted = [e.timestamp for e in events if isinstance(e, ActionExecuted) and e.action_name != ACTION_LISTEN_NAME]
    end = turn.at + turn.seconds
    return {
        "understanding": understood - turn.at,
        "policies and action": max(acted, default=understood) - understood,
        "keeping and sending": end - max(acted, default=understood),
    }


def by_turn(events: Sequence[Event]) -> list[list[Event]]:
    """The events of a conversation, from each of the user's messages up to the next."""
    starts = [i for i, event in enumerate(events) if isinstance(event, UserUttered)]
    return [list(events[a:b]) for a, b in zip(starts, [*starts[1:], len(events)], strict=True)]


def tracked(settings: Settings, conversation: str) -> list[list[Event]]:
    """What Rasa kept of a conversation, by turn."""
    domain = Domain.load(str(settings.root / "domain.yml"))
    kept = SQLTrackerStore(domain, dialect="sqlite", db=str(settings.var / "rasa.db"))
    return by_turn(list(asyncio.run(kept.retrieve_full_tracker(conversation)).events))


def stages(built: Engine, query: Query) -> dict[str, float]:
    """Seconds of each stage of one recommendation."""
    recommender = built.recommender(query.catalog)
    times = [time.perf_counter()]
    looser, _ = recommender.relax(query)
    candidates = recommender.generator.generate(looser, recommender.ranker.reads)
    times.append(time.perf_counter())
    best = recommender.ranker.rank(looser, candidates).indices[: query.n]
    times.append(time.perf_counter())
    explain_all(looser, recommender.catalog, best, recommender.score)
    times.append(time.perf_counter())
    names = ("candidates", "language model", "reasons")
    return {name: end - start for name, start, end in zip(names, times, times[1:], strict=False)}


def queries(built: Engine, conversation: str) -> list[Query]:
    """What each list of a conversation answered, oldest first, from the store."""
    kept = sorted(built.store.export(conversation)["impressions"], key=lambda row: row["at"])
    return [Query.from_json(row["query"]) for row in kept]


def measure(settings: Settings) -> Figures:
    """All figures, by name; seconds."""
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder)
        db = f"sqlite:///{var / 'chatrec.db'}"
        own = replace(settings, var=var, db=db, port=free_port(), action_port=free_port())
        url = f"http://127.0.0.1:{own.port}/chat"
        start = time.perf_counter()
        with bot(own) as children:
            ready = time.perf_counter() - start
            _talk(url, [{"chat": text} for text in WARM_UP])
            before = processor_seconds(children)
            held = [_talk(url, script["turns"]) for script in conversations()]
            used = {name: after - before[name] for name, after in processor_seconds(children).items()}
        turns = sum(map(len, held))
        return {
            **_turns(held),
            "processor_seconds_a_turn": {name: round(seconds / turns, 3) for name, seconds in used.items()},
            "where_the_time_of_a_list_goes": _rows(_listed_parts(own, held)),
            "what_the_engine_does_in_it": _rows(_repeated(own, held[:REPEATED])),
            "start": round(ready, 1),
        }


def _talk(url: str, turns: Sequence[Mapping[str, Any]]) -> list[Timed]:
    client = ChatClient(url)
    try:
        return hold(client, turns)
    finally:
        client.close()


def processor_seconds(children: Sequence[Child]) -> dict[str, float]:
    times = {child.server.name: psutil.Process(child.process.pid).cpu_times() for child in children}
    return {name: used.user + used.system for name, used in times.items()}


def _turns(held: Sequence[Sequence[Timed]]) -> Figures:
    timed = [turn for script in held for turn in script]
    kinds = {kind: [t for t in timed if t.kind == kind] for kind in dict.fromkeys(t.kind for t in timed)}
    groups = {"all": timed, "ends in a list": [t for t in timed if t.listed], **kinds}
    overall = spread([t.seconds for t in timed])
    return {
        "target": TARGET,
        "met": all(overall[name] < limit for name, limit in TARGET.items()),
        "turns": [{"turn": g, "n": len(of), **spread([t.seconds for t in of])} for g, of in groups.items()],
    }


def _listed_parts(settings: Settings, held: Sequence[Sequence[Timed]]) -> list[dict[str, float]]:
    return [
        parts(turn, events)
        for script in held
        for turn, events in zip(script, tracked(settings, script[0].conversation), strict=True)
        if turn.listed
    ]


def _repeated(settings: Settings, held: Sequence[Sequence[Timed]]) -> list[dict[str, float]]:
    built = build(settings)
    try:
        return [stages(built, query) for script in held for query in queries(built, script[0].conversation)]
    finally:
        built.store.close()


def _rows(times: Sequence[Mapping[str, float]]) -> list[Figures]:
    return [{"part": name, "n": len(times), **spread([row[name] for row in times])} for name in times[0]]


if __name__ == "__main__":
    run(__doc__.splitlines()[0], measure)
