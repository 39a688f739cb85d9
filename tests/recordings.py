"""Recordings for the tests: spoken by espeak-ng, or computed; in the formats that phones and browsers send."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave

import av
import numpy as np
import pytest

RATE = 16_000
FORMATS = {  # what it is called -> container, codec, rate
    "WAV": ("wav", "pcm_s16le", 16_000),
    "OGG/Opus": ("ogg", "libopus", 48_000),
    "MP3": ("mp3", "mp3", 44_100),
    "M4A": ("mp4", "aac", 44_100),
    "WebM": ("webm", "libopus", 48_000),
    "FLAC": ("flac", "flac", 16_000),
}


def spoken(text: str) -> bytes:
    """A WAV file in which a synthetic voice says the text."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng speaks this test's sentence and is not installed: apt-get install espeak-ng")
    command = ["espeak-ng", "-v", "en-us", "-s", "140", "--stdout", text]
    return subprocess.run(command, capture_output=True, check=True).stdout


def silence(seconds: float) -> np.ndarray:
    """(n,) int16 samples."""
    return np.zeros(round(seconds * RATE), dtype=np.int16)


def wav(samples: np.ndarray) -> bytes:
    """(n,) int16 samples at 16 kHz as a plain WAV file, which may hold none."""
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setparams((1, 2, RATE, 0, "NONE", ""))
        target.writeframes(samples.tobytes())
    return file.getvalue()


def encoded(samples: np.ndarray, form: str = "WAV", **options: str) -> bytes:
    """(n,) int16 samples at 16 kHz as a file of one of ``FORMATS``. ``options`` of FFmpeg's writer."""
    name, codec, rate = FORMATS[form]
    file = io.BytesIO()
    with av.open(file, "w", format=name, options=options) as target:
        stream = target.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.codec_context.frame_size or None)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return file.getvalue()
