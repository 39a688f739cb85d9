"""The public sets under the catalogue's ids: what it lacks is left out, and a fifth of the dialogues stays apart."""

from __future__ import annotations

import json
from types import SimpleNamespace

from benchmarks import joined

CATALOG = SimpleNamespace(items=[SimpleNamespace(item_id="tt0000001"), SimpleNamespace(item_id="tt0000002")])


def test_ratings_take_imdb_ids_and_lose_what_has_none(tmp_path):
    (tmp_path / "links.csv").write_text("movieId,imdbId,tmdbId\n7,1,\n8,9,\n")
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,7,4.0,10\n1,8,5.0,11\n2,99,1.0,12\n")
    rows = [tuple(row.values()) for row in joined.ratings(tmp_path)]
    assert rows == [("1", "tt0000001", "4.0", "10"), ("1", "tt0000009", "5.0", "11")]


def test_dialogues_take_the_ids_too_and_none_is_of_the_fifth_held_out(tmp_path):
    (tmp_path / "catalog.csv").write_text("item_id,title,imdb_id\nm1,A,tt0000001\nm2,B,tt0000002\nm3,C,tt0000009\n")
    cases = [
        {"case_id": f"{n}:1", "turns": [], "mentioned": ["m3", "m2"], "speaker": "bot", "targets": ["m1", "m3"]}
        for n in range(200)
    ]
    lost = {"case_id": "900:1", "turns": [], "mentioned": [], "speaker": "bot", "targets": ["m3"]}
    (tmp_path / "fit.jsonl").write_text("\n".join(map(json.dumps, [*cases, lost])))
    found = list(joined.dialogues(tmp_path, CATALOG))
    assert 130 < len(found) < 190  # about four fifths of 200
    assert {(*case["mentioned"], *case["targets"]) for case in found} == {("tt0000002", "tt0000001")}
    assert not any(map(joined.held_out, found))


def test_all_turns_of_a_dialogue_are_held_out_or_none():
    assert all(joined.held_out({"case_id": f"{n}:1"}) == joined.held_out({"case_id": f"{n}:9"}) for n in range(100))
