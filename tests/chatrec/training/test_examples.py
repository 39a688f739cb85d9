"""Examples ask for something new in words that are true of it, and never give away what it is or what came after."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_films import ROWS, films

from chatrec.catalog import Catalog
from chatrec.evaluation.dialogues import Case
from chatrec.linker import Linker
from chatrec.training.examples import Example, from_behaviour, from_dialogues, log_prior
from chatrec.types import Constraint, Event, Reading, Turn


def worded() -> Catalog:
    """The dozen films, with words that people say for a genre and for a time."""
    plain = films()
    slots = {**plain.schema.slots}
    slots["genre"] = replace(slots["genre"], synonyms={"Sci-Fi": ("spacey",), "Romance": ("lovey",)})
    slots["year"] = replace(slots["year"], words={"oldish": (None, 1985.0), "newish": (1990.0, None)})
    return Catalog(replace(plain.schema, slots=slots), plain.items, plain.version)


FILMS = worded()
LINKER = Linker(FILMS)
MEANT = {
    **{value: Constraint("genre", "is", (value,)) for value in FILMS.values("genre")},
    **{value: Constraint("person", "is", (value,)) for value in FILMS.values("person")},
    "spacey": Constraint("genre", "is", ("Sci-Fi",)),
    "lovey": Constraint("genre", "is", ("Romance",)),
    "oldish": Constraint("year", "max", (1985.0,)),
    "newish": Constraint("year", "min", (1990.0,)),
}

orders = st.permutations(list(ROWS)).map(lambda ids: ids[:9])
kinds = st.lists(st.sampled_from(["like", "like", "dislike", "seen"]), min_size=9, max_size=9)
seeds = st.integers(0, 999)


def events(ids: list[str], did: list[str]) -> list[Event]:
    return [Event(item, kind, float(at)) for at, (item, kind) in enumerate(zip(ids, did, strict=True))]


def made(history: list[Event], seed: int = 0, each: int = 8) -> list[Example]:
    return list(from_behaviour({"ada": history}, FILMS, LINKER, random.Random(seed), each))


def titles(example: Example) -> list[str]:
    return [FILMS.items[t].title.casefold() for t in example.targets]


@given(ids=orders, did=kinds, seed=seeds)
def test_a_made_example_asks_for_something_liked_that_is_new_and_unnamed(ids, did, seed):
    history = events(ids, did)
    found = made(history, seed)
    wanted = [FILMS.index(e.item_id) for e in history if e.kind == "like"]
    assert {e.targets[0] for e in found} <= set(wanted)
    assert len(found) == min(8, len(wanted))
    for example in found:
        assert not [t for t in titles(example) if t in example.reading.text.casefold()]
        assert set(example.targets).isdisjoint(index for index, _ in example.reading.items)


@given(ids=orders, did=kinds, seed=seeds)
def test_a_made_example_is_told_only_what_was_done_before_in_that_order(ids, did, seed):
    history = events(ids, did)
    places = {FILMS.index(e.item_id): n for n, e in enumerate(history)}
    for example in made(history[::-1], seed):
        told = [places[index] for index, _ in example.reading.items]
        assert told == sorted(told)
        assert all(n < places[example.targets[0]] for n in told)
        assert [stance for _, stance in example.reading.items] == [history[n].kind for n in told]


@given(ids=orders, did=kinds, later=st.permutations(range(5, 9)), seed=seeds)
def test_what_is_done_later_changes_nothing_about_earlier_examples(ids, did, later, seed):
    before = events(ids[:5], did[:5])
    after = [Event(ids[n], "dislike", float(10 + at)) for at, n in enumerate(later)]
    assert made(before + after, seed) == made(before, seed)


@given(ids=orders, seed=seeds)
def test_all_that_is_asked_for_is_true_of_the_target(ids, seed):
    for example in made(events(ids, ["like"] * 9), seed):
        item = FILMS.items[example.targets[0]]
        asked = [wish for word, wish in MEANT.items() if word in example.reading.text]
        assert all(FILMS.met(wish, item) for wish in asked), example
        assert all(FILMS.met(wish, item) for wish in example.query.constraints), example


def test_requests_come_in_words_that_are_read_as_wishes_and_not_at_all_with_and_without_a_history():
    found = [e for seed in range(60) for e in made(events(list(ROWS)[:9], ["like"] * 9), seed)]
    said, wished, told = (
        np.array([cue(e.reading) for e in found])
        for cue in (lambda r: "user: " in r.text, lambda r: "wanted: " in r.text, lambda r: bool(r.items))
    )
    for first, second in ((said, told), (wished, told)):
        assert {(a, b) for a, b in zip(first, second, strict=True)} == {
            (a, b) for a in (True, False) for b in (True, False)
        }
    assert {(a, b) for a, b in zip(said, wished, strict=True)} == {(True, True), (False, True), (False, False)}
    assert {word for word in MEANT if any(word in e.reading.text for e in found)} >= {
        "spacey",
        "lovey",
        "oldish",
        "newish",
    }


def test_the_same_seed_gives_the_same_examples_and_another_gives_others():
    history = events(list(ROWS)[:9], ["like"] * 9)
    assert made(history, 1) == made(history, 1) != made(history, 2)


@pytest.mark.parametrize("each", [0, 1, 3])
def test_no_more_than_so_many_examples_are_made_of_one_user(each):
    history = events(list(ROWS)[:9], ["like"] * 9)
    both = list(from_behaviour({"ada": history, "bob": history}, FILMS, LINKER, random.Random(0), each))
    assert len(both) == 2 * each


def test_items_that_left_the_catalogue_are_passed_over():
    found = made([Event("gone", "like", 1.0), Event("alien", "like", 2.0), Event("lost track", "seen", 3.0)])
    assert [(e.targets, e.reading.items) for e in found] == [((FILMS.index("alien"),), ())]


def case(targets: str, mentioned: str = "", text: str = "robots, please") -> Case:
    return Case("talk:1", (Turn("user", text),), tuple(mentioned.split()), "bot", tuple(targets.split()))


def test_a_dialogue_asks_for_what_is_named_next_and_was_not_named_before():
    (example,) = from_dialogues([case("alien heat heat gone", "alien ronin")], FILMS, LINKER)
    heat, alien, ronin = map(FILMS.index, ("heat", "alien", "ronin"))
    assert example == Example(
        Reading("user: robots, please", ((alien, "mention"), (ronin, "mention"))), (heat,), owner="talk"
    )


@pytest.mark.parametrize("told", [case("alien", "alien"), case("gone"), case("heat", text="I love HEAT!")])
def test_a_case_with_nothing_new_or_with_the_targets_title_in_its_text_is_dropped(told):
    assert list(from_dialogues([told, case("ronin")], FILMS, LINKER)) == list(
        from_dialogues([case("ronin")], FILMS, LINKER)
    )


def test_the_prior_is_the_smoothed_share_of_each_target():
    examples = [Example(Reading(""), (0,)), Example(Reading(""), (0, 2))]
    np.testing.assert_allclose(np.exp(log_prior(examples, 4)), [3 / 7, 1 / 7, 2 / 7, 1 / 7], rtol=1e-5)
    np.testing.assert_allclose(np.exp(log_prior([], 4)), [0.25] * 4, rtol=1e-5)
