"""Where rows wait while the database is down: a file of JSON lines, in the order in which they were written.

Rows have keys of their own, so the one that a crash lets through twice is kept once. While not even the file can be
written, on a full disk, they wait in memory.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chatrec import metrics
from chatrec.errors import BadInput

log = logging.getLogger(__name__)

Row = dict[str, Any]
Keep = Callable[[str, Row], None]  # table and row


class Spool:
    """Safe to use from several threads, and from several processes on one machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._homeless: list[str] = []  # lines that the disk would not take

    @property
    def empty(self) -> bool:
        return not self._homeless and not (self._path.exists() and self._path.stat().st_size)

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Let a row wait."""
        with self._held():
            self._homeless.append(json.dumps([table, row], sort_keys=True, default=_plain) + "\n")
            self._house()
            metrics.SPOOL.inc()

    def drain(self, keep: Keep) -> int:
        """Hand every row to ``keep``, the oldest first, and forget those that it took; one that it refuses for good
        (:class:`BadInput`) is dropped, and the log says so. Returns how many there were. Whatever else ``keep`` raises
        stops it; that row and those behind it stay."""
        with self._held():
            filed, homeless, done = self._lines(), self._homeless, 0
            try:
                for line in (*filed, *homeless):
                    _hand(line, keep)
                    done += 1
            finally:
                self._leave(filed, filed[done:], homeless[max(0, done - len(filed)) :])
            return done

    def forget(self, user: str) -> None:
        """Drop what waits of a user."""
        with self._held():
            filed = self._lines()
            kept, homeless = ([row for row in rows if f'"{user}"' not in row] for rows in (filed, self._homeless))
            self._leave(filed, kept, homeless)

    def _leave(self, before: Sequence[str], filed: Sequence[str], homeless: list[str]) -> None:
        """Only these wait from now on. A crash in the middle leaves too many, never too few."""
        self._homeless = homeless
        metrics.SPOOL.set(len(filed) + len(homeless))
        if len(filed) < len(before):
            fresh = self._path.with_suffix(".new")
            try:
                fresh.touch(mode=0o600)
                fresh.write_text("".join(filed), encoding="utf-8")
                fresh.replace(self._path)
            except OSError as error:
                log.error("the spool can't be shortened (%s): its rows come again", error.strerror)
        self._house()

    def _house(self) -> None:
        """Bring to the disk what is not there yet: whole lines, or none."""
        if not self._homeless:
            return
        data = "".join(self._homeless).encode()
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        before = os.fstat(file).st_size
        try:
            if os.write(file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
            self._homeless = []
        except OSError as error:
            os.ftruncate(file, before)
            log.error("the spool can't be written (%s): %d rows wait in memory", error.strerror, len(self._homeless))
        finally:
            os.close(file)

    def _lines(self) -> list[str]:
        return self._path.read_text(encoding="utf-8").splitlines(keepends=True) if self._path.exists() else []

    @contextmanager
    def _held(self) -> Iterator[None]:
        """No other thread or process reads or writes meanwhile."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _hand(line: str, keep: Keep) -> None:
    try:
        keep(*json.loads(line))
    except (ValueError, TypeError, BadInput) as error:
        log.error("a row of the spool was dropped: %s", type(error).__name__)


def _plain(value: Any) -> Any:
    """numpy's numbers as Python's."""
    return value.item()
