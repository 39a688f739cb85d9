"""Misspelt words of a message, put right by the words of the examples, before the message gets its vector.

An encoder reads "anythign" in pieces that mean nothing. Which words there are is learnt from the examples, so nobody
keeps a list. What is no slip stays: words of the catalogues, and what the encoder reads in one piece ("choking" is no
cooking).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from chatrec.linker.text import Spelling

FILE = "words.txt"
OFTEN, KNOWN = 3, 2  # examples that a word stands in to be meant by another, and to be none itself
_WORD = re.compile(r"[A-Za-z']{4,}")
_SMALL = re.compile(r"(?<![A-Za-z'])[a-z']+")  # names are for the linker to mend


class ExampleSpelling:
    """``counts``: how often each word stands in the examples in small letters; ``known``: what needs no mending."""

    def __init__(self, counts: Mapping[str, int], known: Container[str] = ()) -> None:
        self._counts, self._known = counts, known
        self._spelling = Spelling((word for word, count in counts.items() if count >= OFTEN), few=True)

    @classmethod
    def of(cls, texts: Iterable[str], known: Container[str] = ()) -> ExampleSpelling:
        """Learn the words of the examples."""
        return cls(Counter(word for text in texts for word in _SMALL.findall(text)), known)

    @classmethod
    def read(cls, folder: Path, known: Container[str] = ()) -> ExampleSpelling:
        """What :meth:`write` has written."""
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
        return cls({word: int(count) for word, count in map(str.split, lines)}, known)

    def write(self, folder: Path) -> None:
        """Keep the words of the examples in a folder of the model."""
        lines = (f"{word} {count}\n" for word, count in sorted(self._counts.items()))
        (folder / FILE).write_text("".join(lines), encoding="utf-8")

    def mended(self, text: str) -> str:
        """The text with its words of one slip as they were meant: of several the commonest."""
        return _WORD.sub(lambda found: self._meant(found[0]), text)

    def _meant(self, written: str) -> str:
        word = written.lower()
        if word in self._known or self._counts.get(word, 0) >= KNOWN:
            return written
        meant = [other for other, slips in self._spelling.meant(word) if slips == 1]
        return max(meant, key=self._counts.__getitem__, default=written)
