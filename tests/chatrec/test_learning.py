"""What weights are learnt from: queries whose own dialogue or user the knowledge behind them does not hold."""

from __future__ import annotations

from small_films import encoder, films

from chatrec.candidates import CandidateGenerator, silent
from chatrec.evaluation.dialogues import Case
from chatrec.knowledge import learn_knowledge
from chatrec.learning import (
    FOLDS,
    SIGNALS,
    cross_fitted,
    fingerprint,
    fold_number,
    fold_of,
    of_behaviour,
    of_dialogues,
    of_silence,
)
from chatrec.linker import Linker
from chatrec.types import Event, Turn

FILMS = films()
LINKER = Linker(FILMS)
ASK = (Turn("user", "a comedy please"),)


def case(number: int, speaker: str = "bot", mentioned: tuple = ("alien",), targets: tuple = ("alien", "heat")) -> Case:
    return Case(f"{number}:1", ASK, mentioned, speaker, targets)


def test_only_the_recommenders_turns_that_name_something_new_are_learnt_from():
    found = list(of_dialogues([case(1), case(2, "user"), case(3, targets=("alien",))], FILMS, LINKER))
    assert [(one.owner, one.targets) for one in found] == [("1", (FILMS.index("heat"),))]
    assert found[0].query.exclude == {"alien"}
    assert [(c.values, c.soft) for c in found[0].query.constraints] == [(("Comedy",), True)]


def test_a_made_request_is_read_as_the_bot_reads_it_and_asks_for_nothing_known():
    likes = [Event(item, "like", float(n)) for n, item in enumerate(("alien", "heat", "sabrina", "hill", "bride"))]
    found = list(of_behaviour({"ada": likes}, FILMS, LINKER, each=5))
    assert {one.owner for one in found} == {"ada"}
    assert any(one.query.turns for one in found)
    for one in found:
        assert FILMS.items[one.targets[0]].item_id not in one.query.exclude
        assert {event.item_id for event in one.query.history} <= one.query.exclude
        assert all(FILMS.items[one.targets[0]].title not in turn.text for turn in one.query.turns)


def test_silence_is_learnt_from_what_was_liked_while_little_was_known():
    likes = [Event(item, "like", float(n)) for n, item in enumerate(("alien", "heat", "sabrina"))]
    found = list(of_silence({"ada": [*likes, Event("hill", "dislike", 3.0), Event("no such", "like", 4.0)]}, FILMS))
    assert sorted((FILMS.items[one.targets[0]].item_id, len(one.query.history)) for one in found) == [
        ("alien", 0), ("heat", 1), ("sabrina", 2),
    ]  # fmt: skip
    for one in found:
        assert silent(one.query) and one.query.exclude == {event.item_id for event in one.query.history}
        assert FILMS.items[one.targets[0]].item_id not in one.query.exclude


def test_no_generator_knows_the_dialogue_that_it_is_asked_about(tmp_path):
    asked = list(of_dialogues([case(n) for n in range(12)], FILMS, LINKER))
    used = []

    def without(number: int) -> CandidateGenerator:
        used.append(number)
        known = learn_knowledge(dialogues=[("alien", "heat")] * number).on(FILMS)
        return CandidateGenerator(FILMS, encoder(), tmp_path, known=known)

    found = list(cross_fitted(asked, without))
    assert sorted(used) == sorted({fold_number(one.owner) for one in asked})
    named = SIGNALS.index("named")
    counts = {round(float(example.signals[0, named]), 3) for example in found}
    assert len(found) == 12
    assert len(counts) == len(used)  # each fold with the knowledge made for it


def test_all_turns_of_a_dialogue_are_in_one_fold():
    assert len({fold_of(f"77:{n}", FOLDS, "fold") for n in range(9)} | {fold_number("77")}) == 1


def test_a_fingerprint_is_of_the_words_and_of_the_case():
    other = Case("1:1", (Turn("user", "a thriller"),), (), "bot", ("heat",))
    assert fingerprint(case(1)) == fingerprint(case(1))
    assert len({fingerprint(one) for one in (case(1), case(2), other)}) == 3
