"""Recordings and pictures in words: ``understand(data)`` for channels, ``Media`` for who wires things.

All of it is synchronous and takes from a third of a second to some ten seconds: call it with ``asyncio.to_thread``. It
is safe from several threads. Nothing is written anywhere, and nothing of a file is kept once it is understood.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from chatrec import pictures, speech
from chatrec.catalog import Catalog
from chatrec.errors import BadInput, UnknownCatalog
from chatrec.pictures import Reader, load_reader
from chatrec.printed import Match, Printed, match_of
from chatrec.settings import Settings
from chatrec.speech import Heard, Recognizer, load_recognizer

__all__ = ["MAX_BYTES", "Heard", "Match", "Media", "Seen", "understand"]

MAX_BYTES = max(pictures.MAX_BYTES, speech.MAX_BYTES)
_MATCHES = 5


@dataclass(frozen=True)
class Seen:
    """The text on a picture, a line each, and the items it may show, likeliest first; no ``matches``: can't tell.
    ``looked``: nothing was read that tells, so it was compared with the items' pictures."""

    text_found: tuple[str, ...]
    matches: tuple[Match, ...] = ()
    looked: bool = False


class Media:
    """Ears and eyes for a set of catalogues. Weights are loaded when they are first needed."""

    def __init__(self, settings: Settings, catalogs: Mapping[str, Catalog]) -> None:
        self._settings, self._catalogs = settings, catalogs
        self._loading = threading.Lock()

    def understand(self, data: bytes) -> Heard | Seen:
        """What a file says, whatever it is; its type is told by content. Raises: BadInput, ModelMissing."""
        if pictures.is_picture(data):
            return self.look(data)
        if speech.container(data):
            return self.hear(data)
        if not data:
            raise BadInput("the file is empty: send it again")
        raise BadInput("that is neither a recording nor a picture that can be read: send WAV, OGG, MP3, JPEG or PNG")

    def hear(self, data: bytes) -> Heard:
        """What a recording says. Raises: BadInput, ModelMissing."""
        with self._loading:
            recognizer = self._recognizer
        return recognizer.hear(data)

    def look(self, data: bytes, catalog: str | None = None) -> Seen:
        """What a picture shows of one catalogue, or of all of them. Raises: BadInput."""
        if catalog is not None and catalog not in self._catalogs:
            raise UnknownCatalog(f"no catalogue named {catalog!r}; there is {', '.join(sorted(self._catalogs))}")
        pixels = pictures.decode(data)
        with self._loading:
            reader, printed = self._reader, self._printed
        lines = reader.read(pixels)
        asked = self._catalogs if catalog is None else {catalog: self._catalogs[catalog]}
        texts = tuple(line.text for line in lines)
        if found := _best(match for name in asked for match in printed[name].match(lines, _MATCHES)):
            return Seen(texts, found)
        seen = [each for each in asked.values() if each.looks]
        alike = (match_of(each, *pair) for each in seen for pair in each.looks.alike(pixels, _MATCHES))
        return Seen(texts, _best(alike), looked=bool(seen))

    @cached_property
    def _recognizer(self) -> Recognizer:
        return load_recognizer(self._settings, self._catalogs)

    @cached_property
    def _reader(self) -> Reader:
        return load_reader(self._settings)

    @cached_property
    def _printed(self) -> dict[str, Printed]:
        return {name: Printed(catalog) for name, catalog in self._catalogs.items()}


def _best(matches: Iterable[Match]) -> tuple[Match, ...]:
    return tuple(sorted(matches, key=lambda match: -match.score)[:_MATCHES])


@lru_cache(maxsize=1)
def _media() -> Media:
    from chatrec.bootstrap import catalogs_of  # here: it takes a second that starting a channel need not wait for

    settings = Settings.read()
    return Media(settings, catalogs_of(settings))


def understand(data: bytes) -> Heard | Seen:
    """What a file says, with the installed catalogues and weights, which the first call loads (seconds).

    Raises:
        BadInput: not a recording or picture that can be read, too long, too large; the message is for the user.
        ModelMissing: no weights.
    """
    return _media().understand(data)
