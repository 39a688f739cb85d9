"""Behaviour from a file: ``userId,movieId,rating,timestamp``, as MovieLens writes it."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from chatrec.errors import BadInput
from chatrec.types import Event

_COLUMNS = {
    "user": ("userId", "user_id"),
    "item": ("item_id", "movieId"),
    "rating": ("rating",),
    "timestamp": ("timestamp",),
}


def read_ratings(path: Path) -> Iterator[tuple[str, Event]]:
    """The ratings of a CSV file with a header, one ``(user id of the file, event)`` a row, in the file's order.

    Ratings are 0.5 to 5 stars, timestamps seconds since 1970, UTC.

    Raises:
        BadInput: starting with ``file:line:``, at the row that can't be used.
    """
    try:
        with Path(path).open("rb") as file:
            # Decoded line by line, so that a wrong byte has a line number.
            reader = csv.DictReader((line.decode("utf-8-sig") for line in file), strict=True)
            columns = _columns(path, reader.fieldnames or ())
            for row in reader:
                yield _rating(f"{path}:{reader.line_num}", {role: row[name] for role, name in columns.items()})
    except OSError as error:
        raise BadInput(f"{path}: can't read it: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}:{reader.line_num + 1}: not UTF-8; save the file as UTF-8") from None
    except csv.Error as error:
        raise BadInput(f"{path}:{reader.line_num + 1}: not CSV: {error}") from None


def _columns(path: Path, header: Sequence[str]) -> dict[str, str]:
    found = {}
    for role, names in _COLUMNS.items():
        name = next((name for name in names if name in header), None)
        if name is None:
            raise BadInput(f"{path}:1: no column {' or '.join(names)}; the header needs user, item, rating, timestamp")
        found[role] = name
    return found


def _rating(place: str, row: Mapping[str, str | None]) -> tuple[str, Event]:
    for role, value in row.items():
        if not (value or "").strip():
            raise BadInput(f"{place}: {role} is empty")
    stars = _number(place, "rating", row["rating"])
    if not 0.5 <= stars <= 5:
        raise BadInput(f"{place}: rating {row['rating']!r} isn't between 0.5 and 5")
    at = _number(place, "timestamp", row["timestamp"])
    return row["user"].strip(), Event(row["item"].strip(), "rating", at, stars)


def _number(place: str, role: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadInput(f"{place}: {role} {value!r} isn't a number")
    return number
