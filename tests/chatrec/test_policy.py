"""Policies: what is read, what is reported, who a rule concerns, and that no list breaks one."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_books import books
from small_films import encoder

from chatrec import policy
from chatrec.bootstrap import Engine
from chatrec.candidates import CandidateGenerator
from chatrec.catalog import load_catalog
from chatrec.dialogue import State, query, understand
from chatrec.errors import BadInput
from chatrec.linker import Linker
from chatrec.rank import KeepOrder
from chatrec.recommender import Recommender
from chatrec.types import Constraint, Query

POLICY = """
notice = "Books are no doctors."
[rules.squeamish]
who = ["i faint at blood", "squeamish", "allergic to crime"]
never = { subject = ["Crime"] }
says = "I leave out crime."
[rules.child]
who = ["my daughter", "i'm 12", "for kids"]
never = { subject = ["Crime", "Romance"], writer = ["Ada Munro"] }
says = "For a child I leave out crime and romance."
[emergencies.fire]
about = "something burns"
advice = "Get out and call for help."
examples = ["it burns", "fire in the hall"]
harmless = ["a burning question"]
[harmless]
examples = ["good evening"]
"""


ONLY = """
[rules.quiet]
who = ["nothing loud"]
only = { subject = ["Travel"], writer = ["Rosa Lind"] }
says = "I keep to quiet ones."
"""


@pytest.fixture
def shelf(tmp_path) -> Path:
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    books(tmp_path)
    return tmp_path


def test_what_is_written_is_what_is_read(shelf):
    (shelf / "emergencies.toml").write_text('[emergencies.fire]\nexamples = ["smoke everywhere"]\n')
    found = load_catalog(shelf).policy
    assert found.notice == "Books are no doctors."
    assert found.rules["child"].never == (
        Constraint("subject", "not", ("Crime", "Romance")),
        Constraint("writer", "not", ("Ada Munro",)),
    )
    fire = found.emergencies["fire"]
    assert fire.examples == ("it burns", "fire in the hall", "smoke everywhere")
    assert (fire.harmless, found.harmless) == (("a burning question",), ("good evening",))


def test_only_leaves_what_meets_one_of_its_slots_and_nothing_that_is_unknown(shelf):
    (shelf / "policy.toml").write_text(POLICY + ONLY, encoding="utf-8")
    catalog = load_catalog(shelf)
    (limit,) = catalog.policy.never(["quiet"])
    assert [item.item_id for item, kept in zip(catalog.items, catalog.mask(limit), strict=True) if kept] == [
        "b4",
        "b6",
        "b7",
    ]
    (shelf / "policy.toml").write_text(POLICY, encoding="utf-8")
    assert load_catalog(shelf).mask(limit).all(), "a rule that is gone"
    (shelf / "policy.toml").write_text(POLICY + ONLY.replace("Travel", "Travels"), encoding="utf-8")
    with pytest.raises(BadInput, match="policy.toml: rules.quiet.only.subject has 'Travels'.*did you mean 'Travel'"):
        load_catalog(shelf)


def test_a_catalogue_without_a_policy_forbids_nothing(tmp_path):
    assert books(tmp_path).policy == policy.Policy()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('subject = ["Crime"] }', 'subjet = ["Crime"] }', "rules.squeamish.never.subjet .*did you mean 'subject'"),
        (
            'subject = ["Crime"] }',
            'subject = ["Crimes"] }',
            "rules.squeamish.never.subject has 'Crimes'.*did you mean 'Crime'",
        ),
        ('subject = ["Crime"] }', 'length = ["300"] }', "rules.squeamish.never.length is not a key"),
        ('says = "I leave out crime."', "", "rules.squeamish.says is missing"),
        ('never = { subject = ["Crime"] }', "", "rules.squeamish.never is missing"),
        ('advice = "Get out and call for help."', "", "emergencies.fire.advice is missing"),
        ("[harmless]", "[harmles]", "harmles is not a key.*'harmless'"),
        ('who = ["my daughter", "i\'m 12", "for kids"]', "who = 3", "rules.child.who is missing or not a list"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(shelf, old, new, said):
    (shelf / "policy.toml").write_text(POLICY.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput, match=f"policy.toml: {said}") as error:
        load_catalog(shelf)
    assert "\n" not in str(error.value)


def test_more_sentences_are_for_emergencies_that_there_are(shelf):
    (shelf / "emergencies.toml").write_text('[emergencies.fires]\nexamples = ["smoke"]\n')
    with pytest.raises(BadInput, match=r"emergencies.toml: emergencies.fires .*'fire'"):
        load_catalog(shelf)


def test_items_with_a_banned_word_are_reported_and_left_out(shelf, caplog):
    (shelf / "policy.toml").write_text('[banned]\nwords = ["robots", "orchard", "ship at sea"]\n')
    with caplog.at_level(logging.WARNING):
        kept = load_catalog(shelf)
    assert "b2" not in kept and "b8" not in kept and len(kept) == 6
    assert "Small Machines is left out" in caplog.text and "The Quiet Orchard" in caplog.text


@pytest.mark.parametrize(
    ("said", "rules"),
    [
        ("I'm squeamish", {"squeamish": False}),
        ("a book for my daughter, im squemish too", {"child": False, "squeamish": False}),
        ("i'm not squeamish", {"squeamish": True}),
        ("she's squeamish but I'm not", {"squeamish": True}),
        ("i'm no longer squeamish", {"squeamish": True}),
        ("forget that: my daughter", {"child": True}),
        ("i'm squeamish, not too long please", {"squeamish": False}),
        ("under the sea", {}),
        ("crime is not for kids", {}),
        ("i'm 12", {"child": False}),
        ("i'm 12 weeks into my new job", {}),
    ],
)
def test_who_a_rule_concerns(shelf, said, rules):
    mentions = Linker(load_catalog(shelf)).link(said)
    assert {m.value: m.negated for m in mentions if m.entity == "policy"} == rules


def test_no_wish_order_or_ranker_brings_back_what_a_rule_forbids(shelf, tmp_path_factory):
    catalog = load_catalog(shelf)

    class Stubborn(KeepOrder):
        """Puts everything back that was taken out."""

        def rank(self, query, candidates):
            rest = np.setdiff1d(np.arange(len(catalog)), candidates.indices)
            everything = np.concatenate([rest, candidates.indices])
            return replace(candidates, indices=everything, scores=np.zeros(len(everything)), parts={})

    recommender = Recommender(
        catalog, CandidateGenerator(catalog, encoder(), tmp_path_factory.mktemp("v")), Stubborn(), "x"
    )
    never = catalog.policy.never(["child", "gone"])
    for wished in ((), (Constraint("subject", "is", ("Crime",)),), (Constraint("writer", "is", ("Ada Munro",)),)):
        ranked = recommender.recommend(Query("books", constraints=wished, never=never))
        assert {line.item.item_id for line in ranked.items} <= {"b4", "b6", "b8"}
        assert ranked.items and ranked.relaxed == wished


def test_starting_over_and_wishing_the_opposite_leave_the_rule_in_force(shelf):
    catalog = load_catalog(shelf)
    never = catalog.policy.never(["squeamish"])
    state = State("books", noticed=("squeamish",))
    crime = Linker(catalog).link("start over, a crime novel")
    state = understand(state, "start_over", "start over, a crime novel", crime, catalog).state
    assert state.noticed == ("squeamish",)
    asked = query(state, (), (), [policy.fact("squeamish", "squeamish")], never=never)
    assert asked.never == never
    assert all(c.slot in catalog.schema.slots for c in asked.constraints)
    assert Query.from_json({"catalog": "books", "turns": [], "constraints": [], "anchors": [], "history": [],
                            "exclude": [], "n": 5, "never": [c.to_json() for c in never]}).never == never  # fmt: skip


def test_a_dislike_is_no_allergy(shelf):
    catalog = load_catalog(shelf)
    dislike = Linker(catalog).link("i'm allergic to romance")
    allergy = replace(
        dislike[0], entity="policy", start=4, end=15, text="allergic to", constraints=(), catalog="health"
    )
    assert policy.told([*dislike, allergy], "books") == []
    assert policy.told([*dislike, allergy], "health") == [allergy]


@pytest.fixture
def engine(store, shelf, tmp_path_factory) -> Engine:
    catalog = load_catalog(shelf)
    generator = CandidateGenerator(catalog, encoder(), tmp_path_factory.mktemp("vectors"))
    recommender = Recommender(catalog, generator, KeepOrder(), "dull")
    named = ({"books": catalog}, {"books": Linker(catalog)}, {"books": recommender})
    return Engine(None, store, *named, None, {})


def test_a_fact_is_remembered_once_and_taken_back_in_words(engine):
    user, linker = engine.store.user("somebody"), engine.linker("books")
    for said in ("I'm squeamish", "as I said, squeamish", "for kids"):
        assert engine.note_rules(user, linker.link(said), "books") == ()
    told = [p.constraint for p in engine.store.preferences(user)]
    assert [(c.values, c.text) for c in told] == [(("squeamish",), "squeamish"), (("child",), "for kids")]
    assert policy.rules_in(told) == ("squeamish", "child")
    assert engine.note_rules(user, linker.link("I'm not squeamish any more"), "books") == ("squeamish",)
    assert policy.rules_in(p.constraint for p in engine.store.preferences(user)) == ("child",)


def test_one_request_in_words_keeps_to_the_rules(engine):
    crime = {"b3", "b5"}
    assert {line.item.item_id for line in engine.ask("books", "a crime novel").items} == crime
    found = engine.ask("books", "I'm squeamish. A crime novel")
    assert found.items and not crime & {line.item.item_id for line in found.items}
    user = engine.store.user("somebody")
    engine.note_rules(user, engine.linker("books").link("squeamish"), "books")
    later = engine.ask("books", "a crime novel", user="somebody")
    assert later.items and not crime & {line.item.item_id for line in later.items}


def test_a_rule_of_the_occasion_is_in_force_for_hours_and_remembered_of_nobody(engine):
    (mention,) = engine.linker("books").link("squeamish")
    known = engine.catalog("books").policy
    occasion = replace(known, rules={n: replace(rule, lasting=False) for n, rule in known.rules.items()})
    engine.catalog("books").policy = occasion
    user = engine.store.user("somebody")
    assert engine.note_rules(user, [mention], "books") == () and not engine.store.preferences(user)
    policies = {"books": occasion}
    (held,) = policy.passing((), [mention], policies, 0.0)
    assert (held.catalog, held.rule, held.said) == ("books", "squeamish", "squeamish")
    assert policy.passing([held], [], policies, policy.OCCASION - 1) == (held,)
    assert policy.passing([held], [], policies, policy.OCCASION + 1) == ()
    assert policy.passing([held], [replace(mention, negated=True)], policies, 1.0) == ()
    assert State.from_json(State("books", passing=(held,)).to_json()).passing == (held,)
