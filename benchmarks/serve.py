"""The ranker in two processes of its own, by Ray Serve, next to the one in the process that asks:
``python -m benchmarks.serve [--json]``.

The same requests for films, most with a history of likes, in turns by either way, so that both see the same machine:
one after the other, and as many at once as an action server lets wait for the model. ``pass``: the model alone;
``list``: what the bot shows, with reasons, for which the model is asked several times. Then one of the two processes is
killed (``kill -9``) while a few ask.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import Figures, run, spread, wait
from chatrec import promotion
from chatrec.bootstrap import PLAIN
from chatrec.catalog import Catalog, load_catalogs
from chatrec.encoder import load_encoder
from chatrec.errors import BadInput
from chatrec.model import load_model
from chatrec.rank import KeepOrder
from chatrec.recommender import Recommender
from chatrec.remote import RemoteTower
from chatrec.resilient import PASSES, Resilient
from chatrec.settings import Settings
from chatrec.tower import load_tower
from chatrec.training.examples import asked
from chatrec.types import Event, Query
from deploy.serve import REPLICAS, server
from deploy.servers import Child, free_port, stop

CATALOG = "movies"
ROUNDS = 4
PASSED, LISTED = 128, 32  # requests of a round
USERS, KILLED, ASKED = 2, 10.0, 40.0  # who ask while a replica dies; seconds until it does, and in all

Work = Callable[[Query], Any]


def measure(settings: Settings) -> Figures:
    """All figures, by name; seconds and megabytes. Raises: BadInput when no model is in service."""
    name, port = promotion.serving(settings.models), free_port()
    if name is None:
        raise BadInput(f"{settings.models}: no model is in service")
    catalog = load_catalogs(settings.catalogs)[CATALOG]
    queries = requests(catalog, ROUNDS * PASSED)
    with tempfile.TemporaryDirectory() as folder, served(replace(settings, var=Path(folder)), port) as child:
        here, there = _ways(replace(settings, ranker=f"http://127.0.0.1:{port}"), name, catalog)
        figures = {"model": name, "replicas": REPLICAS, **_alike(here, there, queries[:LISTED])}
        every = np.arange(len(catalog))
        passes = [lambda query, way=way: way.ranker.lift(query, every) for way in (here, there)]
        figures |= _compared("pass", passes, queries, PASSED)
        figures |= _compared("list", [here.recommend, there.recommend], queries, LISTED)
        return {**figures, "memory": memory(child), "a_replica_killed": _killed(there, child, queries)}


def requests(catalog: Catalog, count: int) -> list[Query]:
    """Different ones, in words."""
    rng, found = random.Random(0), {}
    while len(found) < count:
        target, *before = rng.sample(catalog.items, 7)
        liked = [Event(item.item_id, "like", float(n)) for n, item in enumerate(before)]
        query = asked(target, liked, catalog, rng)
        if query.turns:
            found[query.turns, query.history] = query
    return list(found.values())


@contextmanager
def served(settings: Settings, port: int, env: Mapping[str, str] = {}) -> Iterator[Child]:
    """The ranker's server, running. Raises: ChatRecError when it does not start."""
    child = Child(replace(server(settings, port), env=env))
    try:
        wait([child])
        yield child
    finally:
        stop([child])


def _ways(settings: Settings, name: str, catalog: Catalog) -> Iterator[Recommender]:
    """In this process, and in the replicas."""
    encoder = load_encoder(settings)
    for load in (load_tower, RemoteTower):
        model = load_model(settings.models / name, settings, load)
        generator = model.generator(catalog, encoder, settings.cache)
        yield Recommender(catalog, generator, model.ranker(generator), name)


def _alike(here: Recommender, there: Recommender, queries: Sequence[Query]) -> Figures:
    """How many lists are the same to the last bit of every score and reason, when many ask at once."""
    with ThreadPoolExecutor(PASSES) as pool:
        lists = zip(*(pool.map(way.recommend, queries) for way in (here, there)), strict=True)
        same = sum(one.items == other.items for one, other in lists)
    return {"the_same_lists": f"{same} of {len(queries)}"}


def _compared(name: str, ways: Sequence[Work], queries: Sequence[Query], count: int) -> Figures:
    """Both ways, with other requests in each round, so that neither remembers any."""
    rows, ratios = [], {}
    for at_once in (1, PASSES):
        taken = [[], []]
        rates = [[], []]
        for start in range(0, ROUNDS * count, count):
            part = queries[start : start + count]
            for way, work in enumerate(ways):
                began = time.perf_counter()
                with ThreadPoolExecutor(at_once) as pool:
                    taken[way] += pool.map(lambda query, work=work: _timed(work, query), part)
                rates[way].append(len(part) / (time.perf_counter() - began))
        for title, seconds, rate in zip(("in the process", f"{REPLICAS} replicas"), taken, rates, strict=True):
            rows.append({"way": title, "at once": at_once, "a second": _median(rate), **spread(seconds)})
        pairs = zip(*rates, strict=True)
        ratios[f"{at_once} at once"] = _median([there / here for here, there in pairs])
    return {name: rows, f"{name}_throughput_of_replicas_to_process": ratios}


def _timed(work: Work, query: Query) -> float:
    start = time.perf_counter()
    work(query)
    return time.perf_counter() - start


def _median(values: Sequence[float]) -> float:
    return round(float(np.median(values)), 2)


def _killed(there: Recommender, child: Child, queries: Sequence[Query]) -> Figures:
    """What those who ask get while a replica dies and comes back; who gets nothing ends the benchmark."""
    resilient = Resilient(there, replace(there, ranker=KeepOrder(), model=PLAIN), Settings.rank_seconds)
    began, answers, back = time.monotonic(), [], []

    def one(mine: Sequence[Query]) -> None:
        for query in mine:
            start = time.monotonic()
            if start - began > ASKED:
                return
            found = resilient.recommend(query)
            answers.append((start - began > KILLED, found.model, time.monotonic() - start))

    with ThreadPoolExecutor(USERS) as pool:
        asking = [pool.submit(one, queries[number::USERS]) for number in range(USERS)]
        time.sleep(KILLED)
        victim, *others = replicas(child)
        victim.kill()
        while time.monotonic() - began < ASKED and not back:
            back += [time.monotonic()] if len(set(replicas(child)) - {victim}) > len(others) else []
            time.sleep(0.1)
        for each in asking:
            each.result()
    counts = Counter((after, model) for after, model, _ in answers)
    rows = [
        {"when": when, "by the model": counts[after, there.model], "by the candidates": counts[after, PLAIN]}
        for after, when in enumerate(("before", "after"))
    ]
    return {
        "lists": rows,
        "longest": round(max(seconds for *_, seconds in answers), 2),
        "seconds_until_its_successor_started": round(back[0] - began - KILLED, 1) if back else None,
    }


def replicas(child: Child) -> list[psutil.Process]:
    found = psutil.Process(child.process.pid).children(recursive=True)
    return [process for process in found if "ServeReplica" in process.name()]


def memory(child: Child) -> Figures:
    """Proportional shares: what processes have in common is counted once."""
    server_process = psutil.Process(child.process.pid)
    whole = [process.memory_full_info().pss for process in (server_process, *server_process.children(recursive=True))]
    each = [process.memory_full_info().pss for process in replicas(child)]
    here = psutil.Process().memory_full_info().pss
    return {
        "replicas": [round(size / 1e6) for size in each],
        "the rest of Ray": round((sum(whole) - sum(each)) / 1e6),
        "this process, with both ways": round(here / 1e6),
    }


if __name__ == "__main__":
    run(__doc__.splitlines()[0], measure)
