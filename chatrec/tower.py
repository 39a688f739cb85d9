"""The fine-tuned ranker: one pass over what was said and done gives a vector that meets every item's vector.

    <text of the wishes and the talk> <one token per item, newest last> <query>  ->  h  ->  score_i = s cos(W h, V e_i)

The text goes through the language model's own embeddings. An item's token is a projection of the vector of its text, so
a catalogue that was never seen needs no training; a learned vector for what the user made of it (mentioned, liked,
disliked, seen) is added. Reading a distribution instead of writing a ranking: docs/decisions.md says what that saves.
Item tokens as soft prompts of an LLM follow Liao et al., "LLaRA", SIGIR 2024; two towers and a softmax over the whole
catalogue follow Covington et al., "Deep neural networks for YouTube recommendations", RecSys 2016.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeVar, get_args

import numpy as np
import torch
from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from chatrec import metrics
from chatrec.errors import ModelMissing
from chatrec.lm import load_lm
from chatrec.settings import Settings
from chatrec.types import Reading, Stance

log = logging.getLogger(__name__)

T = TypeVar("T")

STANCES: tuple[str, ...] = get_args(Stance)
CONFIG, HEADS, ADAPTER = "tower.json", "heads.safetensors", "adapter"
GRAIN = 16  # positions
WEIGHTS = "model.safetensors"  # in the adapter's place where every weight was trained


@dataclass(frozen=True)
class TowerConfig:
    """``lm``: the language model's name. ``layers``: how many of it, from the bottom; ``tokens``: of text that are read
    at most, the newest; ``items``: of history that are read at most, the newest; ``encoder_dim``: of item vectors;
    ``dim``: where query and items meet; ``beside``: it was trained on what the other signals leave unexplained, so what
    a cosine counts beside them was learnt as well."""

    lm: str = ""
    layers: int = 8
    tokens: int = 64
    items: int = 12
    encoder_dim: int = 384
    dim: int = 192
    beside: bool = False


class Tower(nn.Module):
    """Queries and items in one space. Gradients flow through it when it is trained; ``save`` keeps only what training
    changes."""

    def __init__(self, config: TowerConfig, body: nn.Module, tokenizer, start: int) -> None:
        super().__init__()
        self.config, self.body, self.tokenizer, self._start = config, body, tokenizer, start
        self._lock = threading.Lock()  # fast tokenizers refuse concurrent use
        width = body.config.hidden_size
        scale = float(body.get_input_embeddings().weight.detach().float().std())
        self.stance = nn.Parameter(torch.randn(len(STANCES), width) * scale)
        self.ask = nn.Parameter(torch.randn(width) * scale)
        self.item_in = nn.Linear(config.encoder_dim, width)
        self.item_out = nn.Linear(config.encoder_dim, config.dim, bias=False)
        self.query_out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.dim))
        self.scale = nn.Parameter(torch.tensor(0.0 if config.beside else 2.5))  # log of 1 / temperature
        nn.init.normal_(self.item_in.weight, std=scale)
        nn.init.zeros_(self.item_in.bias)

    def items(self, vectors: Tensor) -> Tensor:
        """(N, dim) of length 1 for the (N, encoder_dim) vectors of the items' texts."""
        return nn.functional.normalize(self.item_out(vectors), dim=1)

    def queries(self, readings: Sequence[Reading], vectors: Tensor) -> Tensor:
        """(B, dim) of length 1. ``vectors``: (N, encoder_dim), those that the readings' items are indices of."""
        return self._met(self._hidden(self._rows(readings, vectors)))

    def alone(self, readings: Sequence[Reading], vectors: Tensor) -> Tensor:
        """As :meth:`queries`, each to the bit what it is by itself (on a processor), whoever else is read: only rows
        of one padded length share a pass."""
        rows, found = self._rows(readings, vectors), {}
        for length in {_padded(row) for row in rows}:
            places = [place for place, row in enumerate(rows) if _padded(row) == length]
            hidden = self._hidden([rows[place] for place in places])
            found |= {place: self._met(one[None]) for place, one in zip(places, hidden, strict=True)}
        return torch.cat([found[place] for place in range(len(rows))])

    def embedded(self, readings: Sequence[Reading], vectors: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L, width) what the language model reads, and (B,) where in it the queries' places are."""
        return self._side_by_side(self._rows(readings, vectors))

    def scores(self, queries: Tensor, items: Tensor) -> Tensor:
        """(B, N) logits."""
        return self.scale.exp() * queries @ items.T

    def _rows(self, readings: Sequence[Reading], vectors: Tensor) -> list[Tensor]:
        texts = [r.text.encode("utf-8", "replace").decode() for r in readings]
        with self._lock:
            ids = self.tokenizer(texts, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return [self._row(tokens, reading, vectors) for tokens, reading in zip(ids, readings, strict=True)]

    def _hidden(self, rows: Sequence[Tensor]) -> Tensor:
        """(B, width) at the place to answer at."""
        embedded, ends = self._side_by_side(rows)
        hidden = self.body(inputs_embeds=embedded, use_cache=False).last_hidden_state
        return hidden[torch.arange(len(rows), device=hidden.device), ends].float()

    def _side_by_side(self, rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """(B, L, width), padded on the right, and (B,) the places to answer at, which see no padding."""
        length = max(map(_padded, rows))
        embedded = torch.stack([nn.functional.pad(row, (0, 0, 0, length - len(row))) for row in rows]).to(self._dtype)
        return embedded, torch.tensor([len(row) - 1 for row in rows], device=embedded.device)

    def _met(self, hidden: Tensor) -> Tensor:
        return nn.functional.normalize(self.query_out(hidden), dim=1)

    def _row(self, tokens: Sequence[int], reading: Reading, vectors: Tensor) -> Tensor:
        """(L, width): embeddings of text, items and the place to answer at."""
        device = self.device
        text = torch.tensor([self._start, *tokens[-self.config.tokens :]], device=device)
        parts = [self.body.get_input_embeddings()(text).float()]
        kept = reading.items[-self.config.items :]
        if kept:
            stances = torch.tensor([STANCES.index(stance) for _, stance in kept], device=device)
            parts.append(self.item_in(vectors[[index for index, _ in kept]]) + self.stance[stances])
        return torch.cat([*parts, self.ask[None]])

    @property
    def device(self) -> torch.device:
        return self.ask.device

    @property
    def _dtype(self) -> torch.dtype:
        return self.body.get_input_embeddings().weight.dtype

    def heads(self) -> dict[str, Tensor]:
        """The weights beside the language model."""
        return {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items() if not k.startswith("body.")}

    def save(self, folder: Path) -> None:
        """Adapter in PEFT's layout, heads and configuration."""
        folder.mkdir(parents=True, exist_ok=True)
        if hasattr(self.body, "peft_config"):
            self.body.peft_config["default"].base_model_name_or_path = self.config.lm  # not where it lay
            self.body.save_pretrained(folder / ADAPTER, save_embedding_layers=False)  # "auto" would ask a model hub
            halve(folder / ADAPTER / "adapter_model.safetensors")
        else:
            self.body.save_pretrained(folder / ADAPTER)
        (folder / ADAPTER / "README.md").unlink(missing_ok=True)  # the card is one level up
        save_file(self.heads(), folder / HEADS)
        (folder / CONFIG).write_text(json.dumps(asdict(self.config), indent=1) + "\n", encoding="utf-8")


def _padded(row: Tensor) -> int:
    """To a multiple of ``GRAIN``: what a pass makes of a row hangs on the padded length, by rounding."""
    return -(-len(row) // GRAIN) * GRAIN


def halve(path: Path) -> None:
    """Weights in half precision: what low-rank additions to a bfloat16 model need, in half the space."""
    save_file({name: weight.half() for name, weight in load_file(path).items()}, path, {"format": "pt"})


class Trained(Protocol):
    """A tower that serves: a :class:`Tower`, or one whose language model is elsewhere (:mod:`chatrec.remote`)."""

    config: TowerConfig
    scale: Tensor
    device: torch.device

    def queries(self, readings: Sequence[Reading], vectors: Tensor) -> Tensor: ...

    def items(self, vectors: Tensor) -> Tensor: ...


class QueryTower:
    """A trained tower at work on one catalogue. Safe to use from several threads."""

    def __init__(self, tower: Trained, vectors: np.ndarray) -> None:
        self.tower = tower
        self._vectors = torch.from_numpy(np.asarray(vectors, dtype=np.float32))
        self._items: Tensor | None = None
        self._read = lru_cache(maxsize=32)(self._query)  # a list and its reasons ask for the same query again

    def score(self, reading: Reading) -> np.ndarray:
        """(N,) float32 cosines of query and items: one pass, whatever N."""
        return self.score_all([reading])[0]

    def score_some(self, reading: Reading, rows: np.ndarray) -> np.ndarray:
        """(k,) float32, those of the items at ``rows`` alone: nothing is computed for the others."""
        query = self._read(reading)
        with torch.inference_mode():
            vectors = self._vectors[torch.from_numpy(rows)].to(self.tower.device)
            return (self.tower.items(vectors).cpu() @ query).numpy()

    def _query(self, reading: Reading) -> Tensor:
        """(dim,)"""
        with torch.inference_mode():
            return self.tower.queries([reading], self._vectors)[0].cpu()

    def score_all(self, readings: Sequence[Reading]) -> np.ndarray:
        """(B, N) float32, one pass for all; see :func:`enduring`."""
        return enduring(self.tower, lambda: self._pass(readings))

    def _pass(self, readings: Sequence[Reading]) -> np.ndarray:
        device = self.tower.device
        with torch.inference_mode():
            if self._items is None or self._items.device != device:  # the tower has moved, by another catalogue perhaps
                self._vectors = self._vectors.to(device)
                self._items = self.tower.items(self._vectors)
            return (self.tower.queries(readings, self._vectors) @ self._items.T).cpu().numpy()


def enduring(tower: Trained, work: Callable[[], T]) -> T:
    """What ``work`` makes of the tower; on the CPU from then on when the GPU's memory does not suffice."""
    try:
        return work()
    except torch.OutOfMemoryError:
        log.warning("the GPU has no memory left: the ranker goes on on the CPU")
        metrics.FALLBACKS.labels("gpu_memory").inc()
        tower.to("cpu", torch.float32)  # it multiplies bfloat16 slowly
        return work()


def new_tower(settings: Settings, config: TowerConfig = TowerConfig()) -> Tower:
    """An untrained tower on the language model that the settings name.

    Raises:
        ModelMissing: no such model, or the configuration is for another one.
    """
    lm = load_lm(settings)
    if config.lm not in ("", lm.name):
        raise ModelMissing(f"made for the language model {config.lm}, but CHATREC_LLM names {lm.name}")
    config = replace(config, lm=lm.name)
    body = lm.model.base_model
    body.layers = body.layers[: config.layers]
    body.config.num_hidden_layers = len(body.layers)
    return Tower(config, body, lm.tokenizer, lm.start).to(lm.model.device)


def load_tower(folder: Path, settings: Settings, merged: bool = True) -> Tower:
    """The tower that a training run saved, its adapter merged into the language model or, to be trained on, apart.

    Raises:
        ModelMissing: not there, damaged, or made for another language model.
    """
    config, heads = load_heads(folder)
    with whole(folder):
        tower = new_tower(settings, config)
        if (folder / ADAPTER / WEIGHTS).exists():
            tower.body.load_state_dict(load_file(folder / ADAPTER / WEIGHTS))
        else:
            adapted = PeftModel.from_pretrained(tower.body, folder / ADAPTER)
            tower.body = adapted.merge_and_unload() if merged else adapted
        if heads.keys() != tower.heads().keys():
            raise ValueError(f"{HEADS} is of another kind of model")
        tower.load_state_dict(heads, strict=False)
    return tower.eval()


def load_heads(folder: Path) -> tuple[TowerConfig, dict[str, Tensor]]:
    """What a trained tower is beside the language model. Raises: ModelMissing."""
    with whole(folder):
        config = TowerConfig(**json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        return config, load_file(folder / HEADS)


@contextmanager
def whole(folder: Path) -> Iterator[None]:
    """Whatever a damaged file makes its parser raise is a model that is missing."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelMissing(f"no trained ranker in {folder}: {reason}") from None
