"""A dozen films to test the engine on: a catalogue small enough to check by hand, and the real sentence encoder."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from chatrec.catalog import Catalog
from chatrec.encoder import Encoder, load_encoder
from chatrec.schema import Schema, Slot
from chatrec.settings import Settings
from chatrec.types import Item

COLUMNS = ("title", "genres", "directors", "cast", "year", "score", "reviews", "plot")
ROWS = {
    "alien": ("Alien", "Horror|Sci-Fi", "Ridley Scott", "Sigourney Weaver", 1979, 93, 900, "Something on the ship."),
    "aliens": ("Aliens", "Action|Sci-Fi", "James Cameron", "Sigourney Weaver", 1986, 91, 800, "Marines on a moon."),
    "runner": ("Blade Runner", "Sci-Fi|Thriller", "Ridley Scott", "Harrison Ford", 1982, 89, 850, "Androids flee."),
    "solaris": (
        "Solaris",
        "Drama|Sci-Fi",
        "Andrei Tarkovsky",
        "Donatas Banionis",
        1972,
        90,
        200,
        "An ocean that dreams.",
    ),
    "heat": ("Heat", "Crime|Thriller", "Michael Mann", "Al Pacino", 1995, 79, 600, "A detective hunts bank robbers."),
    "ronin": ("Ronin", "Action|Thriller", "John Frankenheimer", "Robert De Niro", 1998, 68, 300, "A case is stolen."),
    "sabrina": (
        "Sabrina",
        "Comedy|Romance",
        "Sydney Pollack",
        "Harrison Ford",
        1995,
        61,
        150,
        "The chauffeur's daughter.",
    ),
    "hill": (
        "Notting Hill",
        "Comedy|Romance",
        "Roger Michell",
        "Julia Roberts",
        1999,
        83,
        500,
        "A star in a bookshop.",
    ),
    "bride": ("The Princess Bride", "Comedy|Romance", "Rob Reiner", "Robin Wright", 1987, 97, 700, "A kissing book."),
    "amadeus": ("Amadeus", "Biography|Music", "Milos Forman", "Tom Hulce", 1984, 95, 650, "A composer envies another."),
    "amelie": ("Amélie", "Comedy", "Jean-Pierre Jeunet", "Audrey Tautou", 2001, 89, 750, "A waitress helps strangers."),
    "lost": ("The Lost Reel", "Drama", "Nobody Known", "Somebody Else", None, None, None, "Nothing is known of it."),
}


def films() -> Catalog:
    """The catalogue. The last film has no year, no rating and no reviews."""
    slots = (
        Slot("genre", "tags", ("genres",), "genre", softness=3, ask=True, reason="it is filed under {value}"),
        Slot("person", "people", ("directors", "cast"), "person", softness=1, reason="{value} had a hand in it"),
        Slot("year", "number", ("year",), "year", softness=2, reason="it is from {value}"),
    )
    roles = {
        "id": "id",
        "title": "title",
        "text": "plot",
        "year": "year",
        "popularity": "reviews",
        "reception": "score",
    }
    labels = {"directors": "directed by", "cast": "with"}
    schema = Schema(
        "films", "film", "films", roles, {s.name: s for s in slots}, labels=labels, describe=("genres", "directors")
    )
    return Catalog(schema, tuple(_item(item_id, row) for item_id, row in ROWS.items()), "test")


def _item(item_id: str, row: tuple) -> Item:
    cells = dict(zip(COLUMNS, row, strict=True))
    numbers = {c: float(cells[c]) for c in ("year", "score", "reviews") if cells[c] is not None}
    lists = {c: tuple(cells[c].split("|")) for c in ("genres", "directors", "cast")}
    return Item(item_id, cells["title"], {**lists, **numbers, "plot": cells["plot"]})


@lru_cache(maxsize=1)
def encoder() -> Encoder:
    """The encoder that ships, loaded once for all test files."""
    return load_encoder(replace(Settings.read({}), threads=1, device="cpu"))
