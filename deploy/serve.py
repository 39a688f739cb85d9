"""The ranker in processes of its own: ``python -m deploy.serve [--port 5065] [--replicas 2]``, by Ray Serve.

Replicas of the model in service answer at ``http://localhost:PORT/MODEL``; action servers ask there whose
``CHATREC_RANKER`` is ``http://localhost:PORT``. A model that is promoted gets replicas of its own, and when all of them
answer the former ones go, after a while. Ctrl-C or SIGTERM stops everything. Exit codes: 0 stopped on request, 2 a
setting that can't work, 1 otherwise.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from dataclasses import replace
from urllib.parse import quote

from chatrec import logs, promotion
from chatrec.errors import BadInput, ChatRecError, ModelMissing
from chatrec.settings import Settings
from deploy.local import ENV, HOST, check_port
from deploy.servers import Server

PORT, REPLICAS = 5065, 2
LOOK = 1.0  # seconds between two looks at which model is promoted
LINGER = 60.0  # seconds that a former model's replicas stay: action servers change over, and turns end
# Nobody is told that somebody uses Ray, no process waits for work that we don't have, replicas have the priority of any
# other server, and one whose model is damaged is tried again once.
RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_worker_niceness": "0",
    "MAX_PER_REPLICA_RETRY_COUNT": "1",
}
QUIET = {"enable_access_log": False, "log_level": "WARNING"}
SHARED = 80_000_000  # bytes of Ray's object store, which we have no use for; it takes no less

log = logging.getLogger("deploy.serve")


class Ranking:
    """The models that have replicas: the one promoted last, and for a while those before."""

    def __init__(self, settings: Settings, replicas: int) -> None:
        self.settings, self.replicas = settings, replicas
        self.deployed: set[str] = set()
        self.serving, self.since = "", 0.0  # what was last seen to answer of those promoted, and since when
        self.refused = ""

    def refresh(self) -> None:
        """What was promoted is deployed; once all its replicas answer, what has had its time is not. A model that can't
        be served changes nothing. Raises: ModelMissing when nothing is served then."""
        from ray import serve  # noqa: PLC0415

        name = promotion.serving(self.settings.models)
        if name is None or name == self.refused:
            return
        if name not in self.deployed:
            self._deploy(name)
        state = serve.status().applications[name].status
        if state == "DEPLOY_FAILED":
            self._refuse(name)
        elif state == "RUNNING":
            self._prefer(name)

    def _prefer(self, name: str) -> None:
        self.refused = ""
        if name != self.serving:
            self.serving, self.since = name, time.monotonic()
            log.info("the model %s serves", name)
        if time.monotonic() - self.since > LINGER:
            self._drop(*self.deployed - {name})

    def _deploy(self, name: str) -> None:
        from ray import cluster_resources, serve  # noqa: PLC0415

        from deploy.replica import Replica  # noqa: PLC0415

        self._drop(*self.deployed - {self.serving})
        # Room for as many again, since two models serve while one takes over from the other.
        options = {"num_cpus": 1, "num_gpus": min(1.0, cluster_resources().get("GPU", 0) / (2 * self.replicas))}
        replica = Replica.options(num_replicas=self.replicas, ray_actor_options=options)
        bound = replica.bind(self.settings.models / name, self.settings)
        target = serve.RunTarget(bound, name=name, route_prefix=f"/{name}", logging_config=QUIET)
        serve.run_many([target], wait_for_applications_running=False)
        self.deployed.add(name)

    def _refuse(self, name: str) -> None:
        self._drop(name)
        self.refused = name
        log.error("the model %s can't be served: what Ray says above is why", name)
        if not self.deployed:
            raise ModelMissing(f"no replica of {name} starts")

    def _drop(self, *names: str) -> None:
        from ray import serve  # noqa: PLC0415

        for name in names:
            serve.delete(name)
            self.deployed.remove(name)


def server(settings: Settings, port: int = PORT, replicas: int = REPLICAS) -> Server:
    """This command, for a launcher; it answers once the model in service does. Raises: ModelMissing."""
    name = _startable(settings)
    return Server(
        name="the ranker",
        command=(sys.executable, "-m", "deploy.serve", "--port", str(port), "--replicas", str(replicas)),
        health=f"http://{HOST}:{port}/{quote(name)}",
        log=settings.var / "logs" / "ranker.log",
        folder=settings.root,
    )


def _startable(settings: Settings) -> str:
    """The model in service. Raises: ModelMissing."""
    if importlib.util.find_spec("ray") is None:
        raise ModelMissing("Ray is not installed: uv pip install --no-deps -r requirements/serve.txt")
    name = promotion.serving(settings.models)
    if name is None:
        raise ModelMissing("no ranker is in service: `chatrec train` makes one")
    return name


def run(settings: Settings, host: str, port: int, replicas: int) -> None:
    """Until a signal. Raises: ChatRecError."""
    _startable(settings)
    check_port(port, "--port")
    os.environ.update(ENV | RAY)
    import ray  # noqa: PLC0415
    from ray import serve  # noqa: PLC0415

    stopping = threading.Event()
    with tempfile.TemporaryDirectory(prefix="chatrec-ray-", ignore_cleanup_errors=True) as folder:
        ray.init(
            "local",
            num_cpus=2 * replicas,
            object_store_memory=SHARED,
            include_dashboard=False,
            _temp_dir=folder,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        try:
            serve.start(
                http_options={"host": host, "port": port, "request_timeout_s": settings.rank_seconds},
                logging_config=QUIET,
            )
            threads = max(1, (os.cpu_count() or 1) // replicas)
            logging.getLogger("ray.serve").setLevel(logging.ERROR)  # it warns that this port is not its own default
            ranking = Ranking(replace(settings, threads=threads), replicas)
            while not stopping.wait(LOOK):
                ranking.refresh()
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # first: a launcher need not wait as long as Ray takes to stop
            ray.shutdown()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default=HOST, help="where to listen; by default to this machine alone")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--replicas", type=int, default=REPLICAS)
    options = parser.parse_args()
    settings = Settings.read()
    logs.install("ranker", settings.log_text)
    try:
        run(settings, options.host, options.port, max(1, options.replicas))
    except ChatRecError as error:
        print(f"the ranker's server can't start: {error}", file=sys.stderr)
        return 2 if isinstance(error, BadInput) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
