"""``chatrec train --private``: what is no budget is refused, and a card says what was spent and what it covers."""

from __future__ import annotations

import json

import pytest
import torch
from small_films import ROWS, films

from chatrec.settings import Settings
from chatrec.tower import load_tower
from chatrec.training import privately
from chatrec.training.crowd import gather
from chatrec.types import Event

HEADER = "userId,movieId,rating,timestamp\n"


@pytest.fixture
def many(home):
    """Ratings of 70 users."""
    rows = (f"u{u},{item},{5 if (u + n) % 3 else 2},{n + 1}\n" for u in range(70) for n, item in enumerate(ROWS))
    (home / "many.csv").write_text(HEADER + "".join(rows))
    return home / "many.csv"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--private --epsilon 0", "--epsilon 0: give a number above 0"),
        ("--private --epsilon -2", "--epsilon -2: give a number above 0"),
        ("--private --epsilon nan", "--epsilon nan: give a number above 0"),
        ("--private --dialogues {home}/many.csv", "--private learns from what is known to be one user's"),
        ("--private --start {home}/none", "{home}/none: no model to start from"),
        ("--private --public {home}/none.csv", "{home}/none.csv: can't read it"),
        ("--private --public {home}/bad.csv", "{home}/bad.csv:3: rating '9' isn't between 0.5 and 5"),
        ("--private --public {home}/other.csv", "{home}/other.csv: 0 users like something of the catalogue, too few"),
        ("--public {home}/many.csv", "--federated, --start and --public are of --private"),
        ("--federated 3", "--federated, --start and --public are of --private"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2_and_nothing_is_written(home, many, train, arguments, says):
    (home / "bad.csv").write_text(HEADER + "u1,f1,4,1\nu1,f2,9,2\n")
    (home / "other.csv").write_text(HEADER + "u1,unheard-of,5,1\n")
    code, out, err = train("--events", many, *arguments.format(home=home).split())
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(says.format(home=home))
    assert not (home / "models").exists() or not list((home / "models" / "recommender").iterdir())


def test_too_few_users_are_not_learned_from(home, train):
    code, _, err = train("--events", home / "ratings.csv", "--private")
    assert code == 2 and "users are too few to learn from privately" in err


@pytest.mark.parametrize("federated", [(), ("--federated", "3")])
def test_a_private_run_writes_a_model_that_can_be_read_and_a_card_that_says_what_was_spent(
    home, many, train, federated
):
    code, out, err = train("--events", many, "--private", "--epsilon", "6", *federated)
    assert (code, err) == (0, "")
    folder = home / "models" / "recommender" / "films"
    card = (folder / "README.md").read_text()
    spent = float(card.partition("epsilon ")[2].partition(" ")[0])
    assert 5 < spent <= 6
    for line in ("| users learned from |", "| clipping of one user's update | 0.1 |", "| accountant | Opacus, PRV |"):
        assert line in card
    assert ("federated rounds" in card) == bool(federated)
    assert "no other model" in card and not (folder / "knowledge.npz").exists()
    assert json.loads((folder / "figures.json").read_text())["figures"].keys() >= {"ndcg@10"}
    load_tower(folder, Settings.read())


def test_a_private_run_begins_with_a_model_and_keeps_its_knowledge_and_all_that_is_below(home, many, train):
    models = home / "models" / "recommender"
    assert train("--events", home / "ratings.csv", "--epochs", "1")[0] == 0
    code, _, err = train("--events", many, "--private", "--start", models / "films", "--out", models / "ours")
    assert (code, err) == (0, "")
    same = ("knowledge.npz", "requests.json")
    assert all((models / "ours" / name).read_bytes() == (models / "films" / name).read_bytes() for name in same)
    assert "what `films` was learnt from" in (models / "ours" / "README.md").read_text()
    one, two = (dict(load_tower(models / name, Settings.read()).named_parameters()) for name in ("films", "ours"))
    changed = {name for name in one if not one[name].equal(two[name])}
    assert changed == {"query_out.1.weight", "query_out.1.bias", "scale", "body.layers.1.mlp.down_proj.weight"}


def test_a_public_start_is_on_the_card_and_the_promise_is_what_it_is_without(home, many, train):
    (home / "public.csv").write_text(many.read_text().replace("u", "p").replace("pserId", "userId"))
    models, tables = home / "models" / "recommender", []
    for name, more in (("without", ()), ("with", ("--public", home / "public.csv"))):
        code, out, err = train("--events", many, "--private", *more, "--out", models / name)
        assert (code, err, "of public.csv to begin with" in out) == (0, "", bool(more))
        card = (models / name / "README.md").read_text()
        assert ("- public.csv, taken to be public, for the start" in card) == bool(more)
        assert ("Not covered: whoever rated in `public.csv`" in card) == bool(more)
        tables.append(card[card.index("Differential privacy") : card.index("Covered:")])
    assert tables[0] == tables[1]


def test_the_public_start_is_what_private_training_begins_with(home, many, train, monkeypatch):
    begun = []

    def begins(top, people, recipe, spent, scratch):
        begun.append(top.copy())
        return private_train(top, people, recipe, spent, scratch)

    private_train = privately.train
    monkeypatch.setattr(privately, "train", begins)
    for more in ((), ("--public", many), ("--public", many)):
        assert train("--events", many, "--private", *more)[0] == 0
    assert not any(torch.equal(*pair) for pair in zip(*begun[:2], strict=True))  # each of the weights is fitted
    assert all(torch.equal(*pair) for pair in zip(*begun[1:], strict=True))  # so that a run that was killed goes on


def test_nobody_is_held_out_or_learned_from_because_of_who_else_is_there():
    events = {f"u{u}": [Event(item, "rating", float(n), 5.0) for n, item in enumerate(ROWS)] for u in range(40)}
    every = gather(events, films(), 0)
    fewer = gather({user: had for user, had in events.items() if user != "u7"}, films(), 0)
    for held in (True, False):
        assert [user for user in every.part(held, 0) if user != "u7"] == fewer.part(held, 0)
    assert all(every.examples[user] == fewer.examples[user] for user in fewer.examples)
