"""What other people's behaviour says about items.

Who likes one likes the other, who meets one soon meets the other, who names one names the other, and who asks alike is
told alike.

Learnt once from ratings and from recorded dialogues, kept in one file, and laid over any catalogue that has some of the
same items, found by id or by title and year. Nothing in the file speaks of a person.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scipy.sparse import csr_matrix, diags, vstack

from chatrec.catalog import Catalog, fold
from chatrec.errors import BadInput
from chatrec.types import Item

NEIGHBOURS = 100  # kept for each item
LIKED_STARS = 3.5  # of 5: from here on a rating is a like
RATED_OFTEN = 3  # likes an item needs to get neighbours from ratings
DOUBT = 5.0  # common likes at which a cosine counts half: two people may agree by chance
NEAR, DISTANT = 10, 0.8  # events between two that count as near, and what one step further counts
HESITATION = 10.0  # times named together at which half of the walk goes on
YEARS_OFF = 1  # release dates differ from country to country
ALSO_IDS = ("imdb_id",)  # columns beside the id that may name an item
_ARTICLE = re.compile(r"^(.*), (The|A|An|Les|La|Le|Il|El|Das|Der|Die)$")
_YEAR = re.compile(r"\s*\((\d{4})\)\s*$")

Rating = tuple[str, str, float]
"""Who, which item, how many stars of 5."""
Request = tuple[np.ndarray, Sequence[str]]
"""(d,) sentence vector of what was asked for, and the items named next."""


@dataclass(frozen=True)
class Known:
    """The knowledge as one catalogue of N items sees it. ``found``: (N,) bool, whether anything is known of an item.

    ``rated``: (N, N) sparse, 0 to 1, liked by the same people. ``around``: (N, N) sparse, how often people turn to the
    one soon before or after the other, whatever they made of it, as chances. ``talked``: (N, N) sparse, times named in
    one dialogue.
    ``named``: (N,) dialogues that name it; ``ratings``: (N,) how many rated it.
    ``asked``: (m, d) sentence vectors of requests, ``answers``: (m, N) sparse, the items named next.
    """

    found: np.ndarray
    rated: csr_matrix
    around: csr_matrix
    talked: csr_matrix
    named: np.ndarray
    ratings: np.ndarray
    asked: np.ndarray
    answers: csr_matrix

    def __add__(self, other: Known) -> Known:
        """What both know of the same catalogue, of different ratings and dialogues."""
        asked = [part.asked for part in (self, other) if len(part.asked)]
        return Known(
            self.found | other.found,
            csr_matrix(self.rated.maximum(other.rated)),  # cosines don't add up
            csr_matrix(self.around.maximum(other.around)),  # nor do chances
            csr_matrix(self.talked + other.talked),
            self.named + other.named,
            self.ratings + other.ratings,
            np.concatenate(asked) if asked else self.asked,
            csr_matrix(vstack([self.answers, other.answers])),
        )

    @cached_property
    def steps(self) -> csr_matrix:
        """(N, N) sparse: where a walk from an item goes in two steps along dialogues, as chances. One step reaches
        only what was named beside it, and a thousand dialogues name few pairs."""
        together = np.asarray(self.talked.sum(axis=1))[:, 0]
        once = diags(1 / (together + HESITATION)) @ self.talked
        return csr_matrix(once @ once, dtype=np.float32)


@dataclass(frozen=True)
class Knowledge:
    """Item-item neighbours and item priors. ``ids`` and ``titles``: (n,) what the items are known by; a title is as
    :func:`title_key` makes it. The other fields are those of :class:`Known`, over these n items. ``heard``:
    fingerprints of the dialogue turns that it was learnt from."""

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    rated: csr_matrix
    around: csr_matrix
    talked: csr_matrix
    named: np.ndarray
    ratings: np.ndarray
    asked: np.ndarray
    answers: csr_matrix
    heard: frozenset[int] = frozenset()

    def on(self, catalog: Catalog) -> Known:
        """The knowledge about a catalogue's items. An item that is not known has empty rows and counts of 0."""
        pairs = list(self._matches(catalog))
        mine = np.array([row for _, row in pairs], dtype=np.int64)
        theirs = np.array([index for index, _ in pairs], dtype=np.int64)
        onto = csr_matrix((np.ones(len(pairs), np.float32), (theirs, mine)), shape=(len(catalog), len(self.ids)))
        found = np.zeros(len(catalog), dtype=bool)
        found[theirs] = True
        return Known(
            found,
            csr_matrix(onto @ self.rated @ onto.T),
            csr_matrix(onto @ self.around @ onto.T),
            csr_matrix(onto @ self.talked @ onto.T),
            onto @ self.named,
            onto @ self.ratings,
            self.asked.astype(np.float32),
            csr_matrix(self.answers @ onto.T),
        )

    def _matches(self, catalog: Catalog) -> Iterable[tuple[int, int]]:
        """(index in the catalogue, row here), each row at most once; by id first."""
        rows = {item_id: row for row, item_id in enumerate(self.ids)}
        titles: dict[str, list[tuple[int, int]]] = {}
        for row, key in enumerate(self.titles):
            name, _, year = key.rpartition(" ")
            if name and year.isdecimal():
                titles.setdefault(name, []).append((int(year), row))
        taken: set[int] = set()
        later = []
        for index, item in enumerate(catalog.items):
            row = next((rows[i] for i in _names(item) if i in rows), None)
            if row is None:
                later.append(index)
            elif row not in taken:
                taken.add(row)
                yield index, row
        for index in later:
            row = _by_title(catalog, catalog.items[index], titles)
            if row is not None and row not in taken:
                taken.add(row)
                yield index, row

    def save(self, path: Path) -> None:
        """One ``.npz`` without pickled objects."""
        arrays = {name: getattr(self, name) for name in ("named", "ratings", "asked")}
        for name in ("rated", "around", "talked", "answers"):
            matrix = getattr(self, name)
            arrays |= {f"{name}.data": matrix.data, f"{name}.indices": matrix.indices, f"{name}.indptr": matrix.indptr}
        arrays["heard"] = np.array(sorted(self.heard), dtype=np.uint64)
        texts = {"ids": self.ids, "titles": self.titles}
        for name, value in texts.items():
            arrays[name] = np.frombuffer(json.dumps(value, ensure_ascii=False).encode(), dtype=np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Knowledge:
        """Raises: BadInput when it is not there or not such a file."""
        try:
            with np.load(path, allow_pickle=False) as file:
                texts = {name: json.loads(file[name].tobytes().decode()) for name in ("ids", "titles")}
                size, heard = len(texts["ids"]), frozenset(file["heard"].tolist())
                arrays = {name: file[name] for name in ("named", "ratings", "asked")}
                shapes = {name: (size, size) for name in ("rated", "around", "talked")}
                shapes["answers"] = (len(arrays["asked"]), size)
                if "around.data" not in file:  # written before that was learnt
                    arrays["around"] = csr_matrix(shapes.pop("around"), dtype=np.float32)
                for name, shape in shapes.items():
                    arrays[name] = csr_matrix(tuple(file[f"{name}.{p}"] for p in ("data", "indices", "indptr")), shape)
        except OSError as error:
            raise BadInput(f"{path}: {error.strerror or 'not a file of item neighbours'}") from None
        except (ValueError, KeyError, BadZipFile):
            raise BadInput(f"{path}: not a file of item neighbours") from None
        if {len(texts["titles"]), *(len(arrays[name]) for name in ("named", "ratings"))} != {size}:
            raise BadInput(f"{path}: not a file of item neighbours")
        return cls(tuple(texts["ids"]), tuple(texts["titles"]), **arrays, heard=heard)


def title_key(title: str, year: float | None = None) -> str:
    """``matrix 1999`` for "Matrix, The (1999)" and for "The Matrix" of 1999; without a year, the title alone."""
    if found := _YEAR.search(title):
        title, year = title[: found.start()], float(found.group(1))
    name = re.sub(r"[^\w]+", " ", fold(_ARTICLE.sub(r"\2 \1", title)).replace("&", " and ")).strip()
    return f"{name.removeprefix('the ')} {year:.0f}" if year else name.removeprefix("the ")


def keys(catalog: Catalog) -> tuple[str, ...]:
    """(N,) what the items of a catalogue are learnt under: the other id where there is one, else the own."""
    return tuple(_names(item)[-1] for item in catalog.items)


def learn_knowledge(
    ratings: Iterable[Rating] = (),
    dialogues: Iterable[Sequence[str]] = (),
    requests: Sequence[Request] = (),
    titles: Mapping[str, str] | None = None,
    neighbours: int = NEIGHBOURS,
    heard: Iterable[int] = (),
) -> Knowledge:
    """Learn from ratings, oldest first of each person, from the items that each dialogue names, and from requests, all
    by the same ids.

    ``titles``: id -> title key, for catalogues that know the items by another id.
    """
    ratings, sessions = list(ratings), [tuple(dict.fromkeys(session)) for session in dialogues]
    lists = [*sessions, *(items for _, items in requests)]
    ids = tuple(sorted({item for _, item, _ in ratings} | {item for items in lists for item in items}))
    rows = {item: row for row, item in enumerate(ids)}
    named = Counter(item for session in sessions for item in session)
    rated = Counter(item for _, item, _ in ratings)
    return Knowledge(
        ids,
        tuple((titles or {}).get(item, "") for item in ids),
        _top(_liked_alike(ratings, rows), neighbours),
        _top(_met_near(ratings, rows), neighbours),
        _top(_together(sessions, rows), neighbours),
        np.array([named[i] for i in ids], dtype=np.float32),
        np.array([rated[i] for i in ids], dtype=np.float32),
        np.array([v for v, _ in requests], dtype=np.float16) if requests else np.zeros((0, 0), np.float16),
        _ones([(n, rows[i]) for n, (_, items) in enumerate(requests) for i in items], (len(requests), len(ids))),
        frozenset(heard),
    )


def _liked_alike(ratings: Sequence[Rating], rows: Mapping[str, int]) -> csr_matrix:
    """(n, n) cosine between the likes of two items, shrunk where few people like both."""
    people = {who: row for row, who in enumerate(dict.fromkeys(who for who, _, _ in ratings))}
    likes = [(people[who], rows[item]) for who, item, stars in ratings if stars >= LIKED_STARS]
    matrix = _ones(likes, (len(people), len(rows)))
    counts = np.asarray(matrix.sum(axis=0))[0]
    matrix = matrix @ diags((counts >= RATED_OFTEN).astype(np.float32))
    row, column, both = _cells(matrix.T @ matrix)
    cosine = both / np.sqrt(counts[row] * counts[column]) * (both / (both + DOUBT))
    return _off_diagonal(row, column, cosine, len(rows))


def _met_near(ratings: Sequence[Rating], rows: Mapping[str, int]) -> csr_matrix:
    """(n, n) of all that people turn to near the one item, the share of the other; nearer counts more."""
    histories: dict[str, list[int]] = {}
    for who, item, _ in ratings:
        histories.setdefault(who, []).append(rows[item])
    found = csr_matrix((len(rows), len(rows)), dtype=np.float32)
    steps = [np.array(history) for history in histories.values()]
    for gap in range(1, NEAR + 1):
        before, after = (
            np.concatenate([h[part] for h in steps] or [np.zeros(0, int)]) for part in (slice(-gap), slice(gap, None))
        )
        met = csr_matrix((np.full(len(before), DISTANT ** (gap - 1), np.float32), (before, after)), shape=found.shape)
        found = found + met + met.T
    total = np.asarray(found.sum(axis=1))[:, 0]
    return _off_diagonal(*_cells(diags(1 / (total + 1)) @ found), len(rows))


def _cells(matrix: csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cells = matrix.tocoo()
    return cells.row, cells.col, cells.data


def _together(sessions: Sequence[Sequence[str]], rows: Mapping[str, int]) -> csr_matrix:
    """(n, n) how many dialogues name both."""
    matrix = _ones([(n, rows[i]) for n, session in enumerate(sessions) for i in session], (len(sessions), len(rows)))
    return _off_diagonal(*_cells(matrix.T @ matrix), len(rows))


def _ones(cells: Sequence[tuple[int, int]], shape: tuple[int, int]) -> csr_matrix:
    where = np.array(cells, dtype=np.int64).reshape(-1, 2)
    matrix = csr_matrix((np.ones(len(where), np.float32), (where[:, 0], where[:, 1])), shape=shape)
    matrix.data[:] = 1.0  # whoever rated twice likes once
    return matrix


def _off_diagonal(row: np.ndarray, column: np.ndarray, data: np.ndarray, size: int) -> csr_matrix:
    other = row != column
    cells = (data[other].astype(np.float32), (row[other], column[other]))
    return csr_matrix(cells, shape=(size, size))


def _top(matrix: csr_matrix, k: int) -> csr_matrix:
    """Each row's ``k`` largest values; of equal ones the first."""
    keep = []
    for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        keep.append(start + np.sort(np.argsort(-matrix.data[start:end], kind="stable")[:k]))
    chosen = np.concatenate(keep) if keep else np.zeros(0, np.int64)
    ends = np.concatenate([[0], np.cumsum([len(row) for row in keep], dtype=np.int64)])
    return csr_matrix((matrix.data[chosen], matrix.indices[chosen], ends), shape=matrix.shape)


def _names(item: Item) -> list[str]:
    """The ids of an item, its own first."""
    others = [item.attributes.get(column) for column in ALSO_IDS]
    return [item.item_id, *(other for other in others if isinstance(other, str))]


def _by_title(catalog: Catalog, item: Item, titles: Mapping[str, Sequence[tuple[int, int]]]) -> int | None:
    """The row with that title and about that year; without a year, the only one with that title."""
    year = item.attributes.get(catalog.schema.columns.get("year", ""))
    named = titles.get(title_key(item.title), ())
    if not isinstance(year, float):
        return named[0][1] if len(named) == 1 else None
    near = [(abs(other - year), row) for other, row in named if abs(other - year) <= YEARS_OFF]
    return min(near)[1] if near else None
