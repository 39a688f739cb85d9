"""The films catalogue that ships, made from Wikidata.

The source is the SQLite file in the ``bokeh-sampledata`` wheel: 17,472 films of the years 1940 to 2014 from Wikidata
(CC0), with Tomatometer and Metacritic figures. docs/catalogs.md says in plain words what is kept and what is changed.
"""

from __future__ import annotations

import csv
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import numpy as np

from chatrec.errors import BadInput

MIN_REVIEWS = 8  # below that the Tomatometer says next to nothing
PRIOR_REVIEWS = 20  # a film with that many reviews counts half as itself, half as the average film
MAX_CAST, MAX_DIRECTORS = 8, 4
MIN_MINUTES = 10  # the source has features of 1 and 4 minutes: slips, so their length counts as unknown
BROAD_AMONG = 5  # "Drama" beside that many other genres says nothing

NOT_HISTORY = {"Sci-Fi", "Fantasy", "Crime", "Horror"}  # the source files every "epic" under History
GENRES = {"Music": "Musical"}
AGE_RATINGS = {"M": "PG", "GP": "PG", "M/PG": "PG", "X": "NC-17"}  # what the same ratings are called today
COUNTRIES = {
    "People's Republic of China": "China",
    "British Hong Kong": "Hong Kong",
    "Taiwan Island": "Taiwan",
    "Kingdom of the Netherlands": "Netherlands",
    "Kingdom of Great Britain": "United Kingdom",
    "Wales": "United Kingdom",
    "Kingdom of Italy": "Italy",
    "Federal Republic of Yugoslavia": "Yugoslavia",
    "Socialist Federal Republic of Yugoslavia": "Yugoslavia",
    "Occupied Palestinian territory": "Palestine",
    "Georgian SSR": "Soviet Union",
    "The Bahamas": "Bahamas",
}
LANGUAGES = {
    "American English": "English",
    "Australian English": "English",
    "Standard Chinese": "Mandarin",
    "Putonghua": "Mandarin",
    "Standard Taiwanese Mandarin": "Mandarin",
    "Yue Chinese": "Cantonese",
    "Modern Greek": "Greek",
    "Modern Hebrew": "Hebrew",
    "Kurdish language": "Kurdish",
    "Neapolitan language": "Neapolitan",
    "Egyptian language": "Egyptian",
    "Flemish Dutch": "Dutch",
    "Quebec French": "French",
    "Swiss German": "German",
    "Brazilian Portuguese": "Portuguese",
    "Egyptian Arabic": "Arabic",
    "Moroccan Arabic": "Arabic",
    "Classical Arabic": "Arabic",
    "Bangla": "Bengali",
    "Tagalog": "Filipino",
    "parseltongue": "",  # not a language that anybody would ask for
    "artistic language": "",
    "multiple languages": "",
}

_FILMS = """
SELECT imdbID, Title, Year, Genre, Director, "Cast", Country, Language, Runtime, omdb.Rating AS Age, Oscars,
       Meter, Metacritic, Reviews
FROM omdb JOIN tomatoes USING (ID)
WHERE Reviews >= ? AND Meter IS NOT NULL AND imdbID <> '' AND Title <> '' AND Year IS NOT NULL
  AND Genre <> '' AND Director <> ''
ORDER BY Reviews DESC, imdbID, omdb.ID
"""


@dataclass(frozen=True)
class Film:
    """One row of items.csv; the fields are its columns."""

    item_id: str
    title: str
    year: int
    genres: tuple[str, ...]
    directors: tuple[str, ...]
    cast: tuple[str, ...]
    countries: tuple[str, ...]
    languages: tuple[str, ...]
    minutes: int | None
    age_rating: str
    score: int
    reviews: int
    oscars: int
    imdb_id: str


def build_films(db: Path, out: Path) -> int:
    """Write ``out/items.csv``, best known film first, and return how many films it holds.

    ``db``: the wheel's movies.db. ``out/billing.csv``, when it is there, names who is billed first in a film, and the
    voices of animated ones, which the source does not know. The same files always give the same bytes.

    Raises:
        BadInput: no such database, not the one of the wheel, or a billing file that can't be read.
    """
    billing = _billing(out / "billing.csv")
    rows = _rows(db)
    scores = combined_scores([(row["Meter"], row["Metacritic"], row["Reviews"]) for row in rows])
    films = _distinct(_film(row, score) for row, score in zip(rows, scores, strict=True))
    films = [film for film in _billed(films, billing) if film.genres and film.cast]
    out.mkdir(parents=True, exist_ok=True)
    fresh = out / "items.csv.new"
    with fresh.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Film))
        writer.writerows(map(_cells, films))
    fresh.replace(out / "items.csv")
    return len(films)


