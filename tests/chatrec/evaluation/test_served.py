"""A model on somebody else's items file: its signals join the blend where they help, and are left out where not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chatrec.evaluation.history import fit_hybrid, make_log
from chatrec.evaluation.served import catalog_of, model_signals
from chatrec.fusion import Fusion
from chatrec.knowledge import learn_knowledge
from chatrec.model import Learnt, Model
from tests.chatrec.small_tower import DIM, small_tower

ROWS = {
    "1": {"title": "Heat (1995)", "genres": "Crime|Drama"},
    "2": {"title": "Ran", "genres": "", "year": "1985"},
    "3": {"title": ""},
}
FUSED = Fusion({"alike": 1.0, "shared": 1.0})


class Letters:
    """An encoder of the small tower's width: what letters a text has."""

    name, dimensions = "letters", DIM

    def encode(self, texts):
        rows = np.array([[text.lower().count(chr(97 + n)) + 0.1 for n in range(DIM)] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def log_of(histories, rows):
    events = [(str(u), str(i), float(t), 4.0) for u, h in enumerate(histories) for t, i in enumerate(h)]
    return make_log(events, {item: row.get("title") or item for item, row in rows.items()})


def tastes(users: int = 80):
    """Each user takes films of one of four genres, in a random order."""
    rng = np.random.default_rng(0)
    rows = {str(i): {"title": f"Film {i} (199{i % 10})", "genres": "ABCD"[i // 10]} for i in range(40)}
    return log_of([u % 4 * 10 + rng.permutation(10)[:6] for u in range(users)], rows), rows


def nothing(items: int):
    return lambda known: lambda histories: np.zeros((len(histories), items), dtype=np.float32)


def model(learnt: bool = True) -> Model:
    return Model("small", small_tower(), Learnt(learn_knowledge(), FUSED, FUSED) if learnt else None)


def test_a_foreign_file_becomes_a_catalogue() -> None:
    log = log_of([[1, 2, 3], [3, 1, 99]], ROWS)
    catalog = catalog_of(log, ROWS)
    assert tuple(item.item_id for item in catalog.items) == log.items == ("1", "2", "3", "99")
    assert [catalog.heading(item) for item in catalog.items] == ["Heat (1995)", "Ran (1985)", "3", "99"]
    assert catalog.items[0].attributes["genres"] == ("Crime", "Drama") and "genres" not in catalog.items[1].attributes


@pytest.mark.parametrize("learnt", [True, False])
def test_the_models_signals_find_tastes(tmp_path: Path, learnt: bool) -> None:
    log, rows = tastes()
    fits = model_signals(model(learnt), catalog_of(log, rows), Letters(), tmp_path)
    scores = fits["fusion"](log.known(1))(log.known(1))
    own = np.arange(40) // 10 == np.arange(80)[:, None] % 4
    assert scores[own].mean() > scores[~own].mean()
    batch = fits["tower"](log.known(1))(log.known(1)[:3])
    assert batch.shape == (3, 40) and np.abs(batch).max() <= 1.001


def test_what_helps_joins_and_what_is_noise_stays_out(tmp_path: Path) -> None:
    log, rows = tastes()
    fusion = model_signals(model(), catalog_of(log, rows), Letters(), tmp_path)["fusion"]
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(1000, 40)).astype(np.float32)
    offered = {"fusion": fusion, "noise": lambda known: lambda histories: noise[: len(histories)]}
    hybrid = fit_hybrid(log, {"nothing": nothing(40)}, offered=offered)
    assert hybrid.blend.names == ("nothing", "fusion") and tuple(hybrid.signals) == ("nothing", "fusion")


def test_nothing_is_counted_in_what_comes_after(tmp_path: Path) -> None:
    log, rows = tastes()
    fit = model_signals(model(), catalog_of(log, rows), Letters(), tmp_path)["fusion"]
    later = log_of([[*h[:-1], (h[-1] + 10) % 40] for h in log.histories], rows)
    assert np.array_equal(fit(log.known(1))(log.known(1)), fit(later.known(1))(later.known(1)))
