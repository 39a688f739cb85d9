"""Text as it is printed on covers and packs, linked to the catalogue.

A reader of pictures runs words together, loses small letters and takes "l" for "1". So names are compared without
spaces and with look-alikes folded, by edit distance (``rapidfuzz``), over whole lines, neighbouring lines and parts of
lines. What a cover is called is its largest print; a brand names many packs, and the other words on one tell which.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz, process

from chatrec.catalog import Catalog
from chatrec.linker.text import keys
from chatrec.pictures import Line

_LINES = 24  # largest lines that are looked at
_TOGETHER = 5  # neighbouring lines that a name may run over
_WORDS = 8  # words of a line from which parts are taken
_SHORT = 5  # letters below which a name must be exact
_BRAND = 4  # letters below which a brand may be anything
_LONG, _EXACT, _TELLING = 12, 95.0, 0.85  # letters from which an exact title tells wherever it stands, and how much
_ALIKE = 85.0  # percent of letters that a longer name must share: one slip in seven
_LARGE = 0.65  # of the height of the largest print
_TITLE, _FOUND = 0.7, 0.65  # scores from which a title counts, and from which an item is a match
_NEAR = 0.2  # below the best score that is still told
_LOOK_ALIKES = str.maketrans("01i58a", "ollsbo")  # "Arlo" is Arla in a flowing hand


@dataclass(frozen=True)
class Match:
    """An item that a picture may show. ``heading`` is its title with its year; ``score`` in [0, 1]."""

    catalog: str
    item_id: str
    title: str
    heading: str
    score: float


@dataclass(frozen=True)
class _Piece:
    """A stretch of print: its key, how large it is next to the largest, and its share of the letters that are large."""

    key: str
    size: float
    share: float

    @property
    def prominence(self) -> float:
        """How much it looks like what the whole is called; 1 for all that is large, and nothing else."""
        return math.sqrt(self.size * self.share)


def folded(text: str) -> str:
    """How print is compared: no case, accents, spaces or signs, and look-alikes as one letter."""
    return "".join(keys(text)).translate(_LOOK_ALIKES)


class Printed:
    """An index of what may be printed on the items of a catalogue: titles, and the values of slots that the schema
    calls ``printed``. Built once; safe to use from several threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._titles = _index((name, i) for i, item in enumerate(catalog.items) for name in _names(item.title))
        printed = [slot for slot in catalog.schema.slots.values() if slot.printed]
        self._brands = _index(
            (value, int(i)) for slot in printed for value, where in catalog.values(slot.name).items() for i in where
        )

    def match(self, lines: Sequence[Line], n: int = 5) -> tuple[Match, ...]:
        """The items whose name is on the picture, the likeliest first, at most ``n``; empty when none is."""
        pieces = _pieces(lines)
        scores: dict[int, float] = defaultdict(float)
        if pieces:
            said = frozenset(word for line in lines for word in keys(line.text))
            for i, score in self._titled(pieces):
                scores[i] = max(scores[i], score + self._support(i, said))
            for i, score in self._branded(pieces, said):
                scores[i] = max(scores[i], score)
        best = max(scores.values(), default=0.0)
        kept = [(score, i) for i, score in scores.items() if score >= max(_FOUND, best - _NEAR)]
        return tuple(self._as_match(i, score) for score, i in sorted(kept, key=lambda pair: (-pair[0], pair[1]))[:n])

    def _titled(self, pieces: Sequence[_Piece]) -> Iterator[tuple[int, float]]:
        for name, piece, alike in _alike(pieces, list(self._titles)):
            exact = len(name) >= _LONG and alike >= _EXACT
            score = 0.9 * alike / 100 * max(piece.prominence, _TELLING if exact else 0.0)
            for i in self._titles[name] if score >= _TITLE else ():
                yield i, score

    def _branded(self, pieces: Sequence[_Piece], said: frozenset[str]) -> Iterator[tuple[int, float]]:
        for name, piece, alike in _alike(pieces, list(self._brands)):
            if len(name) >= _BRAND and piece.key[0] == name[0]:
                for i in self._brands[name]:
                    yield i, min(1.0, alike / 100 * (0.9 + self._support(i, said)))

    def _support(self, index: int, said: frozenset[str]) -> float:
        """Up to 0.1: the share of the other words on the picture that belong to the item, and a little for fame."""
        item = self._catalog.items[index]
        own = set(keys(self._catalog.describe(item)))
        words = [word for word in said if len(word) > 2]
        shared = sum(_has(own, word) for word in words) / max(len(words), 1)
        return 0.08 * shared + 0.02 * float(self._catalog.popularity[index])

    def _as_match(self, index: int, score: float) -> Match:
        return match_of(self._catalog, index, score)


def match_of(catalog: Catalog, index: int, score: float) -> Match:
    item = catalog.items[index]
    return Match(catalog.schema.name, item.item_id, item.title, catalog.heading(item), round(min(score, 1.0), 3))


def _has(own: set[str], word: str) -> bool:
    return word in own or (
        len(word) >= _SHORT and process.extractOne(word, own, score_cutoff=85, scorer=fuzz.ratio) is not None
    )


def _names(title: str) -> set[str]:
    """A title, and its parts on either side of a colon: posters leave out the one or the other."""
    parts = [part for part in title.split(": ") if len(folded(part)) >= _SHORT]
    return {title, *parts}


def _index(names: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for name, i in names:
        if key := folded(name):
            found[key].append(i)
    return dict(found)


def _pieces(lines: Sequence[Line]) -> list[_Piece]:
    """The largest lines, their parts, and neighbours joined, in reading order and, for a picture upside down, against
    it."""
    large = set(sorted(lines, key=lambda line: -line.height)[:_LINES])
    kept = [line for line in lines if line in large]
    most = max((line.height for line in kept), default=1.0)
    letters = sum(len(folded(line.text)) for line in kept if line.height >= _LARGE * most)
    found: dict[str, _Piece] = {}
    for stretch in _stretches(kept):
        keyed = [(folded(text), height / most) for text, height in stretch]
        key = "".join(part for part, _ in keyed)
        large = sum(len(part) for part, size in keyed if size >= _LARGE)
        size = sum(size for _, size in keyed) / len(keyed)
        piece = _Piece(key, size, large / max(letters, 1))
        if key and (key not in found or piece.prominence > found[key].prominence):
            found[key] = piece
    return list(found.values())


def _stretches(lines: Sequence[Line]) -> Iterator[list[tuple[str, float]]]:
    """Parts of lines, and neighbouring lines together: texts with their heights."""
    for line in lines:
        words = line.text.split()
        for start in range(len(words) if len(words) <= _WORDS else 0):
            for end in range(start + 1, len(words) + 1):
                yield [(" ".join(words[start:end]), line.height)]
    for order in (lines, lines[::-1]):
        for start in range(len(order)):
            for end in range(start + 2, min(start + _TOGETHER, len(order)) + 1):
                yield [(line.text, line.height) for line in order[start:end]]


def _alike(pieces: Sequence[_Piece], names: Sequence[str]) -> Iterator[tuple[str, _Piece, float]]:
    """Names and the pieces that they are like, with how much, in percent."""
    if not names:
        return
    alike = process.cdist([p.key for p in pieces], names, scorer=fuzz.ratio, score_cutoff=_ALIKE, dtype=np.float32)
    for row, column in zip(*np.nonzero(alike), strict=True):
        if len(names[column]) >= _SHORT or alike[row, column] == 100:
            yield names[column], pieces[row], float(alike[row, column])
