"""The time of what people do never goes back."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chatrec.settings import ROOT

SHIFTED = ROOT / "tests" / "e2e" / "shifted_clock.c"
LOOKS = "import sys; from chatrec import clock\nfor _ in sys.stdin: print(clock.now(), flush=True)"


@pytest.mark.skipif(sys.platform != "linux", reason="the clock is put back by a shared library")
def test_a_clock_that_is_put_back_does_not_make_the_later_earlier(tmp_path):
    library, shift = tmp_path / "clock.so", tmp_path / "shift"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SHIFTED, "-ldl"], check=True)
    put(shift, 0)
    env = {**os.environ, "LD_PRELOAD": str(library), "CLOCK_SHIFT": str(shift)}
    with subprocess.Popen(
        [sys.executable, "-c", LOOKS], cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def look() -> float:
            print(file=process.stdin, flush=True)
            return float(process.stdout.readline())

        first = look()
        put(shift, 3600)
        ahead = look()
        put(shift, -3600)
        back = look()
    assert abs(first - time.time()) < 60 and abs(ahead - first - 3600) < 60
    assert back >= ahead


def put(shift: Path, seconds: int) -> None:
    with shift.open("r+b" if shift.exists() else "wb") as file:
        file.write(struct.pack("<q", seconds))