def combined_scores(rows: Sequence[tuple[int, int | None, int]]) -> list[int]:
    """Scores of 0 to 100 from (Tomatometer, Metacritic or None, number of reviews).

    The score is the mean of both figures; a missing Metacritic counts as the one to expect from the Tomatometer (least
    squares over the films with both). Then it is drawn towards the average film, the more the fewer reviews there
    are: a Bayesian average, so three reviews of 100 % don't beat a classic with a hundred.
    """
    meter, critic, reviews = (np.array([row[i] for row in rows], dtype=np.float64) for i in range(3))
    both = ~np.isnan(critic)
    if both.sum() > 1:
        slope, offset = np.polyfit(meter[both], critic[both], 1)
        critic = np.where(both, critic, slope * meter + offset)
    score = np.where(np.isnan(critic), meter, (meter + critic) / 2)
    drawn = (reviews * score + PRIOR_REVIEWS * score.mean()) / (reviews + PRIOR_REVIEWS)
    return [int(value) for value in np.clip(np.rint(drawn), 0, 100)]


def tidy_title(title: str) -> str:
    """Without the source's own disambiguation ("Upside Down (2012 film)") and doubled spaces."""
    return " ".join(re.sub(r" \((\d{4} )?film\)$", "", title).split())


def tidy_genres(genres: Iterable[str]) -> tuple[str, ...]:
    """Canonical genres in the source's order, without the two that it gives away too freely."""
    found = tidy(genres, GENRES)
    if NOT_HISTORY.intersection(found):
        found = tuple(genre for genre in found if genre != "History")
    if len(found) > BROAD_AMONG:
        found = tuple(genre for genre in found if genre != "Drama")
    return found


def tidy_people(names: str) -> tuple[str, ...]:
    """Names of a comma-separated text: "George Tillman, Jr." is one, peerages and list articles are none."""
    names = re.sub(r",? (Jr\.?|Sr\.?|I{2,3})(?=,|$)", r" \1", names)
    parts = (" ".join(re.sub(r"\([^)]*\)", "", part).split()) for part in names.split(","))
    return tidy((part for part in parts if not re.match(r"\d+(st|nd|rd|th) |list of ", part)), {})


def tidy(values: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """Each value once, under its everyday name; values that are named "" go."""
    return tuple(dict.fromkeys(name for name in (names.get(value, value) for value in values) if name))


def _rows(db: Path) -> list[sqlite3.Row]:
    if not db.is_file():
        raise BadInput(f"{db}: no such file; it comes with the package bokeh-sampledata")
    try:
        with closing(sqlite3.connect(f"{db.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(_FILMS, (MIN_REVIEWS,)).fetchall()
    except sqlite3.Error as error:
        raise BadInput(f"{db}: not the films database of bokeh-sampledata: {error}") from None


def _film(row: sqlite3.Row, score: int) -> Film:
    minutes = int(row["Runtime"] or 0)
    return Film(
        item_id=row["imdbID"],
        title=tidy_title(row["Title"]),
        year=int(row["Year"]),
        genres=tidy_genres(_split(row["Genre"])),
        directors=tidy_people(row["Director"]),
        cast=tidy_people(row["Cast"] or ""),
        countries=tidy(_split(row["Country"]), COUNTRIES),
        languages=tidy(_split(row["Language"]), LANGUAGES),
        minutes=minutes if minutes >= MIN_MINUTES else None,
        age_rating=AGE_RATINGS.get(row["Age"], row["Age"] or ""),
        score=score,
        reviews=int(row["Reviews"]),
        oscars=int(row["Oscars"] or 0),
        imdb_id=row["imdbID"],
    )


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _distinct(films: Iterable[Film]) -> list[Film]:
    """One film for an IMDb id, and one for a title and year: the first, which has the most reviews."""
    kept: list[Film] = []
    taken: set[object] = set()
    for film in films:
        keys = {film.imdb_id, (film.title.casefold(), film.year)}
        if not keys & taken:
            kept.append(film)
            taken |= keys
    return kept


def _billing(path: Path) -> dict[str, tuple[str, ...]]:
    """IMDb id -> names billed first, from a CSV file with the columns imdb_id and cast."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if not {"imdb_id", "cast"} <= set(rows.fieldnames or ()):
            raise BadInput(f"{path}:1: the header must name imdb_id and cast")
        return {row["imdb_id"]: tuple(filter(None, (row["cast"] or "").split("|"))) for row in rows}


def _billed(films: Sequence[Film], billing: Mapping[str, tuple[str, ...]]) -> list[Film]:
    """Cast and directors cut to those billed first and then the best known; the source lists them by the alphabet.

    How well known: the reviews of a person's films, each shared out among those named with them, so that a hundred
    bit parts don't make a star.
    """

    def best(column: str, film: Film, most: int) -> tuple[str, ...]:
        billed = billing.get(film.imdb_id, ()) if column == "cast" else ()
        by_fame = sorted(getattr(film, column), key=lambda name: (-fame[column][name], name))
        return tuple(dict.fromkeys((*billed, *by_fame)))[:most]

    fame = {column: _fame(films, column) for column in ("cast", "directors")}
    return [
        replace(film, cast=best("cast", film, MAX_CAST), directors=best("directors", film, MAX_DIRECTORS))
        for film in films
    ]


def _fame(films: Iterable[Film], column: str) -> Mapping[str, float]:
    known: defaultdict[str, float] = defaultdict(float)
    for film in films:
        names = getattr(film, column)
        for name in names:
            known[name] += film.reviews / len(names)
    return known


def _cells(film: Film) -> list[str | int | None]:
    return ["|".join(value) if isinstance(value, tuple) else value for value in astuple(film)]
