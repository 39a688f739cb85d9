"""The fine-tuned ranker whose language model runs in other processes (:mod:`deploy.serve`): what was said and done is
read there (:class:`Reader`), and meets the items here (:class:`RemoteTower`).

    POST URL/MODEL  {"text", "stances": [...], "vectors": base64 of (k, encoder_dim) float32}  ->  [dim numbers]
    GET  URL/MODEL  200 once that model answers

A request brings all that it takes, so those processes know no catalogue, and it names the model, so that a turn ends
with the one that it began with.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import torch
from torch import Tensor, nn

from chatrec.errors import BadInput, ModelDown
from chatrec.settings import Settings
from chatrec.tower import STANCES, enduring, load_heads, load_tower, whole
from chatrec.types import Reading

PROBE = 0.5  # seconds to say whether a model answers


class RemoteTower:
    """In the place of a :class:`chatrec.tower.Tower` that serves. Safe to use from several threads."""

    device = torch.device("cpu")

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Raises: ModelMissing when the folder holds no ranker or a damaged one."""
        self.config, heads = load_heads(folder)
        with whole(folder):
            self.scale, self._item_out = heads["scale"], heads["item_out.weight"]
        self._address = address(settings.ranker, folder.name)
        self._http = httpx.Client(timeout=settings.rank_seconds)

    def items(self, vectors: Tensor) -> Tensor:
        """See :meth:`chatrec.tower.Tower.items`."""
        return nn.functional.normalize(nn.functional.linear(vectors, self._item_out), dim=1)

    def queries(self, readings: Sequence[Reading], vectors: Tensor) -> Tensor:
        """See :meth:`chatrec.tower.Tower.queries`. Raises: ModelDown."""
        kept = self.config.items
        return torch.tensor([self._ask(packed(reading, vectors, kept)) for reading in readings])

    def _ask(self, body: Mapping[str, Any]) -> list[float]:
        try:
            return self._http.post(self._address, json=body).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise ModelDown(f"{self._address}: {type(error).__name__}") from None


class Reader:
    """The other side: reads for whoever asks, several at once, and each as if alone."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Raises: ModelMissing."""
        self._tower = load_tower(folder, settings)
        self.read([{"text": "something good", "stances": [], "vectors": ""}])  # the first pass is slow

    def read(self, bodies: Sequence[Any]) -> list[list[float] | BadInput]:
        """One answer for each request, in one pass for all that have one length."""
        asked = [self._unpacked(body) for body in bodies]
        good = [one for one in asked if not isinstance(one, BadInput)]
        found = iter(enduring(self._tower, lambda: self._places(good)) if good else ())
        return [one if isinstance(one, BadInput) else next(found) for one in asked]

    def _places(self, asked: Sequence[tuple[Reading, np.ndarray]]) -> list[list[float]]:
        """(dim,) each."""
        readings, start = [], 0
        for reading, vectors in asked:
            readings.append(Reading(reading.text, tuple((start + i, stance) for i, stance in reading.items)))
            start += len(vectors)
        together = torch.from_numpy(np.concatenate([vectors for _, vectors in asked])).to(self._tower.device)
        with torch.inference_mode():
            return self._tower.alone(readings, together).tolist()

    def _unpacked(self, body: Any) -> tuple[Reading, np.ndarray] | BadInput:
        try:
            return unpacked(body, self._tower.config.encoder_dim)
        except BadInput as error:
            return error


def packed(reading: Reading, vectors: Tensor, kept: int) -> dict[str, Any]:
    """A request, with the newest ``kept`` of the reading's items."""
    items = reading.items[-kept:] if kept else ()
    rows = vectors[[index for index, _ in items]].numpy().astype("<f4")
    stances = [stance for _, stance in items]
    return {"text": reading.text, "stances": stances, "vectors": base64.b64encode(rows.tobytes()).decode()}


def unpacked(body: Any, width: int) -> tuple[Reading, np.ndarray]:
    """What is asked, and the (k, width) vectors that its items are indices of. Raises: BadInput."""
    try:
        text, stances = body["text"], body["stances"]
        vectors = np.frombuffer(base64.b64decode(body["vectors"], validate=True), "<f4").reshape(len(stances), width)
    except (TypeError, KeyError, ValueError):
        raise BadInput('give {"text", "stances", "vectors"}, as many vectors as stances') from None
    if not isinstance(text, str) or not all(stance in STANCES for stance in stances):
        raise BadInput(f"text is a string, and stances are of {', '.join(STANCES)}")
    return Reading(text, tuple(enumerate(stances))), vectors


def trouble(url: str, name: str) -> str:
    """Why the model is not to be had there; empty when it is."""
    place = address(url, name)
    try:
        httpx.get(place, timeout=PROBE).raise_for_status()
    except httpx.HTTPStatusError as error:
        return f"{place} answers {error.response.status_code}"
    except httpx.HTTPError as error:
        return f"{place}: {type(error).__name__}"
    return ""


def address(url: str, name: str) -> str:
    return f"{url.rstrip('/')}/{quote(name)}"
