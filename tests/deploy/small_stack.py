"""The launcher over two tiny servers instead of Rasa.

Use: ``small_stack.py FOLDER [--late] [--deaf] [--fails] [--with-child]``; the options are for the second server.

Each tiny server writes its process id to FOLDER/<name>.pid; ``--deaf`` makes one ignore SIGTERM, ``--fails`` makes it
die once the other one runs, ``--with-child`` makes it start a process of its own.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from rich.console import Console

from chatrec.errors import ChatRecError
from deploy.local import Launcher
from deploy.servers import Server

TINY = """
import http.server, os, pathlib, signal, subprocess, sys, time
name, port, folder, *options = sys.argv[1:]
if "--fails" in options:
    while not (pathlib.Path(folder) / "one.pid").exists():
        time.sleep(0.02)
    sys.exit("the disk is full")
if "--deaf" in options:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "--with-child" in options:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (pathlib.Path(folder) / "grandchild.pid").write_text(str(child.pid))
written = pathlib.Path(folder) / f"{name}.new"
written.write_text(str(os.getpid()))
written.replace(pathlib.Path(folder) / f"{name}.pid")
if "--late" in options:
    time.sleep(1)
handler = type("Handler", (http.server.BaseHTTPRequestHandler,), {
    "do_GET": lambda self: (self.send_response(200), self.end_headers())})
http.server.HTTPServer.allow_reuse_address = True
http.server.HTTPServer(("127.0.0.1", int(port)), handler).serve_forever()
"""


def tiny(name: str, folder: Path, options: list[str]) -> Server:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Server(
        name=name,
        command=(sys.executable, "-c", TINY, name, str(port), str(folder), *options),
        health=f"http://127.0.0.1:{port}/health",
        log=folder / f"{name}.log",
        folder=folder,
    )


if __name__ == "__main__":
    folder, options = Path(sys.argv[1]), sys.argv[2:]
    try:
        Launcher(Console()).run([(tiny("one", folder, []), tiny("two", folder, options))], "All are ready")
    except ChatRecError as error:
        sys.exit(f"{error}")
