"""What the servers write down: one line of JSON an entry, and nothing of what users say.

Our own modules vouch for their messages. What a library says while a turn goes on may quote the user, and so may the
words of any exception: both are left out, with the place in the code kept, unless the settings allow text.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from chatrec import tracing
from chatrec.errors import StoreDown

OWN = ("chatrec", "actions", "channels", "components", "deploy", "rasa_sdk_plugins")
FRAMES = 8  # of a traceback, the innermost

_in_turn: ContextVar[bool] = ContextVar("in_turn", default=False)


@contextmanager
def private() -> Iterator[None]:
    """Somebody's words are being worked on: what others log in here may quote them."""
    token = _in_turn.set(True)
    try:
        yield
    finally:
        _in_turn.reset(token)


class JsonLines(logging.Formatter):
    """``{"time", "level", "service", "logger", "message", "trace", "error"}``; keys that have nothing are missing."""

    def __init__(self, service: str, text: bool = False) -> None:
        super().__init__()
        self._service, self._text = service, text

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": self._message(record),
            "at": "" if _own(record.name) else f"{record.module}:{record.lineno}",
            "trace": tracing.trace_id(),
            "error": self._error(record) if record.exc_info and record.exc_info[1] else None,
        }
        return json.dumps({key: value for key, value in line.items() if value}, ensure_ascii=False)

    def _message(self, record: logging.LogRecord) -> str:
        if self._text or _own(record.name):
            return record.getMessage()
        if _in_turn.get():
            return str(record.msg).split("\n")[0] if record.args else ""  # a template quotes nobody
        return re.sub(r"\?\S+", "?…", record.getMessage().split("\n")[0])  # queries hold ids of conversations

    def _error(self, record: logging.LogRecord) -> Mapping[str, Any]:
        kind, error, trace = record.exc_info
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-FRAMES:]]
        said = {"text": str(error)} if self._text or isinstance(error, StoreDown) else {}
        return {"type": kind.__name__, "places": places, **said}


def install(service: str, text: bool) -> None:
    """Let everything that the process logs go through :class:`JsonLines`. Where a person looks at a terminal, logs stay
    as Rasa writes them."""
    if sys.stderr.isatty():
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service, text))
    root = logging.getLogger()
    root.handlers = [handler]
    if root.level != logging.DEBUG:
        root.setLevel(logging.WARNING)
        for name in OWN:
            logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)


def _own(name: str) -> bool:
    return name.split(".")[0] in OWN
