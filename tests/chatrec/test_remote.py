"""The ranker with its language model elsewhere: the same scores to the last bit, and lists when nobody is there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from small_films import encoder, films
from small_tower import ASKED, DIM, ITEMS, small_lm, vectors

from chatrec import promotion
from chatrec.bootstrap import Live
from chatrec.candidates import CandidateGenerator
from chatrec.errors import BadInput, ModelDown, ModelMissing
from chatrec.model import Model
from chatrec.rank import KeepOrder
from chatrec.recommender import Recommender
from chatrec.remote import Reader, RemoteTower, packed, trouble
from chatrec.resilient import Resilient
from chatrec.settings import Settings
from chatrec.tower import HEADS, QueryTower, TowerConfig, load_tower, new_tower
from chatrec.types import Event, Query, Reading, Turn

STANCES = ("like", "dislike", "seen", "mention")
READINGS = [
    Reading(
        " ".join(("user: show me", *ASKED[: n % 12], "please")),
        tuple(((n + i) % ITEMS, STANCES[i % 4]) for i in range(n % 7)),
    )
    for n in range(48)
]
FILMS = films()


@dataclass
class FarSide:
    """What replicas are to whoever asks, over HTTP, without Ray. ``gate``: while it is closed, nobody is answered."""

    url: str = ""
    readers: dict[str, Reader] = field(default_factory=dict)
    gate: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    side: FarSide

    def do_GET(self) -> None:
        self._send(200 if self.path[1:] in self.side.readers else 404, "ok")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.side.gate.wait(5)
        [answer] = self.side.readers[self.path[1:]].read([body])
        self._send(400, str(answer)) if isinstance(answer, BadInput) else self._send(200, answer)

    def _send(self, status: int, answer: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[FarSide]:
    side = FarSide()
    side.gate.set()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"side": side})) as server:
        side.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield side
        server.shutdown()
        thread.join()


@pytest.fixture
def far() -> Iterator[FarSide]:
    with serving() as side:
        yield side


def saved(folder: Path, width: int) -> tuple[Path, Settings]:
    """A small ranker, and the settings of its language model."""
    settings = small_lm(folder / "lm")
    tower = new_tower(settings, TowerConfig(layers=2, tokens=16, items=4, encoder_dim=width, dim=DIM))
    tower.save(folder / "small")
    return folder / "small", settings


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> tuple[Path, Settings]:
    return saved(tmp_path_factory.mktemp("small"), DIM)


def test_scores_are_those_of_the_ranker_in_the_process_to_the_last_bit(small, far):
    folder, settings = small
    far.readers["small"] = Reader(folder, settings)
    here = QueryTower(load_tower(folder, settings), vectors())
    there = QueryTower(RemoteTower(folder, replace(settings, ranker=far.url)), vectors())
    expected, rows = [here.score(reading) for reading in READINGS], np.array([3, 1, ITEMS - 1])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(there.score, READINGS))
    np.testing.assert_array_equal(found, expected)
    assert np.std(expected, axis=0).min() > 0.01
    np.testing.assert_array_equal(there.score_some(READINGS[5], rows), here.score_some(READINGS[5], rows))


def test_who_else_is_read_in_the_pass_changes_nothing(small):
    reader = Reader(*small)
    bodies = [packed(reading, torch.from_numpy(vectors()), 4) for reading in READINGS]
    alone = [reader.read([body])[0] for body in bodies]
    assert reader.read(bodies) == alone
    assert reader.read(bodies[::-1]) == alone[::-1]


GOOD = packed(READINGS[9], torch.from_numpy(vectors()), 4)
BAD = {
    "a list": [1],
    "nothing": {},
    "no text": {**GOOD, "text": 3},
    "no list of stances": {**GOOD, "stances": 3},
    "stances that nobody has": {**GOOD, "stances": ["love"] * len(GOOD["stances"])},
    "stances of another kind": {**GOOD, "stances": [["like"]] * len(GOOD["stances"])},
    "fewer stances than vectors": {**GOOD, "stances": GOOD["stances"][1:]},
    "half a number": {**GOOD, "vectors": GOOD["vectors"][:-4]},
    "no base64": {**GOOD, "vectors": "ä"},
}


@pytest.mark.parametrize("bad", BAD)
def test_a_request_that_is_none_is_told_so_and_spoils_nobody_elses(small, bad):
    reader = Reader(*small)
    first, refused, last = reader.read([GOOD, BAD[bad], GOOD])
    assert first == last == reader.read([GOOD])[0]
    assert isinstance(refused, BadInput) and "\n" not in str(refused)


def test_a_folder_without_a_ranker_is_a_missing_model(tmp_path, small):
    with pytest.raises(ModelMissing):
        RemoteTower(tmp_path, small[1])
    for name in ("tower.json", HEADS):
        (tmp_path / name).write_bytes((small[0] / name).read_bytes())
    RemoteTower(tmp_path, small[1])
    (tmp_path / HEADS).write_bytes((small[0] / HEADS).read_bytes()[:1000])
    with pytest.raises(ModelMissing):
        RemoteTower(tmp_path, small[1])


QUERY = Query("films", (Turn("user", "show me one"),), history=(Event("alien", "like", 1.0),), n=3)


@pytest.fixture
def resilient(tmp_path, far) -> Resilient:
    """Films, whose ranker is on the far side."""
    folder, settings = saved(tmp_path, encoder().dimensions)
    far.readers["small"] = Reader(folder, settings)
    tower = RemoteTower(folder, replace(settings, ranker=far.url, rank_seconds=0.5))
    generator = CandidateGenerator(FILMS, encoder(), tmp_path)
    whole = Recommender(FILMS, generator, Model("small", tower).ranker(generator), "small")
    return Resilient(whole, replace(whole, ranker=KeepOrder(), model="candidates"), 0.5)


def test_lists_are_the_far_sides_and_without_it_the_candidates_in_time(resilient, far, caplog):
    assert resilient.recommend(QUERY).model == "small"
    reader = far.readers.pop("small")
    asked = replace(QUERY, turns=(Turn("user", "two"),))  # the last query is remembered
    with pytest.raises(ModelDown, match=far.url):
        resilient.whole.recommend(asked)
    lost = resilient.recommend(asked)
    assert (lost.model, lost.items) == ("candidates", resilient.plain.recommend(asked).items)
    assert "the model is away" in caplog.text
    far.readers["small"] = reader
    assert resilient.recommend(asked).model == "small"


def test_a_far_side_that_hangs_leaves_the_candidates_in_time_and_is_asked_again_after_it(resilient, far):
    far.gate.clear()
    began = time.monotonic()
    assert resilient.recommend(QUERY).model == "candidates"
    assert time.monotonic() - began < 2
    far.gate.set()
    deadline = time.monotonic() + 5
    while resilient.recommend(QUERY).model != "small":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_whether_a_model_is_to_be_had_is_told_in_a_line(small, far):
    assert trouble(far.url, "small") == f"{far.url}/small answers 404"
    far.readers["small"] = Reader(*small)
    assert trouble(f"{far.url}/", "small") == ""
    assert trouble("http://127.0.0.1:9", "small") == "http://127.0.0.1:9/small: ConnectError"


TEAS = """
name = "teas"
noun = "tea"
plural = "teas"
[columns]
id = "item_id"
title = "title"
[slots.kind]
type = "tags"
columns = ["kinds"]
"""


@pytest.fixture
def home(tmp_path, far) -> Settings:
    """An installation with three teas and two rankers, of which the first is in service."""
    folder = tmp_path / "data" / "catalogs" / "teas"
    folder.mkdir(parents=True)
    (tmp_path / "data" / "languages").mkdir()
    (folder / "schema.toml").write_text(TEAS)
    (folder / "items.csv").write_text("item_id,title,kinds\nt1,Sencha,Green\nt2,Assam,Black\nt3,Earl Grey,Black\n")
    models = tmp_path / "models" / "recommender"
    for name in ("first", "second"):
        made, settings = saved(tmp_path / name, encoder().dimensions)
        models.mkdir(parents=True, exist_ok=True)
        made.rename(models / name)
    promotion.promote(models, "first")
    var = tmp_path / "var"
    return replace(settings, root=tmp_path, var=var, cache=var, db=f"sqlite:///{var / 'db'}", ranker=far.url)


def test_a_server_starts_without_its_ranker_and_uses_it_as_soon_as_it_is_there(home, far):
    live = Live(home)
    query = Query("teas", (Turn("user", "a black tea"),))
    assert live.trouble() == f"{far.url}/first answers 404"
    assert live.engine.recommender("teas").recommend(query).model == "candidates"
    far.readers["first"] = Reader(home.models / "first", home)
    assert live.trouble() == ""
    assert live.engine.recommender("teas").recommend(query).model == "first"


def test_a_model_that_is_promoted_serves_once_the_far_side_has_it(home, far):
    far.readers["first"] = Reader(home.models / "first", home)
    live = Live(home)
    before = live.engine
    promotion.promote(home.models, "second")
    assert not live.refresh() and live.engine is before
    assert live.trouble() == f"{far.url}/second answers 404"
    far.readers["second"] = Reader(home.models / "second", home)
    assert live.refresh()
    query = Query("teas", (Turn("user", "a black tea"),))
    assert live.engine.recommender("teas").recommend(query).model == "second"
    assert before.recommender("teas").recommend(query).model == "first"  # a turn that began before
