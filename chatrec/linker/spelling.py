"""What a misspelt word may have been meant to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product

from rapidfuzz import process
from rapidfuzz.distance import OSA

from chatrec.linker.english import is_ordinary
from chatrec.linker.text import compact

_SHORTEST = 5  # shorter words have too many neighbours
_TWO_SLIPS = 8  # from this length on two slips are forgiven
_CHOICES = 3  # words that one misspelt word may stand for
_MISSPELT = 2  # words of one stretch that may be corrected
_GUESSES = 6  # spellings tried for one stretch of words
_MEMORY = 20_000  # words


class Spelling:
    """Looks for words of a vocabulary within one slip of a misspelt word (two in long words), a swap of neighbours
    counting as one: optimal string alignment. Only words of the same first letter and about the same length are
    compared. Numbers are never corrected, nor are words that English has."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._words = frozenset(vocabulary)
        self._blocks: dict[tuple[str, int], list[str]] = defaultdict(list)
        for word in sorted(self._words):
            if len(word) >= _SHORTEST - 1 and word.isalpha():
                self._blocks[word[0], len(word)].append(word)
        self._memory: dict[str, list[tuple[str, int]]] = {}

    def readings(self, words: Sequence[str]) -> Iterator[tuple[str, int]]:
        """The words run together, as typed and then as they may have been meant, with the number of slips."""
        yield compact(words), 0
        options = [[(word, 0), *self.meant(word)] for word in words]
        if 0 < sum(len(choices) > 1 for choices in options) <= _MISSPELT:
            for choice in islice(product(*options), 1, _GUESSES):
                yield compact([word for word, _ in choice]), sum(slips for _, slips in choice)

    def meant(self, word: str) -> list[tuple[str, int]]:
        """The nearest words of the vocabulary and how many slips away; empty for a word that is not misspelt."""
        if len(word) < _SHORTEST or not word.isalpha() or word in self._words or is_ordinary(word):
            return []
        if word not in self._memory:
            if len(self._memory) >= _MEMORY:
                self._memory.clear()
            self._memory[word] = self._nearest(word)
        return self._memory[word]

    def _nearest(self, word: str) -> list[tuple[str, int]]:
        slips = 2 if len(word) >= _TWO_SLIPS else 1
        lengths = range(len(word) - slips, len(word) + slips + 1)
        near = [other for n in lengths for other in self._blocks.get((word[0], n), ())]
        found = process.extract(word, near, scorer=OSA.distance, score_cutoff=slips, limit=_CHOICES)
        return [(other, int(distance)) for other, distance, _ in found]
