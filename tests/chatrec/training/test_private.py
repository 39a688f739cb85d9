"""No user can push further than the clipping, everything that is kept is noised, and a killed run goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_tower import ITEMS, small_tower, toy

from chatrec.errors import ModelMissing
from chatrec.training import private
from chatrec.training.adapt import adapt
from chatrec.training.budget import Spending
from chatrec.training.private import Person, Recipe, loss, noised_sum, popularity, train, updates
from chatrec.training.top import Top

RECIPE = Recipe(rate=0.5, steps=4, clip=0.1)
FREE = Spending(users=40, delta=0.01, rate=0.5, steps=4, noise=0.0, counts=0.0)
FLAT = torch.zeros(ITEMS)


def fresh() -> Top:
    tower = small_tower()
    tower.body = adapt(tower.body, "lora", 1)
    return Top(tower, toy(1).vectors)


def crowd(top: Top, users: int = 40, each: int = 4) -> list[Person]:
    """Users who ask for what they mean by its word."""
    examples = toy(users * each).examples
    states = top.read([e.reading for e in examples]).split(each)
    targets = torch.tensor([e.targets[0] for e in examples]).split(each)
    return [Person(s, t, sorted(set(t.tolist()))) for s, t in zip(states, targets, strict=True)]


@pytest.fixture(scope="module")
def top() -> Top:
    return fresh()


@pytest.fixture(scope="module")
def people(top) -> list[Person]:
    return crowd(top)


def length(parts) -> float:
    return float(torch.sqrt(sum(part.square().sum() for part in parts)))


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_what_is_read_once_gives_the_scores_of_the_whole_tower(top):
    examples = toy(5, seed=3).examples
    states = top.read([e.reading for e in examples])
    whole = top.tower.scores(top.tower.queries([e.reading for e in examples], toy(1).vectors), top.items)
    assert torch.allclose(top.logits(top.weights(), states, FLAT), whole, atol=1e-4)


def test_a_language_model_that_only_looks_like_llama_is_refused():
    tower = small_tower()
    tower.body = adapt(tower.body, "lora", 1)
    tower.body.get_base_model().layers[-1].mlp.down_proj.register_forward_hook(lambda own, given, out: out.tanh())
    odd = Top(tower, toy(1).vectors)
    with pytest.raises(ModelMissing, match="not built like Llama's"):
        odd.read([e.reading for e in toy(2).examples])


@pytest.mark.parametrize("local", [1, 3])
def test_one_user_more_or_less_moves_the_sum_by_no_more_than_the_clipping(top, people, local):
    recipe = replace(RECIPE, rate=1.0, local=local)
    loud = Person(people[0].states * 100, people[0].targets.roll(1), people[0].liked)
    assert length(updates(top, [loud], FLAT, recipe)) > recipe.clip  # there is something to clip
    without, with_ = (noised_sum(top, part, FLAT, recipe, 0.0, chance()) for part in (people[1:], [loud, *people[1:]]))
    assert 0.5 * recipe.clip < length(a - b for a, b in zip(with_, without, strict=True)) <= recipe.clip * 1.001


def test_the_noise_is_there_even_when_nobody_is_drawn(top, people):
    silent = replace(RECIPE, rate=0.0)
    sums = noised_sum(top, people, FLAT, silent, 2.0, chance())
    every = torch.cat([part.flatten() for part in sums])
    assert float(every.std()) == pytest.approx(2.0 * silent.clip, rel=0.05)
    assert length(noised_sum(top, people, FLAT, silent, 0.0, chance())) == 0.0


def test_users_are_drawn_one_by_one_with_the_chance_that_is_accounted_for(top, people, monkeypatch):
    drawn = []
    monkeypatch.setattr(private, "updates", lambda top, part, *_: drawn.extend(part) or updates(top, part, *_))
    sizes = []
    for seed in range(20):
        drawn.clear()
        noised_sum(top, people, FLAT, RECIPE, 0.0, chance(seed))
        sizes.append(len(drawn))
    assert len(set(sizes)) > 1 and 15 < sum(sizes) / len(sizes) < 25


def test_a_user_moves_the_counts_by_1_at_most_and_they_are_noised(people):
    greedy = replace(people[0], liked=list(range(ITEMS)))
    one, two = (popularity(part, ITEMS, 0.0, chance()).exp() for part in (people, [*people, greedy]))
    assert torch.isclose(one.sum(), torch.tensor(1.0)) and not torch.equal(one, two)
    assert not torch.equal(popularity(people, ITEMS, 2.0, chance(0)), popularity(people, ITEMS, 2.0, chance(1)))


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, shards=4, local=2)])
def test_it_learns_and_leaves_alone_what_it_says_it_does(tmp_path, recipe):
    top = fresh()
    people = crowd(top)
    before = {name: p.detach().clone() for name, p in top.named_parameters()}
    recipe = replace(recipe, steps=15, pace=0.02)
    was = sum(loss(top, one, FLAT) for one in people)
    train(top, people, recipe, replace(FREE, steps=15), tmp_path)
    assert sum(loss(top, one, FLAT) for one in people) < 0.9 * was
    changed = {name for name, p in top.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {name for name, p in top.named_parameters() if p.requires_grad}
    assert len(changed) == 5 and not any("lora_A" in name for name in changed)


def test_shards_add_up_to_the_noise_of_one_place(top, people):
    nobody = replace(RECIPE, rate=0.0)
    parts = [noised_sum(top, people[n::4], FLAT, nobody, 2.0 / 4**0.5, chance(n)) for n in range(4)]
    total = torch.cat([sum(same).flatten() for same in zip(*parts, strict=True)])
    assert float(total.std()) == pytest.approx(2.0 * nobody.clip, rel=0.05)


def test_a_run_that_was_killed_takes_the_steps_that_were_left(tmp_path, monkeypatch):
    spent = replace(FREE, noise=1.0, counts=1.0)
    steps = []

    def dies(*args):
        if len(steps) == 2:
            raise KeyboardInterrupt
        steps.append(args)
        return noised_sum(*args)

    with monkeypatch.context() as patch:
        patch.setattr(private, "noised_sum", dies)
        with pytest.raises(KeyboardInterrupt):
            top = fresh()
            train(top, crowd(top), RECIPE, spent, tmp_path)
    kept = torch.load(tmp_path / private.STATE, weights_only=True)
    again, left = fresh(), []
    monkeypatch.setattr(private, "noised_sum", lambda *args: left.append(args) or noised_sum(*args))
    prior = train(again, crowd(again), RECIPE, spent, tmp_path)
    assert kept["step"] == 2 and len(left) == 2  # no step is taken, and none is paid for, twice
    assert torch.equal(prior, kept["prior"])  # the counts were read once


def test_another_budget_starts_anew(tmp_path, monkeypatch):
    top = fresh()
    train(top, crowd(top), RECIPE, FREE, tmp_path)
    left = []
    monkeypatch.setattr(private, "noised_sum", lambda *args: left.append(args) or noised_sum(*args))
    top = fresh()
    train(top, crowd(top), RECIPE, replace(FREE, noise=1.0), tmp_path)
    assert len(left) == RECIPE.steps


def test_the_noise_cannot_be_had_again_from_a_seed(tmp_path):
    spent, found = replace(FREE, noise=1.0), []
    for name in ("one", "two"):
        torch.manual_seed(0)
        top = fresh()
        train(top, crowd(top), RECIPE, spent, tmp_path / name)
        found.append(torch.cat([p.detach().flatten() for p in top.weights()]))
    assert not torch.equal(*found)
