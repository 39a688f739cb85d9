"""Questions narrow the candidates as much as can be, and never lead into a dead end."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from chatrec.catalog import Catalog
from chatrec.elicit import MIN_LEFT, Question, best_question
from chatrec.schema import Schema, Slot
from chatrec.types import Constraint, Item


def _catalog(rows: list[dict], *slots: Slot) -> Catalog:
    items = tuple(Item(str(i), f"Item {i}", row) for i, row in enumerate(rows))
    schema = Schema("things", "thing", "things", {"id": "id", "title": "title"}, {s.name: s for s in slots})
    return Catalog(schema, items, "test")


def _tags(name: str, ask: bool = True) -> Slot:
    return Slot(name, "tags", (name,), name, ask=ask)


@pytest.fixture(scope="module")
def askable(movies) -> Catalog:
    """The films, with leave to ask about everything that has values or words to choose from."""
    slots = {n: replace(s, ask=s.type in ("tags", "number")) for n, s in movies.schema.slots.items()}
    return Catalog(replace(movies.schema, slots=slots), movies.items, movies.version)


def _fitting(catalog: Catalog, slot: str, option: str) -> np.ndarray:
    """(N,) bool: what is left when the option is chosen, from the constraints it stands for."""
    spec = catalog.schema.slots[slot]
    if spec.type != "number":
        return catalog.mask(Constraint(slot, "is", (option,)))
    low, high = spec.words[option]
    fits = ~np.isnan(catalog.numbers(slot))
    fits &= catalog.mask(Constraint(slot, "min", (low,))) if low is not None else fits
    return fits & catalog.mask(Constraint(slot, "max", (high,))) if high is not None else fits


def _entropy(weights: np.ndarray) -> float:
    p = weights[weights > 0] / weights.sum()
    return -float((p * np.log2(p)).sum())


def _remaining(catalog: Catalog, question: Question, mask: np.ndarray, weights: np.ndarray, seed: int = 0) -> float:
    """Mean bits left after users who each want one item have answered and the candidates were filtered."""
    fitting = {o: mask & _fitting(catalog, question.slot, o) for o in question.options}
    after = {o: _entropy(weights * fits) for o, fits in fitting.items()}
    rng = np.random.default_rng(seed)
    wanted = rng.choice(len(catalog), size=2000, p=weights * mask / (weights * mask).sum())
    possible = ([o for o, fits in fitting.items() if fits[i]] for i in wanted)
    return float(np.mean([after[rng.choice(o)] if o else _entropy(weights * mask) for o in possible]))


def test_the_even_split_is_asked_before_the_lopsided_one():
    rows = [{"colour": ("red" if i % 2 else "blue",), "size": ("big" if i < 6 else "small",)} for i in range(60)]
    catalog = _catalog(rows, _tags("size"), _tags("colour"))
    question = best_question(catalog, np.ones(60, bool), np.ones(60), ())
    assert question is not None and question.slot == "colour"
    assert set(question.options) == {"red", "blue"}


def test_an_item_with_many_values_splits_its_chance():
    """Two values that every item has tell nothing, however evenly the answers would fall."""
    rows = [{"both": ("x", "y"), "half": ("a" if i % 4 else "b",)} for i in range(60)]
    question = best_question(_catalog(rows, _tags("both"), _tags("half")), np.ones(60, bool), np.ones(60), ())
    assert question is not None and question.slot == "half"


def test_well_known_items_decide_what_is_worth_asking():
    """By count "shape" splits better; among the ten that people know it does not split at all."""
    rows = [
        {"shape": ("round" if i < 10 or i % 2 else "flat",), "use": ("work" if i < 5 or i > 60 else "play",)}
        for i in range(100)
    ]
    catalog = _catalog(rows, _tags("shape"), _tags("use"))
    flat, famous = np.ones(100), np.where(np.arange(100) < 10, 1.0, 0.0)
    assert best_question(catalog, np.ones(100, bool), flat, ()).slot == "shape"
    assert best_question(catalog, np.ones(100, bool), famous, ()).slot == "use"


def test_slots_that_may_not_be_asked_are_not():
    rows = [{"colour": ("red" if i % 2 else "blue",)} for i in range(60)]
    assert best_question(_catalog(rows, _tags("colour", ask=False)), np.ones(60, bool), np.ones(60), ()) is None


def test_no_question_when_the_answer_would_hardly_help():
    """95 of 100 share the value: knowing it gains less than half a bit."""
    rows = [{"colour": ("red" if i < 95 else "blue",)} for i in range(100)]
    assert best_question(_catalog(rows, _tags("colour")), np.ones(100, bool), np.ones(100), ()) is None


@pytest.mark.parametrize("left", [0, 1, MIN_LEFT])
def test_no_question_about_a_handful_of_candidates(movies, left):
    mask = np.zeros(len(movies), dtype=bool)
    mask[:left] = True
    assert best_question(movies, mask, movies.popularity, ()) is None


def test_of_number_words_that_mean_the_same_one_is_offered():
    words = {"new": (2010.0, None), "recent": (2010.0, None), "old": (None, 1980.0)}
    slot = Slot("year", "number", ("year",), "year", words=words, ask=True)
    catalog = _catalog([{"year": float(1960 + i)} for i in range(60)], slot)
    question = best_question(catalog, np.ones(60, bool), np.ones(60), ())
    assert question is not None and sorted(question.options) == ["new", "old"]


def test_the_first_question_on_films_beats_a_random_slot(askable):
    everything, weights = np.ones(len(askable), dtype=bool), askable.popularity.astype(np.float64)
    slots = [s.name for s in askable.schema.slots.values() if s.ask]
    best = best_question(askable, everything, weights, ())
    others = [best_question(askable, everything, weights, [a for a in slots if a != s]) for s in slots]
    remaining = [_remaining(askable, q, everything, weights) if q else _entropy(weights) for q in others]
    assert _remaining(askable, best, everything, weights) < np.mean(remaining) - 0.25


def test_every_option_leaves_a_list_and_no_slot_is_asked_twice(askable):
    """Over 100 random sets of candidates, small and large, until there is nothing more to ask."""
    rng = np.random.default_rng(5)
    for _ in range(100):
        mask = rng.random(len(askable)) < 10 ** rng.uniform(-3, 0)
        asked: list[str] = []
        while question := best_question(askable, mask, askable.popularity, asked):
            assert question.slot not in asked
            assert 2 <= len(question.options) <= 5
            for option in question.options:
                assert (mask & _fitting(askable, question.slot, option)).sum() >= MIN_LEFT
            asked.append(question.slot)


def test_number_words_on_offer_do_not_overlap(askable):
    """Nobody is asked to choose between "recent" and "modern"."""
    everything = np.ones(len(askable), dtype=bool)
    others = [name for name in askable.schema.slots if name != "year"]
    question = best_question(askable, everything, askable.popularity, others)
    assert question is not None and question.slot == "year"
    fits = [_fitting(askable, "year", option) for option in question.options]
    assert np.sum(fits, axis=0).max() == 1


def test_a_question_takes_under_20_milliseconds(askable):
    everything = np.ones(len(askable), dtype=bool)
    best_question(askable, everything, askable.popularity, ())  # columns are read at first use
    times = []
    for _ in range(7):
        start = time.perf_counter()
        best_question(askable, everything, askable.popularity, ())
        times.append(time.perf_counter() - start)
    assert min(times) < 0.020  # the best of seven: others use the machine too
