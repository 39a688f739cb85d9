"""Texts become unit vectors, and those of a catalogue are computed once."""

from __future__ import annotations

import importlib.util
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_films import ROWS, encoder

from chatrec.encoder import PACKAGE, encode_items, load_encoder
from chatrec.errors import ModelMissing

TEXTS = [row[0] for row in ROWS.values()]


def saved(cache: Path) -> Path:
    """The one file of the cache; nothing unfinished lies beside it."""
    (path,) = cache.iterdir()
    return path


def test_rows_have_length_one_and_are_float32():
    rows = encoder().encode(["a heist", "", "a love story set in Paris " * 50])
    assert rows.shape == (3, encoder().dimensions)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)


def test_rows_keep_the_order_of_the_texts():
    texts = ["short", "a much longer text about a robbery in Los Angeles", "two words"]
    alone = np.concatenate([encoder().encode([text]) for text in texts])
    np.testing.assert_allclose(encoder().encode(texts), alone, atol=1e-5)


def test_no_texts_are_no_rows():
    assert encoder().encode([]).shape == (0, encoder().dimensions)


def test_texts_of_like_meaning_are_closer_than_others():
    space, ship, cake = encoder().encode(["a film about space travel", "astronauts on a spaceship", "a cake recipe"])
    assert space @ ship > space @ cake + 0.2


@pytest.mark.parametrize(
    "text", ["naïve café à Zürich", "🎬🍿", "映画 фильм فيلم", "word " * 2000, "x" * 10_000, "\ud83d"]
)
def test_any_text_has_a_vector(text):
    """Accents, emoji, other scripts, 10,000 characters, half a surrogate pair."""
    assert np.isfinite(encoder().encode([text])).all()


def test_threads_get_what_one_caller_gets():
    expected, found = encoder().encode(TEXTS), [None] * 4

    def work(slot: int) -> None:
        found[slot] = encoder().encode(TEXTS)

    threads = [threading.Thread(target=work, args=(slot,)) for slot in range(len(found))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert all(np.allclose(rows, expected, atol=1e-5) for rows in found)


def test_the_vectors_of_a_catalogue_are_those_of_its_texts_in_their_order(tmp_path):
    """Batches are made by length, and may be computed in bfloat16: a cosine moves by less than 0.004."""
    texts = ["a film " * n for n in (40, 1, 20, 3)] + TEXTS
    rows = encode_items(encoder(), texts, tmp_path)
    assert rows.dtype == np.float32
    assert (rows * encoder().encode(texts)).sum(axis=1).min() > 0.99


def test_vectors_on_disk_are_read_and_not_computed_again(tmp_path):
    """Other numbers put into the file come back: nothing is encoded."""
    rows = encode_items(encoder(), TEXTS, tmp_path / "new" / "folder")
    np.save(saved(tmp_path / "new" / "folder"), rows[::-1])
    np.testing.assert_array_equal(encode_items(encoder(), TEXTS, tmp_path / "new" / "folder"), rows[::-1])


def test_other_texts_or_another_order_are_computed_anew(tmp_path):
    rows = encode_items(encoder(), TEXTS, tmp_path)
    np.testing.assert_allclose(encode_items(encoder(), TEXTS[::-1], tmp_path), rows[::-1], atol=0.02)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:50],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: b"PK\x03\x04" + raw,
        lambda raw: raw.replace(b"{'descr'", b"{('descr"),
        lambda raw: raw.replace(b"<f4", b"<i4"),
    ],
    ids=["empty", "half a header", "half the rows", "a zip file", "a broken header", "another type"],
)
def test_a_damaged_file_is_computed_and_written_again(tmp_path, damage):
    rows = encode_items(encoder(), TEXTS, tmp_path)
    path = saved(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    np.testing.assert_array_equal(encode_items(encoder(), TEXTS, tmp_path), rows)
    np.testing.assert_array_equal(np.load(saved(tmp_path)), rows)


def test_a_missing_encoder_is_one_line_that_names_the_setting(settings):
    with pytest.raises(ModelMissing, match="CHATREC_ENCODER") as failure:
        load_encoder(replace(settings, encoder="/no/such/folder"))
    assert "\n" not in str(failure.value)


def test_a_folder_without_weights_is_a_missing_encoder(settings, tmp_path):
    with pytest.raises(ModelMissing, match="CHATREC_ENCODER"):
        load_encoder(replace(settings, encoder=str(tmp_path)))


def test_damaged_weights_are_a_missing_encoder(settings, tmp_path):
    folder = tmp_path / "encoder"
    shutil.copytree(Path(importlib.util.find_spec(PACKAGE).submodule_search_locations[0]) / "model", folder)
    (folder / "model.safetensors").write_bytes(b"not weights " * 100)
    with pytest.raises(ModelMissing, match="CHATREC_ENCODER"):
        load_encoder(replace(settings, encoder=str(folder)))


@pytest.mark.slow
@pytest.mark.alone
def test_the_vectors_of_the_shipped_films_are_read_within_a_second(movies, settings):
    texts = [movies.describe(item) for item in movies.items]
    encode_items(encoder(), texts, settings.cache)
    start = time.perf_counter()
    assert encode_items(encoder(), texts, settings.cache).shape == (len(movies), encoder().dimensions)
    assert time.perf_counter() - start < 1
