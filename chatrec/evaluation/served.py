"""The recommender as it is measured on recorded histories: two signals more for the blend, for any items file.

What a model brings are its fine-tuned tower and the weights it learnt for its signals; both read what the file says
about the items. What is counted, who likes what together, is counted in the histories at hand and not taken from the
model, which may have learnt from the very events that are asked for. Every event counts as a like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from chatrec.candidates import CandidateGenerator
from chatrec.catalog import Catalog
from chatrec.collaborative import History
from chatrec.encoder import Encoder
from chatrec.evaluation.dialogues import FILMS
from chatrec.evaluation.history import Fit, Log, Scorer
from chatrec.knowledge import learn_knowledge
from chatrec.model import Model
from chatrec.tower import QueryTower
from chatrec.types import Event, Item, Query, Reading

ITEMS = replace(FILMS, name="items", noun="item", plural="items")
RECENT = 30  # events of a history that are read, the newest
BATCH = 128
_TITLED = re.compile(r"^(.+?)\s*\((\d{4})\)\s*$")
_TAGS = ("genres", "directors", "cast")


def catalog_of(log: Log, rows: Mapping[str, Mapping[str, str]]) -> Catalog:
    """The items of a log as a catalogue, in its order. ``rows``: what their file says; a year may stand in the title,
    an item without a title goes by its id."""
    return Catalog(ITEMS, tuple(_item(item, rows.get(item, {})) for item in log.items))


def _item(item_id: str, row: Mapping[str, str]) -> Item:
    title, year = row.get("title") or item_id, row.get("year") or ""
    if found := _TITLED.match(title):
        title, year = found.group(1), year or found.group(2)
    tags = {column: tuple(filter(None, map(str.strip, (row.get(column) or "").split("|")))) for column in _TAGS}
    attributes = {column: values for column, values in tags.items() if values}
    attributes |= {"year": float(year)} if year.isdecimal() else {}
    attributes |= {"description": row["description"]} if row.get("description") else {}
    return Item(item_id, title, attributes)


def model_signals(model: Model, catalog: Catalog, encoder: Encoder, cache: Path) -> dict[str, Fit]:
    """``tower``: cosines; ``fusion``: the model's other signals by the weights it learnt, or those chosen by hand."""

    def fusion(known: Sequence[History]) -> Scorer:
        return partial(_fused, _generator(model, catalog, encoder, cache, known))

    def tower(known: Sequence[History]) -> Scorer:
        vectors = CandidateGenerator(catalog, encoder, cache).vectors
        return partial(_read, QueryTower(model.tower, vectors))

    return {"tower": tower, "fusion": fusion}


def _generator(
    model: Model, catalog: Catalog, encoder: Encoder, cache: Path, known: Sequence[History]
) -> CandidateGenerator:
    if model.learnt is None:
        return CandidateGenerator(catalog, encoder, cache)
    likes = [(str(n), catalog.items[i].item_id, 5.0) for n, history in enumerate(known) for i in history.tolist()]
    told = learn_knowledge(likes).on(catalog)
    learnt = model.learnt
    return CandidateGenerator(catalog, encoder, cache, known=told, fusion=learnt.silence or learnt.requests)


def _fused(generator: CandidateGenerator, histories: Sequence[History]) -> np.ndarray:
    catalog, every = generator.catalog, np.arange(len(generator.catalog))
    found = np.zeros((len(histories), len(catalog)), dtype=np.float32)
    for row, history in enumerate(histories):
        events = tuple(Event(catalog.items[i].item_id, "like", 0.0) for i in history[-RECENT:].tolist())
        found[row] = generator.score(Query(catalog.schema.name, history=events), every)
    return found


def _read(tower: QueryTower, histories: Sequence[History]) -> np.ndarray:
    readings = [Reading("", tuple((i, "like") for i in history[-RECENT:].tolist())) for history in histories]
    batches = [tower.score_all(readings[start : start + BATCH]) for start in range(0, len(readings), BATCH)]
    return np.concatenate(batches)
