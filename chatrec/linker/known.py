"""What people name and the catalogue has no row for: a famous film that it lacks, a medicine. It filters nothing; the
bot can say that it doesn't have it, and nobody takes the words for something else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from chatrec.linker.english import CLOSED, is_ordinary
from chatrec.linker.signs import Signs
from chatrec.linker.text import Message, Spelling, compact, entries, keys
from chatrec.schema import Schema
from chatrec.types import Mention

KNOWN = "known"
_ANY = "0"  # stands for any figure, as "#" does in the schema: "size #"
_SURE = 0.7  # anything that the catalogue has wins


class Known:
    """An index of the names under ``known`` in a schema. A name of everyday words needs the signs of a title."""

    def __init__(self, schema: Schema) -> None:
        self._names = {key: name for name in schema.known for key in entries(keys(name.replace("#", _ANY)))}
        self.words = frozenset(word for name in schema.known for word in keys(name))
        self._longest = max((len(keys(name)) for name in schema.known), default=0)
        self._signs = Signs(schema)

    def find(self, message: Message, spelling: Spelling) -> Iterator[Mention]:
        """Every name in a message, overlapping ones too, with one slip at most."""
        tokens = message.tokens
        for start in range(len(tokens)):
            for end in range(start + 1, min(start + self._longest, len(tokens)) + 1):
                words = [_ANY if t.key.isdigit() and end > start + 1 else t.key for t in tokens[start:end]]
                readings = chain(spelling.readings([t.key for t in tokens[start:end]]), [(compact(words), 0)])
                name = next((self._names[key] for key, slips in readings if slips < 2 and key in self._names), None)
                if name and self._meant(message, start, end, name):
                    place = tokens[start].start, tokens[end - 1].end
                    yield Mention(KNOWN, *place, message.text[slice(*place)], name, confidence=_SURE)

    def _meant(self, message: Message, start: int, end: int, name: str) -> bool:
        """Whether the words are the name; only those of a thing in small letters ("magnesium") need no sign."""
        tokens = message.tokens[start:end]
        words = [token.key for token in tokens]
        if name.islower() or not all(word in CLOSED or is_ordinary(word) for word in words):
            return True
        if self._signs.capitals(message, tokens) or self._signs.quoted(message, tokens[0].start, tokens[-1].end):
            return True
        if CLOSED.issuperset(words):
            return False
        cue = self._signs.cue(message, tokens[0].start)
        return cue >= (3 if len(words) == 1 else 2) and self._signs.closes(message, tokens[-1].end)
