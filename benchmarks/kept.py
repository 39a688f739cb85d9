"""What a long benchmark has computed, on disk: a run that was stopped goes on where it was."""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chatrec.encoder import save_array
from chatrec.evaluation.history import Scorer

SLOW = 10  # seconds of a piece that is worth a line of progress


def fingerprint(*arrays: np.ndarray) -> str:
    """Changes with any value of the arrays, and with where one ends and the next begins."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def source(*parts: Callable) -> str:
    """Changes with the modules that define these functions or classes."""
    files = [Path(inspect.getfile(part)).read_bytes() for part in parts]
    return hashlib.sha256(b"\0".join(files)).hexdigest()


@dataclass(frozen=True)
class Kept:
    """Arrays under their keys, each in a file that is there whole or not at all. A key is the name of what was computed
    and everything that it depends on."""

    folder: Path

    def array(self, name: str, key: Sequence[object], compute: Callable[[], np.ndarray]) -> np.ndarray:
        """What ``compute`` returns; it is called once for a key, in however many runs."""
        path = self.folder / f"{name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.npy"
        if path.exists():
            with suppress(ValueError, EOFError, OSError):  # a damaged file is written again
                return np.load(path)
        start = time.perf_counter()
        found = np.asarray(compute())
        save_array(path, found)
        if (seconds := time.perf_counter() - start) > SLOW:
            print(f"{time.strftime('%H:%M:%S')} {name}: {seconds:.0f} s", file=sys.stderr, flush=True)
        return found

    def scorer(self, name: str, key: Sequence[object], fit: Callable[[], Scorer]) -> Scorer:
        """A scorer whose scores are kept. ``fit`` is called when some are missing, at most once a run."""
        fitted = functools.cache(fit)

        def score(histories: Sequence[np.ndarray]) -> np.ndarray:
            return self.array(name, (*key, fingerprint(*histories)), lambda: fitted()(histories))

        return score
