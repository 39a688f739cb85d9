"""Ratings from a file become events, all of them or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatrec.errors import BadInput
from chatrec.types import Event


def ratings(folder: Path, *lines: str) -> Path:
    file = folder / "ratings.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
    return file


@pytest.mark.parametrize("header", ["userId,movieId,rating,timestamp", "userId,item_id,rating,timestamp"])
def test_ratings_become_events_of_their_users(store, tmp_path, header):
    file = ratings(tmp_path, header, "7,alien,4.5,1000", "7,brazil,2,900", "8,alien,0.5,1100")
    assert store.import_events(file, "movies") == 3
    user = store.find_user("7")
    assert store.events(user) == (Event("brazil", "rating", 900.0, 2.0), Event("alien", "rating", 1000.0, 4.5))


def test_importing_again_adds_only_what_is_new(store, tmp_path):
    header, rows = "userId,movieId,rating,timestamp", [f"{n % 50},{n},3.5,{n}" for n in range(2_500)]
    assert store.import_events(ratings(tmp_path, header, *rows), "movies") == 2_500
    assert store.import_events(ratings(tmp_path, header, *rows, *rows, "1,9999,5,5"), "movies") == 1
    assert store.import_events(ratings(tmp_path, header, *rows), "other") == 2_500


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("7,alien,6,1000", "rating '6'"),
        ("7,alien,nan,1000", "rating 'nan'"),
        ("7,alien,good,1000", "rating 'good'"),
        ("7,alien,4,yesterday", "timestamp 'yesterday'"),
        ("7,,4,1000", "item is empty"),
        ("7,alien", "rating is empty"),
        ('7,"alien,4,1000', "not CSV"),
        ("7,\udcff,4,1000", "not UTF-8"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line_and_nothing_is_stored(store, tmp_path, row, problem, cells):
    good = [f"7,{n},4,{n}" for n in range(1_500)]
    file = ratings(tmp_path, "userId,movieId,rating,timestamp", *good, row)
    with pytest.raises(BadInput) as caught:
        store.import_events(file, "movies")
    assert str(caught.value).startswith(f"{file}:1502: ") and problem in str(caught.value)
    assert not [table for table, _ in cells() if table in ("users", "events")]


@pytest.mark.parametrize("content", [b"", b"userId,rating,timestamp\n", b"\xff\xfe\x00", b"who,what\n1,2\n"])
def test_a_file_that_holds_no_ratings_is_refused(store, tmp_path, content):
    file = tmp_path / "ratings.csv"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=str(file)):
        store.import_events(file, "movies")
    with pytest.raises(BadInput, match="nowhere.csv"):
        store.import_events(tmp_path / "nowhere.csv", "movies")
