"""Simulated users with a scripted bot: what they answer, and what counts as found or as a fault."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from chatrec.client import ChatClient
from chatrec.simulation.bots import KeywordBot, KeywordIndex, PopularityBot
from chatrec.simulation.goals import Goal, Goals
from chatrec.simulation.run import USERS, Plan, simulate
from chatrec.simulation.talk import hold
from chatrec.simulation.users import AgendaUser, AttributeUser
from chatrec.simulation.words import Voice, Wish, Words, tells
from chatrec.types import Constraint

TEMPLATES = "data/simulation/users.toml"
ALIEN, SHINING, GODFATHER, CASABLANCA = "tt0078748", "tt0081505", "tt0068646", "tt0034583"
HORROR = Wish("horror", (Constraint("genre", "is", ("Horror",), "horror"),))
SEVENTIES = Wish("from the 70s", (Constraint("year", "min", (1970.0,)), Constraint("year", "max", (1979.0,))))


@dataclass
class Script:
    """A bot that answers with what it was given, in that order, the last one again and again."""

    answers: Sequence[dict]
    heard: list[str] = field(default_factory=list)

    def say(self, text: str) -> list[dict]:
        self.heard.append(text)
        return [self.answers[min(len(self.heard), len(self.answers)) - 1]]


def listing(*item_ids: str, relaxed: Sequence[Constraint] = ()) -> dict:
    items = [{"rank": rank, "item_id": item_id} for rank, item_id in enumerate(item_ids, 1)]
    return {"text": "", "custom": {"kind": "list", "items": items, "relaxed": [c.to_json() for c in relaxed]}}


@pytest.fixture(scope="module")
def goals(settings, movies) -> Goals:
    return Goals(movies, Words(settings.root / TEMPLATES, "movies"))


@pytest.fixture
def talk(goals, movies):
    """Hold a dialogue about Alien: ``(bot, user, patience)``."""

    def held(bot: Script, kind=AttributeUser, patience: int = 4, liked=(), seed: int = 1):
        goal = Goal(movies.item(ALIEN), (HORROR, SEVENTIES), tuple(movies.item(i) for i in liked))
        rng = random.Random(seed)
        voice = Voice(goals.words, {"noun": "film", "plural": "films"}, "Alien", 0.0, rng)
        return hold(kind(goal, goals, rng), voice, goal, bot, movies, patience)

    return held


def test_found_is_the_turn_that_lists_the_target_and_it_is_taken_by_its_place(talk):
    bot = Script([listing(SHINING), listing(SHINING, ALIEN), {"text": "Enjoy Alien!"}])
    dialogue = talk(bot)
    assert dialogue.found == 2
    assert dialogue.thanked
    assert "second" in bot.heard[-1].lower()


def test_patience_ends(talk):
    bot = Script([listing(SHINING)])
    dialogue = talk(bot, patience=3)
    assert dialogue.found is None
    assert len(bot.heard) == 3


def test_a_listed_item_that_breaks_a_told_wish_is_a_fault_unless_that_was_let_go(talk):
    faults = talk(Script([listing(GODFATHER)]), patience=1).faults
    assert [(f.kind, f.item_id, f.wish, f.misspelt) for f in faults] == [("broken", GODFATHER, "horror", False)]
    assert talk(Script([listing(GODFATHER, relaxed=HORROR.constraints)]), patience=1).faults == ()


def test_a_wish_not_told_yet_is_not_broken(talk):
    assert talk(Script([listing(SHINING)]), patience=1).faults == ()  # 1980, which was not ruled out


def test_what_was_listed_or_told_as_known_must_not_come_back(talk):
    faults = talk(Script([listing(SHINING)]), patience=2).faults
    assert ("repeated", 2) in {(f.kind, f.turn) for f in faults}
    told = [talk(Script([listing(SHINING)]), AgendaUser, 4, (SHINING,), seed) for seed in range(5)]
    knows = [{i for said, _ in d.turns[:n] for act in said.acts for i in act.knows} for d in told for n in (1, 2, 3, 4)]
    assert any(SHINING in known for known in knows)


def test_items_of_another_catalogue_are_faults_and_not_read(talk):
    dialogue = talk(Script([listing("running-shoe"), listing(ALIEN), {"text": "Enjoy Alien!"}]))
    assert [(f.kind, f.item_id) for f in dialogue.faults] == [("astray", "running-shoe")]
    assert dialogue.found == 2


@pytest.mark.parametrize("kind", [AgendaUser, AttributeUser])
def test_a_question_is_answered_with_the_option_that_fits(kind, talk):
    buttons = [{"title": t, "payload": t} for t in ("Comedy", "Sci-Fi", "I don't mind")]
    bot = Script([{"text": "What kind?", "buttons": buttons}, listing(SHINING)])
    talk(bot, kind, patience=2)
    assert "sci-fi" in bot.heard[1].lower()


def test_no_option_that_fits_is_no_preference(talk):
    buttons = [{"title": t, "payload": t} for t in ("Comedy", "Western", "I don't mind")]
    bot = Script([{"text": "What kind?", "buttons": buttons}, listing(SHINING)])
    dialogue = talk(bot, patience=2)
    assert [act.kind for act in dialogue.turns[1][0].acts] == ["indifferent"]


def test_what_is_not_understood_is_said_once_more(talk):
    bot = Script([{"text": "I didn't get that."}, listing(SHINING)])
    dialogue = talk(bot, AgendaUser, patience=2)
    first, second = (said.acts for said, _ in dialogue.turns)
    assert first == second


def test_the_agenda_brings_up_what_is_wrong_with_a_list(talk):
    kinds = {
        act.kind
        for seed in range(30)
        for said, _ in talk(Script([listing(GODFATHER, CASABLANCA)]), AgendaUser, 6, (), seed).turns
        for act in said.acts
    }
    assert {"more", "again"} <= kinds
    assert kinds & {"known_liked", "known_disliked"}


def test_the_attribute_user_only_tells_answers_and_asks_for_more(talk):
    kinds = {act.kind for said, _ in talk(Script([listing(SHINING)]), patience=6).turns for act in said.acts}
    assert kinds == {"open", "wish", "others"}


def test_popularity_shows_the_best_known_first_and_nothing_twice(movies):
    bot = PopularityBot(movies)
    lists = [[item["item_id"] for item in bot.say("horror")[0]["custom"]["items"]] for _ in range(3)]
    shown = [movies.popularity[movies.index(i)] for ids in lists for i in ids]
    assert shown == sorted(shown, reverse=True)
    assert len({i for ids in lists for i in ids}) == 15


def test_keywords_find_what_is_named_and_nothing_twice(movies):
    bot = KeywordBot(KeywordIndex(movies))
    first, second = (
        [item["item_id"] for item in bot.say("horror directed by Ridley Scott")[0]["custom"]["items"]] for _ in range(2)
    )
    assert ALIEN in first
    assert not set(first) & set(second)


def test_no_user_ever_says_the_title_and_a_seed_repeats_itself(settings, movies):
    bots = {"popularity": lambda: PopularityBot(movies)}
    words = settings.root / TEMPLATES
    held = simulate(Plan(15, seed=3), movies, words, bots, lambda: None)
    assert list(held) == list(USERS)
    for dialogue in held["agenda"]["popularity"] + held["attributes"]["popularity"]:
        assert not any(tells(said.text, dialogue.goal.target.title) for said, _ in dialogue.turns)
    again = simulate(Plan(15, seed=3), movies, words, bots, lambda: None)
    assert held == again


@pytest.mark.slow
def test_users_talk_to_the_real_bot(stack, settings, movies):
    bots = {"bot": lambda: ChatClient(stack.url)}
    held = simulate(Plan(5, seed=1), movies, settings.root / TEMPLATES, bots, lambda: None)
    dialogues = [*held["agenda"]["bot"], *held["attributes"]["bot"]]
    assert sum(bool(d.found) for d in dialogues) >= 5
    assert not [f for d in dialogues for f in d.faults if not f.misspelt]
