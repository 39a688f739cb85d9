"""A model brings what it learnt beside the tower; a catalogue it knows nothing of is ranked by weights set by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_films import encoder, films
from small_tower import small_lm

from chatrec.candidates import FusionWeights, positions
from chatrec.catalog import Catalog
from chatrec.errors import BadInput
from chatrec.fusion import Fusion
from chatrec.knowledge import learn_knowledge
from chatrec.learning import SIGNALS
from chatrec.model import EXPOSURE, FAMILIAR, KNOWLEDGE, Learnt, Model
from chatrec.rank import FUSED, KeepOrder
from chatrec.tower import TowerConfig, new_tower
from chatrec.types import Constraint, Event, Item, Query, Turn

FILMS = films()
FUSION = Fusion(dict.fromkeys(SIGNALS, 1.0))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    settings = small_lm(tmp_path_factory.mktemp("lm"))
    tower = new_tower(settings, TowerConfig(layers=1, encoder_dim=encoder().dimensions))
    return Model("small", tower, Learnt(learn_knowledge(dialogues=[("alien", "heat")]), FUSION, FUSION))


def test_a_familiar_catalogue_is_ranked_by_what_was_learnt(model, tmp_path):
    assert 2 / len(FILMS) > FAMILIAR
    generator = model.generator(FILMS, encoder(), tmp_path)
    assert generator.fusion.weights == {**FUSION.weights, "rated": 1 - EXPOSURE}
    assert model.learnt.generator(FILMS, encoder(), tmp_path, exposure=0.0).fusion == FUSION
    assert model.ranker(generator).weight == FUSED
    assert "named" in generator.generate(Query("films"), 3).parts


def test_what_a_cosine_counts_is_learnt_by_a_tower_that_was_trained_beside_the_signals(model, tmp_path):
    generator = model.generator(FILMS, encoder(), tmp_path)
    tower = new_tower(small_lm(tmp_path / "lm"), replace(model.tower.config, lm="", beside=True))
    with torch.no_grad():
        tower.scale.fill_(math.log(7.0))
    assert replace(model, tower=tower).ranker(generator).weight == pytest.approx(7.0)


def test_who_says_nothing_is_served_by_weights_of_their_own(model, tmp_path):
    quiet = replace(model, learnt=replace(model.learnt, silence=Fusion({"named": 1.0})))
    generator = quiet.generator(FILMS, encoder(), tmp_path)
    wish, event = Constraint("genre", "is", ("Comedy",), soft=True), Event("alien", "like", 1.0)
    assert set(generator.generate(Query("films", history=(event,)), 3).parts) == {"named", "rated"}
    for said in (Query("films", (Turn("user", "robots"),)), Query("films", constraints=(wish,))):
        assert "dialogue" in generator.generate(said, 3).parts
    covered = Query("films", (Turn("user", "a film please"),), topic="")
    assert set(generator.generate(covered, 3).parts) == {"named", "rated"}
    quiet.learnt.save(tmp_path / "saved")
    assert Learnt.load(tmp_path / "saved").silence == Fusion({"named": 1.0})


def test_an_unknown_catalogue_keeps_the_weights_chosen_by_hand(model, tmp_path):
    teas = Catalog(FILMS.schema, tuple(Item(f"t{n}", f"Tea {n}", {"genres": ("Green",)}) for n in range(9)))
    generator = model.generator(teas, encoder(), tmp_path)
    assert generator.fusion is None
    assert generator.weights == FusionWeights()
    assert isinstance(model.ranker(generator), KeepOrder)


def test_of_equals_the_one_that_fewer_have_met_comes_first_and_causes_stay_what_they_are(model, tmp_path):
    """Nothing is learnt but who has met what: alien three people, heat one; wishes hold all the same."""
    met = [("1", "alien", 3.0), ("2", "alien", 3.0), ("3", "alien", 3.0), ("1", "heat", 3.0)]
    learnt = Learnt(learn_knowledge(met), Fusion({"rated": 0.0, "history": 1.0}), FUSION)
    even, plain = (learnt.generator(FILMS, encoder(), tmp_path, exposure) for exposure in (EXPOSURE, 0.0))
    places = positions(FILMS, ["alien", "heat"])
    fewer, more = plain.score(Query("films"), places) - even.score(Query("films"), places)
    assert (fewer, more) == pytest.approx((EXPOSURE * math.log(4), EXPOSURE * math.log(2)))
    liked = Query("films", history=(Event("aliens", "like", 1.0),), exclude=frozenset({"aliens"}))
    every = np.arange(len(FILMS))
    falls = [g.score(liked, every) - g.score(Query("films"), every) for g in (even, plain)]
    np.testing.assert_allclose(*falls, atol=1e-6)
    wish = Query("films", constraints=(Constraint("genre", "is", ("Horror",)),))
    assert set(even.generate(wish, 99).indices) == set(plain.generate(wish, 99).indices)


def test_what_is_saved_is_what_is_loaded_and_nothing_saved_is_nothing_learnt(model, tmp_path):
    assert Learnt.load(tmp_path) is None
    model.learnt.save(tmp_path)
    found = Learnt.load(tmp_path)
    assert found.knowledge.ids == ("alien", "heat")
    assert (found.requests, found.dialogues) == (FUSION, FUSION)
    (tmp_path / KNOWLEDGE).write_bytes(b"cut off")
    with pytest.raises(BadInput, match=r"knowledge\.npz: not a file of item neighbours"):
        Learnt.load(tmp_path)
