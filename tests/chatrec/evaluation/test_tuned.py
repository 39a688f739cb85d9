"""Fit dialogues add to a model what it has not heard, and nothing that it was trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_films import encoder, films
from small_tower import small_lm

from chatrec.encoder import Remembering
from chatrec.evaluation.dialogues import Case, query_of
from chatrec.evaluation.tuned import scorer
from chatrec.fusion import Fusion
from chatrec.knowledge import learn_knowledge
from chatrec.learning import SIGNALS, fingerprint
from chatrec.model import Learnt, Model
from chatrec.settings import Settings
from chatrec.tower import TowerConfig, new_tower
from chatrec.types import Turn

FILMS = films()
SAID = (Turn("user", "something like alien"),)
TALK = [Case(f"{n}:1", SAID, ("alien",), "bot", ("heat",)) for n in range(24)]
ASKED = query_of(Case("new:1", SAID, ("alien",), "bot", ("heat",)), FILMS, new=True)


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    return replace(small_lm(tmp_path_factory.mktemp("lm")), cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def model(settings) -> Model:
    """Knows nothing, and would rank by newness alone."""
    tower = new_tower(settings, TowerConfig(layers=1, encoder_dim=encoder().dimensions))
    fusion = Fusion({name: float(name == "new") for name in SIGNALS}, np.zeros((len(SIGNALS), len(SIGNALS))))
    return Model("small", tower, Learnt(learn_knowledge(), fusion, fusion))


def place(model: Model, fit: list[Case], settings: Settings) -> int:
    """Of Heat, which every dialogue names after Alien."""
    order = scorer(model, fit, FILMS, Remembering(encoder()), settings)(ASKED)
    return order.tolist().index(FILMS.index("heat"))


def test_what_other_dialogues_name_next_comes_first(model, settings):
    assert place(model, [], settings) > 0
    assert place(model, TALK, settings) == 0


def test_dialogues_that_the_model_was_trained_on_are_not_counted_again(model, settings):
    heard = learn_knowledge(heard=map(fingerprint, TALK))
    trained = replace(model, learnt=replace(model.learnt, knowledge=heard))
    assert place(trained, TALK, settings) == place(trained, [], settings) > 0


def test_a_model_that_learnt_nothing_beside_its_tower_learns_from_the_fit_dialogues(model, settings):
    bare = replace(model, learnt=None)
    assert place(bare, TALK, settings) == 0
    assert len(scorer(bare, [], FILMS, Remembering(encoder()), settings)(ASKED)) == len(FILMS) - 1


def test_an_encoder_that_remembers_encodes_no_text_twice():
    seen = []

    class Counting:
        name, dimensions = "counting", 2

        def encode(self, texts):
            seen.extend(texts)
            return np.array([[len(text), 1.0] for text in texts]).reshape(-1, 2)

    remembering = Remembering(Counting())
    assert remembering.encode(["a", "bb", "a"]).tolist() == [[1, 1], [2, 1], [1, 1]]
    assert remembering.encode(["bb"]).tolist() == [[2, 1]]
    assert remembering.encode([]).shape == (0, 2)
    assert seen == ["a", "bb"]
