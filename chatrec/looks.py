"""How items look: their pictures as vectors, for look-alikes and as signals beside the text.

A catalogue's pictures lie in ``pictures/`` beside its items.csv, named after the items: ``Q103569.jpg``. Their vectors
are those of a CLIP model (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML
2021), which puts pictures and words into one space. All pictures lie in a narrow cone of it, so pictures are compared
by what sets them apart from the catalogue's mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import numpy as np

from chatrec.encoder import save_array
from chatrec.errors import BadInput
from chatrec.pictures import decode

PICTURES = "pictures"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
FADING = 0.9  # what an item counts next to the one named after it
FEW = 8  # pictures below which their mean says nothing, and nothing is compared
ALIKE = 0.4  # cosine from which a picture may show an item
BATCH = 32


class Clip(Protocol):
    """Pictures and words in one space. Safe to use from several threads."""

    name: str
    dimensions: int

    def encode(self, things: Sequence[str] | Sequence[np.ndarray]) -> np.ndarray:
        """(n, dimensions) float32 rows of length 1, of texts or of (h, w, 3) uint8 pictures."""
        ...


@dataclass(frozen=True)
class Looks:
    """``vectors``: (N, d) float32 of a catalogue's items, rows of length 1, or 0 for those without a picture."""

    clip: Clip
    vectors: np.ndarray

    @cached_property
    def _apart(self) -> np.ndarray:
        """(N, d): what sets each picture apart, rows of length 1 or 0."""
        return _unit(np.where(self._there[:, None], self.vectors - self._mean, 0.0))

    @cached_property
    def _there(self) -> np.ndarray:
        return self.vectors.any(axis=1)

    @cached_property
    def _mean(self) -> np.ndarray:
        return self.vectors[self._there].mean(axis=0)

    @cached_property
    def _words(self):
        return lru_cache(maxsize=512)(lambda text: self.clip.encode([text])[0])

    def alike(self, pixels: np.ndarray, n: int) -> list[tuple[int, float]]:
        """Indices of the items that look like a picture, and how much they do, in [0, 1]; the likest first."""
        scores = self._apart @ _unit(self.clip.encode([pixels]) - self._mean)[0]
        best = np.argsort(-scores, kind="stable")[:n]
        return [(int(i), float(min(scores[i], 1.0))) for i in best if scores[i] >= ALIKE]

    def signals(self, text: str, stances: Sequence[tuple[int, float]], rows: np.ndarray) -> dict[str, np.ndarray]:
        """(k,) each for the items at ``rows``: ``pictured``, how well their pictures fit the words; ``looks``, their
        likeness to the pictures of items, given as (index, -1 to 1), oldest first."""
        pictured = self.vectors[rows] @ self._words(text) if text else np.zeros(len(rows))
        looks, total = np.zeros(len(rows)), 0.0
        for age, (index, stance) in enumerate(reversed(stances)):
            looks += stance * FADING**age * (self._apart[rows] @ self._apart[index])
            total += abs(stance) * FADING**age
        return {"pictured": pictured, "looks": looks / max(total, 1e-9)}


def unseen(rows: np.ndarray) -> dict[str, np.ndarray]:
    """The signals of a catalogue whose looks are not known."""
    return {"pictured": np.zeros(len(rows)), "looks": np.zeros(len(rows))}


def look_at(item_ids: Sequence[str], folder: Path, clip: Clip, cache: Path) -> Looks | None:
    """How those items look, by the pictures in a folder; None with fewer than ``FEW``. Computed once and then read from
    disk, under a name made of the model and the pictures themselves. Raises: BadInput for one that can't be read."""
    found = {i: path for i, item_id in enumerate(item_ids) if (path := _picture(folder, item_id))}
    if len(found) < FEW:
        return None
    vectors = np.zeros((len(item_ids), clip.dimensions), dtype=np.float32)
    vectors[list(found)] = _encoded(list(found.values()), clip, cache)
    return Looks(clip, vectors)


def _picture(folder: Path, item_id: str) -> Path | None:
    stem = quote(item_id, safe=" ")
    return next((path for suffix in SUFFIXES if (path := folder / f"{stem}{suffix}").is_file()), None)


def _encoded(paths: Sequence[Path], clip: Clip, cache: Path) -> np.ndarray:
    digest = hashlib.sha256(clip.name.encode())
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    kept = cache / f"looks-{digest.hexdigest()[:16]}.npy"
    if kept.exists():
        with suppress(Exception):  # a damaged file makes numpy raise whatever its parsers stumble over
            rows = np.load(kept)
            if rows.shape == (len(paths), clip.dimensions) and rows.dtype == np.float32:
                return rows
    batches = [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
    rows = np.concatenate([clip.encode([_pixels(path) for path in batch]) for batch in batches])
    save_array(kept, rows)
    return rows


def _pixels(path: Path) -> np.ndarray:
    try:
        return decode(path.read_bytes())
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype(np.float32)
