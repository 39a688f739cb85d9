"""Every example is used once an epoch and counts by its weight; figures are counted the strict way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_tower import ITEMS, small_tower, toy, vectors

from chatrec.training.adapt import METHODS, adapt
from chatrec.training.examples import Example
from chatrec.training.fit import Plan, World, batches, loss, optimiser, ranks, rate
from chatrec.types import Reading

PLAN = Plan(batch=8)


def test_every_example_comes_once_an_epoch_in_batches_of_one_catalogue():
    worlds = [toy(30, seed=1), replace(toy(21, seed=2), name="other")]
    found = list(batches(worlds, PLAN, 0))
    for world in worlds:
        mine = [e for w, part in found if w is world for e in part]
        assert Counter(mine) == Counter(world.examples)
    assert max(len(part) for _, part in found) == 8
    assert len(found) == 4 + 3


def test_the_order_changes_with_epoch_and_seed_and_with_nothing_else():
    worlds = [toy(40)]
    first = list(batches(worlds, PLAN, 0))
    assert list(batches(worlds, PLAN, 0)) == first
    assert list(batches(worlds, PLAN, 1)) != first != list(batches(worlds, replace(PLAN, seed=1), 0))


def test_the_rate_rises_for_a_twentieth_of_the_steps_and_then_falls_to_nothing():
    found = [rate(step, 100) for step in range(100)]
    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert all(a >= b for a, b in zip(found[4:], found[5:], strict=False))
    assert 0 < found[-1] < 0.01
    assert rate(0, 1) == 1.0


def test_the_loss_is_the_cross_entropy_weighted_by_example():
    world, tower = toy(2), small_tower()
    one, two = (float(loss(tower, world, [e], torch.tensor(0.0))) for e in world.examples)
    weighted = [replace(e, weight=w) for e, w in zip(world.examples, (3.0, 1.0), strict=True)]
    assert one != pytest.approx(two, abs=1e-3)
    assert float(loss(tower, world, weighted, torch.tensor(0.0))) == pytest.approx((3 * one + two) / 4, rel=1e-4)


def test_several_targets_count_alike():
    world, tower = toy(1), small_tower()
    (example,) = world.examples
    each, both = [replace(example, targets=(t,)) for t in (1, 2)], replace(example, targets=(1, 2))
    apart = [float(loss(tower, world, [e], torch.tensor(0.0))) for e in each]
    assert float(loss(tower, world, [both], torch.tensor(0.0))) == pytest.approx(sum(apart) / 2, rel=1e-4)


def test_the_prior_is_added_to_the_scores():
    prior = torch.zeros(ITEMS)
    prior[3] = 50.0
    world = replace(toy(1), prior=prior)
    example = Example(Reading("one"), (3,))
    assert float(loss(small_tower(), world, [example], torch.tensor(1.0))) == pytest.approx(0.0, abs=1e-3)
    assert float(loss(small_tower(), world, [example], torch.tensor(0.0))) > 1.0
    assert ranks(small_tower(), world, [example], 1.0).tolist() == [0]


def test_an_example_with_a_prior_of_its_own_is_scored_from_there():
    """What is ruled out takes no part, and popularity counts no more."""
    world, tower = replace(toy(1), prior=torch.full((ITEMS,), 9.0)), small_tower()
    only = np.full(ITEMS, -np.inf, dtype=np.float16)
    only[[3, 4]] = 0.0
    sure = only.copy()
    sure[3] = 60.0
    told = Reading("one two")
    logits = tower.scores(tower.queries([told], world.vectors), tower.items(world.vectors))[0].detach()
    wanted = float(-logits[[3, 4]].log_softmax(0)[0])
    assert float(loss(tower, world, [Example(told, (3,), prior=only)], torch.tensor(1.0))) == pytest.approx(wanted)
    assert float(loss(tower, world, [Example(told, (3,), prior=sure)], torch.tensor(1.0))) == pytest.approx(0, abs=1e-3)
    assert ranks(tower, world, [Example(told, (3,), prior=sure), Example(told, (4,), prior=sure)], 1.0).tolist() == [
        0,
        1,
    ]
    assert ranks(tower, world, [Example(told, (5,), prior=sure)], 1.0).tolist() == [ITEMS - 1]


def by_score(tower, world: World, reading: Reading) -> list[int]:
    with torch.inference_mode():
        return (
            tower.scores(tower.queries([reading], world.vectors), tower.items(world.vectors))[0]
            .argsort(descending=True)
            .tolist()
        )


def test_a_rank_is_that_of_the_best_target_without_what_was_mentioned():
    world, tower = toy(1), small_tower()
    plain = by_score(tower, world, Reading("one two"))
    assert ranks(tower, world, [Example(Reading("one two"), (plain[7], plain[4]))], 0.0).tolist() == [4]
    told = Reading("one two", ((plain[0], "like"),))
    order = [i for i in by_score(tower, world, told) if i != plain[0]]
    assert ranks(tower, world, [Example(told, (order[2],))], 0.0).tolist() == [2]


def test_ranks_do_not_depend_on_how_many_are_found_at_once():
    world, tower = toy(20), small_tower()
    np.testing.assert_array_equal(ranks(tower, world, world.examples, 0.0, 3), ranks(tower, world, world.examples, 0.0))
    assert len(ranks(tower, world, [], 0.0)) == 0


@pytest.mark.parametrize("scale", [-torch.inf, torch.nan], ids=["all items alike", "not a number"])
def test_a_model_that_tells_nothing_apart_finds_nothing(scale):
    world, tower = toy(5), small_tower()
    with torch.no_grad():
        tower.scale.fill_(scale)
    told = [replace(e, reading=Reading(e.reading.text)) for e in world.examples]
    assert set(ranks(tower, world, told, 0.0)) == {ITEMS - 1}


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_what_it_says_and_its_rate_is_the_bodys(method):
    tower = small_tower()
    before = {name: p.detach().clone() for name, p in tower.named_parameters()}
    tower.body = adapt(tower.body, method, 10)
    stepper = optimiser(tower, torch.nn.Parameter(torch.tensor(1.0)), PLAN)
    assert [group["lr"] for group in stepper.param_groups] == [PLAN.head_rate, PLAN.body_rate]
    assert sum(p.requires_grad for n, p in tower.named_parameters() if n.startswith("body.")) == len(
        stepper.param_groups[1]["params"]
    )
    world = World("toy", toy(8).examples, torch.from_numpy(vectors()), torch.zeros(ITEMS))
    for _ in range(3):
        stepper.zero_grad()
        loss(tower, world, world.examples, torch.tensor(0.0)).backward()
        stepper.step()
    after = {
        name.replace("base_model.model.", "").replace(".base_layer", ""): p for name, p in tower.named_parameters()
    }
    moved = {name for name, rows in before.items() if not torch.equal(rows, after[name])}
    assert {name for name in moved if not name.startswith("body.")} == {n for n in before if not n.startswith("body.")}
    assert bool({name for name in moved if name.startswith("body.")}) == (method == "full")
    assert "body.embed_tokens.weight" not in moved
