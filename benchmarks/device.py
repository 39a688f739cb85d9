"""What a device makes of the ranker: ``python -m benchmarks.device [--json]``.

The same work on the processor and, where there is one, on the GPU: how many queries a second the tower ranks over a
catalogue of films, by the size of the batch, and how long an epoch of training takes. Whether both give the same lists
is measured too. Items are random vectors, and requests are made from the catalogue: nothing but time is looked at.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from benchmarks import Figures, run
from chatrec import dialogue, promotion
from chatrec.catalog import Catalog, load_catalogs
from chatrec.errors import BadInput
from chatrec.settings import Settings
from chatrec.tower import QueryTower, TowerConfig, load_tower, new_tower
from chatrec.training.adapt import adapt
from chatrec.training.examples import Example, asked
from chatrec.training.fit import Plan, World, batches, loss, optimiser
from chatrec.types import Event, Reading

BATCHES = (1, 16, 128)
QUERIES = 512  # ranked for each figure on a GPU; an eighth of that on a processor
LEARNED = 2560  # examples of an epoch on a GPU; an eighth of that on a processor
DEPTH = 10  # of the lists that are compared


def made(catalog: Catalog, count: int) -> list[Example]:
    """Requests with a history of likes, each with its target."""
    rng, found = random.Random(0), []
    for number in range(count):
        target, *before = rng.sample(catalog.items, 7)
        liked = [Event(item.item_id, "like", float(n)) for n, item in enumerate(before)]
        told = dialogue.reading(asked(target, liked, catalog, random.Random(number)), catalog)
        found.append(Example(told, (catalog.index(target.item_id),)))
    return found


def measure(settings: Settings) -> Figures:
    """Figures of the model in service. Raises: BadInput when there is none."""
    name, catalog = promotion.serving(settings.models), load_catalogs(settings.catalogs)["movies"]
    if name is None:
        raise BadInput(f"{settings.models}: no model is in service")
    examples = made(catalog, LEARNED)
    vectors = np.random.default_rng(0).standard_normal((len(catalog), 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    towers = {d: load_tower(settings.models / name, replace(settings, device=d)) for d in devices}
    readings = [example.reading for example in examples]
    found: Figures = {"model": name, "items": len(catalog)}
    for device, tower in towers.items():
        few = 8 if device == "cpu" else 1
        found[_named(device)] = {
            "precision": str(tower.body.dtype).removeprefix("torch."),
            "ranking": [
                _ranking(QueryTower(tower, vectors), readings[: QUERIES // few], size, device) for size in BATCHES
            ],
            **_training(settings, vectors, examples[: LEARNED // few], device),
        }
    if len(towers) > 1:
        lists = [_lists(QueryTower(tower, vectors), readings[: QUERIES // 8]) for tower in towers.values()]
        shared = [len(set(a) & set(b)) / DEPTH for a, b in zip(*lists, strict=True)]
        found["share_of_the_first_ten_that_both_name"] = round(float(np.mean(shared)), 3)
    return found


def _named(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "processor"


def _lists(tower: QueryTower, readings: Sequence[Reading]) -> np.ndarray:
    return np.argsort(-tower.score_all(readings), axis=1)[:, :DEPTH]


def _ranking(tower: QueryTower, readings: Sequence[Reading], size: int, device: str) -> Figures:
    """Queries a second: text in, scores of the whole catalogue out."""
    readings = readings[: max(len(readings) // 8, 8)] if size == 1 else readings
    parts = [readings[i : i + size] for i in range(0, len(readings), size)]
    seconds = _timed(lambda: [tower.score_all(part) for part in parts], device)
    return {"batch": size, "queries_a_second": round(len(readings) / seconds, 1)}


def _training(settings: Settings, vectors: np.ndarray, examples: Sequence[Example], device: str) -> Figures:
    """Examples a second of an epoch with the language model open, by LoRA."""
    tower = new_tower(replace(settings, device=device), TowerConfig(encoder_dim=vectors.shape[1]))
    tower.body = adapt(tower.body, "lora", 1)
    at = tower.ask.device
    world = World("movies", examples, torch.from_numpy(vectors).to(at), torch.zeros(len(vectors), device=at))
    weight, plan = nn.Parameter(torch.tensor(1.0, device=at)), Plan()
    stepper = optimiser(tower, weight, plan)

    def epoch() -> None:
        for part in batches([world], plan, 0):
            stepper.zero_grad()
            loss(tower, *part, weight).backward()
            stepper.step()

    return {"training_examples_a_second": round(len(examples) / _timed(epoch, device), 1)}


def _timed(work: Callable[[], object], device: str) -> float:
    """Seconds of the second call; the first warms up."""
    for _ in range(2 if device == "cuda" else 1):
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    run(__doc__.splitlines()[0], measure)
