"""``chatrec train``: bad input changes nothing, a run leaves a model that can be read, and only a better one serves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_films import ROWS, encoder

from chatrec import bootstrap, promotion
from chatrec.candidates import CandidateGenerator
from chatrec.catalog import load_catalogs
from chatrec.learning import SIGNALS
from chatrec.lm import NAME
from chatrec.model import KNOWLEDGE, REQUESTS, Learnt
from chatrec.settings import ROOT, Settings
from chatrec.store import Store
from chatrec.tower import QueryTower, load_tower
from chatrec.training import session
from chatrec.types import Event, Item, Query, RankedList, Reading, Recommendation, Turn

HEADER = "userId,movieId,rating,timestamp\n"


def files(home: Path) -> set[Path]:
    return {path for path in home.rglob("*") if "cache" not in path.parts}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("", "nothing to learn from: give --events"),
        ("--events {home}/bad.csv", "{home}/bad.csv:3: "),
        ("--events {home}/none.csv", "{home}/none.csv: "),
        ("--dialogues {home}/bad.csv", "{home}/bad.csv:1: "),
        ("--also {home}/none.csv {home}/ratings.csv --events {home}/ratings.csv", "{home}/none.csv: "),
        ("--events {home}/ratings.csv --domain teas", "no catalogue named 'teas'; there is films"),
        ("--events {home}/few.csv", "1 examples are too few"),
        ("--events {home}/ratings.csv --out {home}/data", "{home}/data: there is something else there"),
        ("--events {home}/ratings.csv --out {home}/few.csv/model", "{home}/few.csv/model: can't write"),
        ("--rollback", "{home}/models/recommender/current: no earlier model"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2_and_nothing_is_written(home, train, arguments, says):
    (home / "bad.csv").write_text(HEADER + "7,alien,5,1\n7,heat,eleven,2\n")
    (home / "few.csv").write_text(HEADER + "7,alien,5,1\n8,heat,5,1\n")
    before = files(home)
    code, out, err = train(*arguments.format(home=home).split())
    assert (code, out) == (2, "")
    assert err.startswith(says.format(home=home))
    assert err.count("\n") == 1
    assert files(home) == before


@pytest.mark.parametrize("arguments", ["--epochs 0", "--layers -1", "--method best", "--events a --from-store"])
def test_arguments_that_make_no_sense_are_exit_code_2(train, arguments):
    with pytest.raises(SystemExit) as end:
        train("--from-store" if "--events" not in arguments else "--rollback", *arguments.split())
    assert end.value.code == 2


def test_a_run_writes_a_model_that_can_be_read_and_puts_it_not_into_service(home, train):
    note = ("--note", "Ratings (own)", "--licence", "cc0-1.0")
    code, out, err = train("--events", home / "ratings.csv", "--epochs", "1", *note)
    assert (code, err) == (0, "")
    assert "written to" in out and "ndcg@10" in out
    models = home / "models" / "recommender"
    assert [path.name for path in models.iterdir()] == ["films"]
    assert load_tower(models / "films", Settings.read()).config.lm == "lm"
    learnt = Learnt.load(models / "films")
    assert set(learnt.requests.weights) == set(learnt.silence.weights) == set(SIGNALS) and len(
        learnt.knowledge.ids
    ) == len(ROWS)
    card = (models / "films" / "README.md").read_text()
    assert "knowledge.npz" in card
    assert "- Ratings (own)" in card and "license: cc0-1.0" in card
    assert not [path for path in models.rglob("*") if path.is_file() and str(home).encode() in path.read_bytes()]


def test_the_same_seed_gives_the_same_model(home, train):
    for name, seed in (("one", "0"), ("two", "0"), ("three", "1")):
        assert train("--events", home / "ratings.csv", "--epochs", "1", "--seed", seed, "--out", home / name)[0] == 0
    one, two, three = ((home / name / "heads.safetensors").read_bytes() for name in ("one", "two", "three"))
    assert one == two != three


@pytest.fixture
def store(home) -> Store:
    """The store of the installation: a dozen users who each liked one film only, twice, both times in a list."""
    opened = Store.open(Settings.read().db, "of the tests")
    for n, item_id in enumerate(ROWS):
        user, shown = opened.user(f"web:{n}"), Recommendation(1, Item(item_id, "", {}), 1.0, 0.5, "")
        opened.add_impression(user, RankedList("films", (shown,), impression_id=f"list {n}"), Query("films"), [1.0])
        for at in (1.0, 2.0):
            opened.add_event(user, "films", Event(item_id, "like", at, impression_id=f"list {n}"), f"{n} {at}")
    return opened


def test_users_are_held_out_of_lists_and_of_histories_alike(store, monkeypatch, train):
    given = []
    monkeypatch.setattr(
        session, "train", lambda tower, worlds, valid, *rest: given.extend([worlds[0], valid[0]]) or 1 / 0
    )
    assert train("--from-store")[0] == 1
    learned, held = ({e.targets[0] for e in world.examples} for world in given)
    assert len(held) == 1 and learned == set(range(len(ROWS))) - held
    assert [len(world.examples) for world in given] == [44, 4]


def test_a_model_from_the_store_keeps_the_knowledge_and_weights_of_the_one_in_service(home, store, train):
    models = home / "models" / "recommender"
    assert train("--events", home / "ratings.csv", "--epochs", "1")[0] == 0
    promotion.promote(models, "films")
    assert train("--from-store", "--epochs", "1")[0] == 0
    kept, before = Learnt.load(models / "films-2"), Learnt.load(models / "films")
    assert (kept.knowledge.ids, kept.requests) == (before.knowledge.ids, before.requests)
    assert (models / "films-2" / REQUESTS).exists() and (models / "films-2" / KNOWLEDGE).exists()


def test_what_people_like_of_lists_moves_the_weights_that_the_bot_ranks_by(home, store, train):
    """Everybody likes the thriller of a list that shows a comedy first: what the thriller has more of counts more."""
    models = home / "models" / "recommender"
    assert train("--events", home / "ratings.csv", "--epochs", "1")[0] == 0
    promotion.promote(models, "films")
    shown = tuple(Recommendation(n, Item(i, "", {}), 1.0, 0.5, "") for n, i in enumerate(("alien", "heat"), 1))
    asked = Query("films", (Turn("user", "a crime thriller"),))
    for n in range(40):
        user = store.user(f"web:more {n}")
        store.add_impression(user, RankedList("films", shown, impression_id=f"pair {n}"), asked, [1.0, 1.0])
        store.add_event(user, "films", Event("heat", "like", 9.0, impression_id=f"pair {n}"), f"pair {n}")
    assert train("--from-store", "--epochs", "1")[0] == 0
    before, after = (Learnt.load(models / name) for name in ("films", "films-2"))
    catalog, encode = load_catalogs(home / "data" / "catalogs")["films"], encoder()
    lead = []
    for learnt in (before, after):
        known = before.knowledge.on(catalog)
        generator = CandidateGenerator(catalog, encode, home / "cache", known=known, fusion=learnt.requests)
        heat, alien = generator.score(asked, np.array([catalog.index("heat"), catalog.index("alien")]))
        lead.append(heat - alien)
    assert lead[1] > lead[0]
    assert after.dialogues == before.dialogues and after.knowledge.ids == before.knowledge.ids


def test_a_model_from_the_store_serves_unless_it_is_worse_and_can_be_taken_back(home, store, monkeypatch, train):
    models = home / "models" / "recommender"
    assert "in service: films\n" in train("--from-store", "--epochs", "1")[1]
    rank = {"films": 3, "films-2": 3, "films-3": 5}  # of what is asked for: 0 is best
    monkeypatch.setattr(session, "served", lambda model, *rest: np.array([rank[model.name]]))
    assert "in service: films-2\n" in train("--from-store", "--epochs", "1")[1]
    worse = train("--from-store", "--epochs", "1")[1]
    assert "\nnot put into service: NDCG@10 0.356, that of films-2 is 0.431\n" in worse
    assert promotion.serving(models) == "films-2"
    assert train("--rollback")[:2] == (0, "in service: films\n")
    assert promotion.serving(models) == "films"
    assert train("--from-store", "--out", models / "films")[::2] == (
        2,
        f"{models / 'films'}: this model serves, and is to be compared with the new one; give --out another name\n",
    )


def test_what_lies_elsewhere_is_not_put_into_service(home, store, train):
    assert "not put into service" in train("--from-store", "--epochs", "1", "--out", home / "mine")[1]
    assert promotion.serving(home / "models" / "recommender") is None
    assert (home / "mine" / "tower.json").exists()


@pytest.mark.slow
def test_the_engine_ranks_by_likelihood_until_a_model_of_its_own_serves(home, store, monkeypatch, train):
    """With the language model that ships; from training to a list."""
    monkeypatch.delenv("CHATREC_LLM")
    monkeypatch.setenv("CHATREC_CACHE", str(ROOT / "var" / "cache"))
    assert bootstrap.build(Settings.read()).ask("films", "a thriller").model == NAME
    code, out, err = train("--from-store", "--layers", "1", "--epochs", "1")
    assert (code, err) == (0, "") and "in service: films\n" in out
    tower = load_tower(home / "models" / "recommender" / "films", Settings.read())
    assert (tower.config.lm, tower.config.layers) == (NAME, 1)
    assert QueryTower(tower, np.eye(12, 384)).score(Reading("user: robots")).std() > 0
    ranked = bootstrap.build(Settings.read()).ask("films", "a thriller")
    assert ranked.model == "films"
    assert {line.item.item_id for line in ranked.items} == {"runner", "heat", "ronin"}
