"""A PostgreSQL of its own for ``deploy.multi``: ``python -m deploy.postgres FOLDER PORT``.

Runs as long as the database does. It answers on ``PORT`` once the databases ``chatrec`` and ``rasa`` are there, whose
address is a socket in ``FOLDER``; ``FOLDER/url`` says which. Started again after a ``kill -9``, it takes over what it
finds: the database that still runs, or the files of the one that does not.
"""

from __future__ import annotations

import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import pgserver
import psutil

HOST = "127.0.0.1"
DATABASES = ("chatrec", "rasa")  # both kinds of tables have one called events
LOOK = 0.2  # seconds between two looks at whether it runs
GRACE = 5.0  # seconds it has to stop


def main(folder: Path, port: int) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder.mkdir(parents=True, exist_ok=True)
    server = pgserver.get_server(folder / "data", cleanup_mode=None)
    try:
        for name in DATABASES:
            if f" {name}\n" not in server.psql("SELECT datname FROM pg_database"):
                server.psql(f"CREATE DATABASE {name}")
        (folder / "url").write_text(server.get_uri("{}"))
        with socket.create_server((HOST, port)) as door:
            door.settimeout(LOOK)
            while psutil.pid_exists(server.get_pid()):
                with suppress(TimeoutError):
                    door.accept()[0].close()
        return 1
    finally:
        with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            process = psutil.Process(server.get_pid())
            process.send_signal(signal.SIGINT)  # which ends transactions, and writes everything down
            process.wait(GRACE)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
