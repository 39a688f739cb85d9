"""Knowledge and fusion learnt from ratings and recorded dialogues, as ``chatrec train`` and the benchmarks do it.

What is counted in a dialogue must not be learnt to be trusted on that same dialogue: each case's signals come from
knowledge about the dialogues of the other folds.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from chatrec.candidates import CandidateGenerator, positions, request_text
from chatrec.catalog import Catalog
from chatrec.encoder import Encoder
from chatrec.errors import BadInput
from chatrec.evaluation.dialogues import Case, sessions
from chatrec.fusion import SAMPLED, Example, sample
from chatrec.knowledge import Rating, Request, keys, title_key
from chatrec.types import Query

FOLDS = 4


def read_ratings(folder: Path) -> tuple[list[Rating], dict[str, str]]:
    """Ratings under IMDb ids, and id -> title key, of a folder in MovieLens' format: ratings.csv, links.csv,
    movies.csv. Raises: BadInput."""
    try:
        imdb = {row["movieId"]: f"tt{row['imdbId'].zfill(7)}" for row in _rows(folder / "links.csv")}
        titles = {imdb[row["movieId"]]: title_key(row["title"]) for row in _rows(folder / "movies.csv")}
        ratings = [(r["userId"], imdb[r["movieId"]], float(r["rating"])) for r in _rows(folder / "ratings.csv")]
    except (KeyError, ValueError) as error:
        raise BadInput(f"{folder}: not MovieLens' format: {error}") from None
    return ratings, titles


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None


def talks(cases: Sequence[Case], catalog: Catalog) -> list[tuple[str, ...]]:
    """The items each dialogue names, by the ids that knowledge is kept under."""
    known = keys(catalog)
    return [tuple(known[i] for i in positions(catalog, named).tolist()) for named in sessions(cases)]


def requests(cases: Sequence[Case], catalog: Catalog, encoder: Encoder) -> list[Request]:
    """What the user had asked for before somebody named something new, and what that was."""
    known, found = keys(catalog), []
    for case in cases:
        new = positions(catalog, dict.fromkeys(item for item in case.targets if item not in case.mentioned))
        text = request_text(case.turns)
        if text and len(new):
            found.append((text, tuple(known[i] for i in new.tolist())))
    vectors = encoder.encode([text for text, _ in found])
    return [(vector, items) for vector, (_, items) in zip(vectors, found, strict=True)]


def title_keys(catalog: Catalog) -> dict[str, str]:
    """Id that knowledge is kept under -> title key."""
    year = catalog.schema.columns.get("year", "")
    items = zip(keys(catalog), catalog.items, strict=True)
    return {key: title_key(item.title, item.attributes.get(year)) for key, item in items}


def fold_of(case_id: str, folds: int, salt: str = "") -> int:
    """Which part of the dialogues a case is in; all cases of one dialogue are in the same."""
    return int(hashlib.sha256((salt + case_id.partition(":")[0]).encode()).hexdigest()[:8], 16) % folds


def cross_fitted(
    cases: Sequence[Case],
    generator_of: Callable[[Sequence[Case]], CandidateGenerator],
    query_of: Callable[[Case, Catalog], Query],
    names: Sequence[str],
    folds: int = FOLDS,
    size: int = SAMPLED,
    seed: int = 0,
) -> Iterator[Example]:
    """An example for each of the recommender's turns that names something new.

    ``generator_of``: a generator that knows the given dialogues and no others.
    """
    rng = np.random.default_rng(seed)
    for fold in range(folds):
        inside = [case for case in cases if fold_of(case.case_id, folds, "fold") == fold]
        generator = generator_of([case for case in cases if fold_of(case.case_id, folds, "fold") != fold])
        yield from examples(inside, generator, query_of, names, rng, size)


def examples(
    cases: Iterable[Case],
    generator: CandidateGenerator,
    query_of: Callable[[Case, Catalog], Query],
    names: Sequence[str],
    rng: np.random.Generator,
    size: int = SAMPLED,
) -> Iterator[Example]:
    """Examples of cases that the generator knows nothing of."""
    catalog = generator.catalog
    for case in cases:
        new = positions(catalog, [item for item in case.targets if item not in case.mentioned])
        if case.speaker == "bot" and len(new):
            query = query_of(case, catalog)
            rows = np.flatnonzero(generator.allowed(query))
            signals = generator.signals(query, rows)
            yield sample(signals, names, np.flatnonzero(np.isin(rows, new)), _often(signals, len(rows)), rng, size)


def _often(signals: Mapping[str, np.ndarray], size: int) -> np.ndarray:
    """(k,) chances to be drawn: half evenly, half by how often dialogues name an item."""
    named = np.exp(signals["named"]) if "named" in signals else np.ones(size)
    return 0.5 / size + 0.5 * named / named.sum()
