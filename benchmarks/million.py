"""A catalogue of a million items: ``python -m benchmarks.million [--items N] [--json]``.

The items are made up of films: each has two of them for parents. A list of ten is made for queries with words, wishes and
histories, each item of which is met for the first time, so that nothing of it is remembered. Ways to find what comes
into question:

- everything: all that is allowed is scored, as in small catalogues;
- products: the shortlist of a large catalogue, what is near found by all products;
- hnsw: the same, what is near found by pgvector's graph.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from benchmarks import Figures, run, spread
from chatrec.candidates import CandidateGenerator
from chatrec.catalog import Catalog, load_catalog
from chatrec.encoder import Encoder, encode_items, items_file, load_encoder
from chatrec.hnsw import hnsw
from chatrec.nearest import Exact, Search
from chatrec.rank import KeepOrder
from chatrec.recommender import Recommender
from chatrec.settings import Settings
from chatrec.types import Constraint, Event, Item, Query

CATALOG = "movies"
ITEMS = 1_000_000
QUERIES, COMPARED = 100, 20  # for which lists are timed; for which they are held against scoring everything
LISTED, DEPTH = 10, 100
EVENTS = 12  # of a history
BLOCK = 20_000
PARENTS = (0.75, 0.6)  # what a made-up item has of the two real ones
NOISE = 0.45  # length of what it has of neither


def grown(catalog: Catalog, vectors: np.ndarray, size: int, encoder: str, cache: Path, seed: int = 0) -> Catalog:
    """A catalogue of made-up items. Their attributes are those of one parent or the other; their vectors lie between
    those of the parents, with noise, and are put where the encoder of that name would leave them."""
    rng = np.random.default_rng(seed)
    pairs = rng.integers(len(catalog), size=(size, 2))
    made = Catalog(catalog.schema, tuple(_children(catalog, pairs, rng)), f"{catalog.version}x{size}")
    path = items_file(encoder, [made.describe(item) for item in made.items], cache)
    found = np.lib.format.open_memmap(path, "w+", np.float32, (size, vectors.shape[1]))
    for start in range(0, size, BLOCK):
        one, other = (vectors[column] for column in pairs[start : start + BLOCK].T)
        noise = rng.standard_normal(one.shape, dtype=np.float32) * (NOISE / one.shape[1] ** 0.5)
        rows = PARENTS[0] * one + PARENTS[1] * other + noise
        found[start : start + BLOCK] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    found.flush()
    return made


def _children(catalog: Catalog, pairs: np.ndarray, rng: np.random.Generator) -> Iterator[Item]:
    columns = sorted({column for item in catalog.items for column in item.attributes})
    swaps = rng.random((len(pairs), len(columns))) < PARENTS[1] / sum(PARENTS)
    fame, factors = catalog.schema.columns["popularity"], rng.lognormal(0, 0.5, len(pairs)).tolist()
    for at, (first, second) in enumerate(pairs.tolist()):
        one, other = catalog.items[first], catalog.items[second].attributes
        swapped = {c: other[c] for c, swap in zip(columns, swaps[at].tolist(), strict=True) if swap and c in other}
        attributes = {**one.attributes, **swapped}
        if fame in attributes:
            attributes[fame] = attributes[fame] * factors[at]
        yield Item(f"m{at}", f"{one.title} {at}", attributes)


def queries(catalog: Catalog, words: Sequence[str], size: int, seed: int = 1) -> list[Query]:
    """Words, words with wishes, a history with wishes, and all of them with an anchor, in turns."""
    rng = np.random.default_rng(seed)
    tags = next(slot for slot in catalog.schema.slots.values() if slot.type == "tags").name
    often = sorted(catalog.values(tags), key=lambda value: -len(catalog.values(tags)[value]))[:12]
    column = catalog.schema.columns["year"]
    years = next(slot.name for slot in catalog.schema.slots.values() if column in slot.columns)
    found = []
    for at in range(size):
        liked, hated = rng.choice(often, 2, replace=False).tolist()
        wishes = (Constraint(tags, "is", (liked,)), Constraint(years, "min", (float(rng.integers(1950, 2000)),)))
        not_that = Constraint(tags, "not", (hated,))
        history = tuple(_events(catalog, catalog.values(tags)[liked], rng))
        kinds = (
            {"topic": words[at % len(words)]},
            {"topic": words[at % len(words)], "constraints": wishes},
            {"topic": "", "constraints": (not_that,), "history": history},
            {
                "topic": words[at % len(words)],
                "constraints": (wishes[1], not_that),
                "history": history[:6],
                "anchors": (catalog.items[int(rng.integers(len(catalog)))].item_id,),
            },
        )
        done = frozenset(event.item_id for event in history)
        found.append(Query(catalog.schema.name, n=LISTED, exclude=done, **kinds[at % len(kinds)]))
    return found


def _events(catalog: Catalog, among: np.ndarray, rng: np.random.Generator) -> Iterator[Event]:
    for at, index in enumerate(rng.choice(among, EVENTS, replace=False).tolist()):
        yield Event(catalog.items[index].item_id, ("like", "like", "dislike", "seen")[at % 4], float(at))


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL of its own. Run by root it switches to a user who must be able to reach its folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which a container need not have
        import pgserver
    folder = Path(tempfile.mkdtemp(prefix="chatrec-million-"))
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder)


def violations(recommender: Recommender, asked: Query, indices: np.ndarray) -> int:
    """Items that a hard constraint or an exclusion forbids, read off their rows."""
    items = [recommender.catalog.items[int(index)] for index in indices]
    unmet = (any(not _meets(recommender.catalog, c, item) for c in asked.constraints) for item in items)
    return sum(item.item_id in asked.exclude or bad for item, bad in zip(items, unmet, strict=True))


def _meets(catalog: Catalog, constraint: Constraint, item: Item) -> bool:
    own = catalog.own(constraint.slot, item)
    if constraint.op == "min":
        return bool(own) and own[0] >= constraint.values[0]
    return (constraint.values[0] in own) == (constraint.op == "is")


def timed_lists(recommender: Recommender, asked: Sequence[Query]) -> Figures:
    """Seconds of the lists, once each, and what they must not hold."""
    wall, processor, bad = [], [], 0
    for query in asked:
        start, used = time.perf_counter(), time.process_time()
        ranked = recommender.recommend(query)
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
        held = replace(query, constraints=tuple(c for c in query.constraints if c not in ranked.relaxed))
        bad += violations(
            recommender, held, np.array([recommender.catalog.index(i.item.item_id) for i in ranked.items])
        )
    return {**spread(wall), "processor p50": spread(processor)["p50"], "forbidden items": bad}


def overlap(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.isin(wanted, found).mean()) if len(wanted) else 1.0


def recall(generator: CandidateGenerator, asked: Sequence[Query], best: Sequence[np.ndarray]) -> Figures:
    """Share of the best by scoring everything that is listed."""
    found = [generator.generate(query, DEPTH).indices for query in asked]
    at = {n: [overlap(some[:n], most[:n]) for some, most in zip(found, best, strict=True)] for n in (LISTED, DEPTH)}
    return {f"recall@{n}": round(float(np.mean(shares)), 3) for n, shares in at.items()}


def measure(settings: Settings, size: int = ITEMS) -> Figures:
    """All figures, by name; seconds."""
    films, encoder = load_catalog(settings.catalogs / CATALOG), load_encoder(settings)
    vectors = encode_items(encoder, [films.describe(item) for item in films.items], settings.cache)
    with tempfile.TemporaryDirectory(prefix="chatrec-million-") as folder, postgres() as url:
        catalog = grown(films, vectors, size, encoder.name, Path(folder))
        asked, process = queries(catalog, QUERIES), psutil.Process()
        make = partial(CandidateGenerator, catalog, encoder, Path(folder))
        figures = {"items": size, "memory_of_the_catalogue_mb": round(process.memory_info().rss / 1e6)}
        rows, best = [], []
        for way, search, whole in (("everything", exact, size), ("products", exact, WHOLE), ("hnsw", hnsw(url), WHOLE)):
            start = time.perf_counter()
            generator = make(search=search, whole=whole)
            ready = round(time.perf_counter() - start)
            recommender = Recommender(catalog, generator, KeepOrder(), way)
            recommender.recommend(Query(CATALOG, topic="something good"))  # the first list reads files
            seconds = timed_lists(recommender, asked if generator.large else asked[:COMPARED])
            if generator.large and not best:
                best = [generator.generate(query, size).indices[:DEPTH] for query in asked[:COMPARED]]
            found = recall(generator, asked[:COMPARED], best) if best else {}
            memory = round(process.memory_info().rss / 1e6)
            rows.append({"way": way, **seconds, **found, "ready in": ready, "memory mb": memory})
            del generator, recommender
        return figures | {"lists": rows} | nearest(url, vectors_of(folder), asked)
