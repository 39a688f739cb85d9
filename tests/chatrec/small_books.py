"""Eight books beside the films of ``small_films``: a second catalogue for conversations that move between the two."""

from __future__ import annotations

from pathlib import Path

from chatrec.catalog import Catalog, load_catalog

SCHEMA = """
name = "books"
noun = "book"
plural = "books"
topic = ["read", "novel", "author"]
examples = ["something to read on the train", "a good novel for the beach", "a thick book about the sea"]
[columns]
id = "isbn"
title = "title"
popularity = "loans"
text = "blurb"
[slots.subject]
type = "tags"
columns = ["subjects"]
ask = true
[slots.subject.synonyms]
"Science fiction" = ["sci-fi", "robots"]
[slots.writer]
type = "people"
columns = ["writers"]
[slots.length]
type = "number"
columns = ["pages"]
unit = "pages"
more = ["longer"]
less = ["shorter"]
step = 100
[relations.writer]
words = ["more by the same writer", "what else did they write"]
column = "writers"
slot = "writer"
prefer = ["subject"]
noun = "books by the same writer"
[[from]]
catalog = "films"
slot = "genre"
to = "subject"
[from.values]
"Sci-Fi" = ["Science fiction"]
"""
ITEMS = """isbn,title,subjects,writers,pages,loans,blurb
b1,The Long Voyage Out,Science fiction,Ada Munro,410,90,A ship that takes three lives to arrive.
b2,Small Machines,Science fiction,Ada Munro,220,70,Robots that mend clocks at night.
b3,A House in Leith,Crime,Ada Munro,300,60,Nobody saw the lodger leave.
b4,Salt and Wind,Travel,Jon Eide,180,40,Around a cold coast in an old boat.
b5,The Second Harbour,Crime,Jon Eide,340,80,A pilot is found under the ice.
b6,Bread for Friends,Cooking,Rosa Lind,150,50,Forty loaves and the talk that goes with them.
b7,Letters to a Lamp,Romance,Rosa Lind,260,30,Two people share a desk and never meet.
b8,The Quiet Orchard,,,,10,
"""


def books(folder: Path) -> Catalog:
    """The catalogue, read from files in ``folder``."""
    (folder / "schema.toml").write_text(SCHEMA, encoding="utf-8")
    (folder / "items.csv").write_text(ITEMS, encoding="utf-8")
    return load_catalog(folder)
