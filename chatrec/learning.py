"""Knowledge and fusion learnt from ratings and recorded dialogues, as ``chatrec train`` and the benchmarks do it.

What is counted in a dialogue must not be learnt to be trusted on that same dialogue: each query's signals come from
knowledge about the dialogues and users of the other folds.
"""

from __future__ import annotations

import csv
import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from chatrec.candidates import CandidateGenerator, positions, request_text
from chatrec.catalog import Catalog
from chatrec.dialogue import stance
from chatrec.encoder import Encoder
from chatrec.errors import BadInput
from chatrec.evaluation.dialogues import Case, dialogue_of, query_of, sessions, wishes
from chatrec.fusion import SAMPLED, Example, sample
from chatrec.knowledge import Rating, Request, keys, title_key
from chatrec.linker import Linker
from chatrec.training.examples import as_read, asked
from chatrec.types import Event, Query

FOLDS = 4
EACH = 5  # requests made of one user's behaviour
LITTLE = 20  # events that are known of somebody at most when silence is learnt from
SIGNALS = (  # those that earn their place, docs/decisions.md
    *("dialogue", "request", "answers", "wishes", "tags", "people", "number"),
    *("anchors", "history", "shared", "together", "alike", "around", "era"),
    *("popularity", "reception", "named", "rated", "new"),
    *("pictured", "looks"),  # of a catalogue without pictures they never move, and get a weight of 0
)


@dataclass(frozen=True)
class Asked:
    """A query and what was meant by it, as indices of the catalogue. ``owner``: the dialogue or the user it is of."""

    owner: str
    query: Query
    targets: tuple[int, ...]


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


def fingerprint(case: Case) -> int:
    """A number that tells recorded turns apart: of the case's id and of all that was said before it."""
    said = "\n".join([case.case_id, *(turn.text for turn in case.turns)])
    return int.from_bytes(hashlib.sha256(said.encode("utf-8", "replace")).digest()[:8], "big")


def fold_of(case_id: str, folds: int, salt: str = "") -> int:
    """Which part of the dialogues a case is in; all cases of one dialogue are in the same."""
    return int(hashlib.sha256((salt + case_id.partition(":")[0]).encode()).hexdigest()[:8], 16) % folds


def fold_number(owner: str) -> int:
    """The fold that a dialogue or user is in when weights are learnt."""
    return fold_of(owner, FOLDS, "fold")


def of_dialogues(cases: Iterable[Case], catalog: Catalog, linker: Linker) -> Iterator[Asked]:
    """The recommender's turns that name something new; what people wish for counts as soft."""
    for case in cases:
        new = positions(catalog, dict.fromkeys(item for item in case.targets if item not in case.mentioned))
        if case.speaker == "bot" and len(new):
            plain = query_of(case, catalog, new=True)
            wished = wishes(case.turns, linker, catalog)
            yield Asked(dialogue_of(case), replace(plain, constraints=wished), tuple(new.tolist()))


def of_behaviour(
    histories: Mapping[str, Sequence[Event]], catalog: Catalog, linker: Linker, seed: int = 0, each: int = EACH
) -> Iterator[Asked]:
    """Requests for what somebody went on to like, made of its attributes, and read as the bot reads them."""
    for user, events in sorted(histories.items()):
        rng = random.Random(f"{seed}:{user}")
        known = [event for event in events if len(positions(catalog, [event.item_id]))]
        liked = [n for n, event in enumerate(known) if stance(event) == "like"]
        for n in rng.sample(liked, min(each, len(liked))):
            target = catalog.index(known[n].item_id)
            found = asked(catalog.items[target], [e for e in known[:n] if e.item_id != known[n].item_id], catalog, rng)
            yield Asked(user, as_read(found, catalog, linker), (target,))


def of_silence(
    histories: Mapping[str, Sequence[Event]], catalog: Catalog, seed: int = 0, each: int = EACH
) -> Iterator[Asked]:
    """What people who had said nothing liked next, while little was known of them."""
    for user, events in sorted(histories.items()):
        known = [event for event in events if len(positions(catalog, [event.item_id]))][:LITTLE]
        liked = [n for n, event in enumerate(known) if stance(event) == "like"]
        for n in random.Random(f"{seed}:{user}:silence").sample(liked, min(each, len(liked))):
            before = tuple(event for event in known[:n] if event.item_id != known[n].item_id)
            seen = frozenset(event.item_id for event in before)
            plain = Query(catalog.schema.name, history=before, exclude=seen)
            yield Asked(user, plain, (catalog.index(known[n].item_id),))


def cross_fitted(
    asked: Sequence[Asked],
    generator_without: Callable[[int], CandidateGenerator],
    names: Sequence[str] = SIGNALS,
    size: int = SAMPLED,
    seed: int = 0,
) -> Iterator[Example]:
    """An example for each query. ``generator_without``: a generator that knows nothing of the owners in a fold."""
    rng = np.random.default_rng(seed)
    for number in range(FOLDS):
        inside = [one for one in asked if fold_number(one.owner) == number]
        if inside:
            yield from examples(inside, generator_without(number), names, rng, size)


def examples(
    asked: Iterable[Asked],
    generator: CandidateGenerator,
    names: Sequence[str],
    rng: np.random.Generator,
    size: int = SAMPLED,
) -> Iterator[Example]:
    """Examples of queries whose owners the generator knows nothing of."""
    for one in asked:
        rows = np.flatnonzero(generator.allowed(one.query))
        hits = np.flatnonzero(np.isin(rows, one.targets))
        if len(hits):
            signals = generator.signals(one.query, rows)
            yield sample(signals, names, hits, _often(signals, len(rows)), rng, size)


def _often(signals: Mapping[str, np.ndarray], size: int) -> np.ndarray:
    """(k,) chances to be drawn: half evenly, half by how often dialogues name an item."""
    named = np.exp(signals["named"]) if "named" in signals else np.ones(size)
    return 0.5 / size + 0.5 * named / named.sum()
