"""Two hundred books that nobody wrote: a fifth catalogue, as a designer would drop it into ``data/catalogs``."""

from __future__ import annotations

import csv
from pathlib import Path

SCHEMA = """
name = "books"
noun = "book"
plural = "books"
about = "books to read"
topic = ["read", "reading", "novel", "novels", "author", "paperback", "library", "bookshop"]
examples = [
    "something to read on the train", "a good novel for the beach", "a thick book about the sea",
    "i need a book for my holiday", "which novel should i start with", "can't find anything good to read",
    "a book for my mum's birthday", "my book club needs a new title", "a page turner for the weekend",
    "something to read before i fall asleep", "recommend a paperback", "i finished my book, what next",
]
[columns]
id = "isbn"
title = "title"
text = "blurb"
popularity = "loans"
reception = "stars"
[slots.subject]
type = "tags"
columns = ["subjects"]
label = "subject"
ask = true
inquiry = ["what is it about", "which subject"]
[slots.subject.synonyms]
"Crime" = ["murder", "detective", "whodunit"]
"Science fiction" = ["sci-fi", "robots", "space"]
"Romance" = ["love story", "romantic"]
"History" = ["historical"]
"Cooking" = ["cookery", "recipes", "cookbook"]
[slots.writer]
type = "people"
columns = ["writers"]
[slots.length]
type = "number"
columns = ["pages"]
label = "length"
unit = "pages"
ask = true
more = ["longer", "thicker"]
less = ["shorter", "thinner"]
step = 60
inquiry = ["how long is it", "how many pages"]
reason = "it has {value} pages"
[slots.length.words]
"short" = { max = 200 }
"medium" = { min = 200, max = 400 }
"long" = { min = 400 }
"""
SUBJECTS = {
    "Crime": "a body is found {place}, and the {person} knows more than the police.",
    "Science fiction": "the {person} wakes {place}, a hundred years too late.",
    "Romance": "the {person} comes back {place} and meets the one who stayed.",
    "History": "how the {person} lived {place} when the old king died.",
    "Travel": "a summer on foot {place}, with the {person} as a guide.",
    "Cooking": "what the {person} cooks {place}, in sixty recipes.",
    "Ghosts": "nobody lives {place} any more, and still the {person} hears singing.",
    "Nature": "a year {place}, seen by a {person} who learns to be quiet.",
    "Music": "the {person} finds an old violin {place} and learns who played it.",
    "Adventure": "the {person} has ten days to cross the country {place}, and a map that lies.",
}
PLACES = {
    "Harbour": "at the harbour",
    "Orchard": "in the orchard",
    "Island": "on the island",
    "Mountain": "on the mountain",
    "River": "by the river",
}
PEOPLE = {"Pilot's": "pilot", "Baker's": "baker", "Widow's": "widow", "Stranger's": "stranger"}
WRITERS = ("Ada Munro", "Jon Eide", "Rosa Lind", "Tom Varga", "Ines Roth", "Karl Osei", "Mei Tan")


def write(folder: Path) -> None:
    """Put ``schema.toml`` and ``items.csv`` into a new folder."""
    folder.mkdir()
    (folder / "schema.toml").write_text(SCHEMA, encoding="utf-8")
    with (folder / "items.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["isbn", "title", "subjects", "writers", "pages", "loans", "stars", "blurb"])
        kinds = [(s, p, n) for s in SUBJECTS for p in PLACES for n in PEOPLE]
        for i, (subject, place, owner) in enumerate(kinds):
            title = f"The {owner} {place}: {subject if subject != 'Ghosts' else 'A Ghost Story'}"
            blurb = SUBJECTS[subject].format(place=PLACES[place], person=PEOPLE[owner]).capitalize()
            rows.writerow(
                [f"b{i}", title, subject, WRITERS[i % 7], 90 + i * 37 % 500, 5 + i * 53 % 900, 50 + i * 29 % 50, blurb]
            )
