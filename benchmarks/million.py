"""A catalogue of a million items: ``python -m benchmarks.million [--items N] [--json]``.

The items are made up of films: each has two of them for parents. Lists of ten are made for queries with words, wishes
and histories; an item of a history is met for the first time, so that nothing about it is remembered. What comes into
question is found by all products, and by pgvector's graph; both are held against scoring every item that is allowed.

``processor`` is what the process and the database used, whatever other programs did meanwhile.
"""

from __future__ import annotations

import argparse
import shutil
import sys
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
from chatrec.nearest import Nearest, exact
from chatrec.rank import KeepOrder
from chatrec.recommender import Recommender
from chatrec.settings import Settings
from chatrec.types import Constraint, Event, Item, Query

CATALOG = "movies"
ITEMS = 1_000_000
QUERIES, COMPARED = 100, 20  # for which lists are timed; for which they are held against scoring everything
SAMPLED = 200  # vectors whose neighbours are looked for
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
    """Words, words with wishes, a history with wishes, and all of them with an anchor, in turns; others for each seed,
    and nothing twice."""
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
        topic = words[at % len(words)] + " please" * (seed + at // len(words))
        kinds = (
            {"topic": topic},
            {"topic": topic, "constraints": wishes},
            {"topic": "", "constraints": (not_that,), "history": history},
            {
                "topic": topic,
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
def postgres() -> Iterator[tuple[str, int]]:
    """Address and process id of a PostgreSQL of its own. Run by root it switches to a user who must be able to reach
    its folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which a container need not have
        import pgserver
    folder = Path(tempfile.mkdtemp(prefix="chatrec-million-"))
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri(), server.get_pid()
    finally:
        server.cleanup()
        shutil.rmtree(folder)


class Switch:
    """Finds by one way after the other, so that the catalogue is read once."""

    def __init__(self) -> None:
        self.way: Nearest | None = None

    def near(self, queries: np.ndarray, k: int, rows: np.ndarray | None = None) -> list[np.ndarray]:
        return self.way.near(queries, k, rows)


def violations(catalog: Catalog, query: Query, indices: np.ndarray) -> int:
    """Items that a hard constraint or an exclusion forbids, read off their rows."""
    items = [catalog.items[int(index)] for index in indices]
    return sum(i.item_id in query.exclude or not all(_meets(catalog, c, i) for c in query.constraints) for i in items)


def _meets(catalog: Catalog, constraint: Constraint, item: Item) -> bool:
    own = catalog.own(constraint.slot, item)
    if constraint.op == "min":
        return bool(own) and own[0] >= constraint.values[0]
    return (constraint.values[0] in own) == (constraint.op == "is")


def processor_seconds(database: int) -> float:
    """Of this process and of the children of the one with that id."""
    children = psutil.Process(database).children()
    used = [int(Path(f"/proc/{child.pid}/schedstat").read_text().split()[0]) / 1e9 for child in children]
    return time.process_time() + sum(used)


def timed(recommender: Recommender, asked: Sequence[Query], database: int) -> Figures:
    """Seconds of the lists, once each, and how many items are in them that must not be."""
    wall, used, forbidden = [], [], 0
    for query in asked:
        start, before = time.perf_counter(), processor_seconds(database)
        ranked = recommender.recommend(query)
        wall.append(time.perf_counter() - start)
        used.append(processor_seconds(database) - before)
        held = replace(query, constraints=tuple(c for c in query.constraints if c not in ranked.relaxed))
        shown = np.array([recommender.catalog.index(line.item.item_id) for line in ranked.items], dtype=np.int64)
        forbidden += violations(recommender.catalog, held, shown)
    measured = {f"{name} {k}": v for name, s in (("wall", wall), ("processor", used)) for k, v in spread(s).items()}
    return {**measured, "forbidden items": forbidden}


def share(found: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> float:
    """Of what is wanted, how much is found; the mean over queries."""
    return round(float(np.mean([np.isin(w, f).mean() for f, w in zip(found, wanted, strict=True) if len(w)])), 3)


def measure(settings: Settings, size: int = ITEMS) -> Figures:
    """All figures, by name; seconds."""
    films, encoder = load_catalog(settings.catalogs / CATALOG), load_encoder(settings)
    vectors = encode_items(encoder, [films.describe(item) for item in films.items], settings.cache)
    with tempfile.TemporaryDirectory(prefix="chatrec-million-") as folder, postgres() as (url, database):
        catalog = grown(films, vectors, size, encoder.name, Path(folder))
        return compare(catalog, encoder, Path(folder), url, database)


def compare(catalog: Catalog, encoder: Encoder, cache: Path, url: str, database: int) -> Figures:
    """Both ways, each next to scoring everything."""
    switch, process = Switch(), psutil.Process()
    memory, seconds = {"the items": process.memory_info().rss}, {}
    start = time.perf_counter()
    generator = CandidateGenerator(catalog, encoder, cache, search=lambda name, vectors: switch)
    seconds["reading the catalogue"] = time.perf_counter() - start
    memory["with columns and traits"] = process.memory_info().rss
    asked = generator.vectors[:: max(1, len(catalog) // SAMPLED)][:SAMPLED] + NOISE / 20
    found, rows = [], []
    for name, make in {"all products": exact, "pgvector's graph": hnsw(url)}.items():
        start = time.perf_counter()
        switch.way = make(CATALOG, generator.vectors)
        seconds[name] = time.perf_counter() - start
        rows.append({"way": name, **_lists(generator, name, 2 * len(rows), database)})
        found.append(switch.near(asked, DEPTH))
        memory[name] = process.memory_info().rss
    return {
        "items": len(catalog),
        "seconds": {name: round(value) for name, value in seconds.items()},
        "memory_mb": {name: round(value / 1e6) for name, value in memory.items()},
        "lists": rows,
        "recall@100 of the graph": share(found[1], found[0]),
    }


def _lists(generator: CandidateGenerator, name: str, seed: int, database: int) -> Figures:
    catalog, words = generator.catalog, generator.catalog.schema.examples
    recommender = Recommender(catalog, generator, KeepOrder(), name)
    recommender.recommend(Query(CATALOG, topic="something good"))  # the first one reads files
    seconds = timed(recommender, queries(catalog, words, QUERIES, seed), database)
    asked = queries(catalog, words, COMPARED, seed + 1)
    listed = [generator.generate(query, DEPTH).indices for query in asked]
    start = processor_seconds(database)
    best = [generator.generate(query, len(catalog)).indices for query in asked]
    everything = round((processor_seconds(database) - start) / COMPARED, 2)
    found = {f"best {n} found": share([f[:n] for f in listed], [b[:n] for b in best]) for n in (LISTED, DEPTH)}
    return {**seconds, **found, "processor, scoring everything": everything}


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--items", type=int, default=ITEMS)
    known, sys.argv[1:] = parser.parse_known_args()
    run(__doc__.splitlines()[0], partial(measure, size=known.items))


if __name__ == "__main__":
    main()
