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
QUIET = {"enable_access_log": False, "log_level": "WARNING"}
SHARED = 80_000_000  # bytes of Ray's object store, which we have no use for; it takes no less

log = logging.getLogger("deploy.serve")


class Ranking:
    """The models that have replicas: the one promoted last, and for a while those before."""

    def __init__(self, settings: Settings, replicas: int) -> None:
        self.settings, self.replicas = settings, replicas
        self.served: dict[str, float] = {}  # by name, when it was last the one in service
        self.refused = ""

    def refresh(self) -> None:
        """What was promoted is served, what has had its time is not. A model that can't be served changes nothing."""
        from ray import serve  # noqa: PLC0415

        name, now = promotion.serving(self.settings.models), time.monotonic()
        if name and name not in self.served and name != self.refused:
            self.refused = ""
            self._start(name)
        if name in self.served:
            self.served[name] = now
            for former in [n for n, last in self.served.items() if now - last > LINGER]:
                serve.delete(former)
                del self.served[former]

    def _start(self, name: str) -> None:
        """Returns when all replicas answer."""
        from ray import cluster_resources, serve  # noqa: PLC0415

        from deploy.replica import Replica  # noqa: PLC0415

        # Room for as many again, since two models serve while one takes over from the other.
        options = {"num_cpus": 1, "num_gpus": min(1.0, cluster_resources().get("GPU", 0) / (2 * self.replicas))}
        replica = Replica.options(num_replicas=self.replicas, ray_actor_options=options)
        try:
            bound = replica.bind(self.settings.models / name, self.settings)
            serve.run(bound, name=name, route_prefix=f"/{name}", logging_config=QUIET)
        except RuntimeError as error:
            serve.delete(name)
            self.refused = name
            log.error("the model %s can't be served: %s", name, str(error).split("\n")[0])
        else:
            self.served[name] = time.monotonic()
            log.info("the model %s is served by %d replicas", name, self.replicas)


def server(settings: Settings, port: int = PORT, replicas: int = REPLICAS) -> Server:
    """This command, for a launcher; it answers once the model in service does."""
    return Server(
        name="the ranker",
        command=(sys.executable, "-m", "deploy.serve", "--port", str(port), "--replicas", str(replicas)),
        health=f"http://{HOST}:{port}/{quote(promotion.serving(settings.models) or '')}",
        log=settings.var / "logs" / "ranker.log",
        folder=settings.root,
    )


def run(settings: Settings, port: int, replicas: int) -> None:
    """Until a signal. Raises: ChatRecError."""
    if importlib.util.find_spec("ray") is None:
        raise ModelMissing("Ray is not installed: pip install -r requirements/serve.txt")
    if promotion.serving(settings.models) is None:
        raise ModelMissing("no ranker is in service: `chatrec train` makes one")
    check_port(port, "--port")
    os.environ.update({**ENV, "RAY_USAGE_STATS_ENABLED": "0", "RAY_prestart_worker_first_driver": "0"})
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
                http_options={"host": HOST, "port": port, "request_timeout_s": settings.rank_seconds},
                logging_config=QUIET,
            )
            threads = max(1, (os.cpu_count() or 1) // replicas)
            ranking = Ranking(replace(settings, threads=threads), replicas)
            while not stopping.wait(LOOK):
                ranking.refresh()
        finally:
            ray.shutdown()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--replicas", type=int, default=REPLICAS)
    options = parser.parse_args()
    settings = Settings.read()
    logs.install("ranker", settings.log_text)
    try:
        run(settings, options.port, max(1, options.replicas))
    except ChatRecError as error:
        print(f"the ranker's server can't start: {error}", file=sys.stderr)
        return 2 if isinstance(error, BadInput) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
