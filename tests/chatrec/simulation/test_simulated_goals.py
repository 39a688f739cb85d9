"""What simulated users want and how they say it: true of the target, findable, and never its title."""

from __future__ import annotations

import random

import pytest
from small_books import books

from chatrec.errors import BadInput
from chatrec.simulation.goals import FACTS, FEW, Goals
from chatrec.simulation.users import meets
from chatrec.simulation.words import Act, Voice, Words, misspell, tells

TEMPLATES = "data/simulation/users.toml"


@pytest.fixture(scope="module")
def goals(settings, movies) -> Goals:
    return Goals(movies, Words(settings.root / TEMPLATES, "movies"))


def test_what_a_user_knows_is_true_of_the_target_and_tells_it_from_most(goals, movies):
    for i in range(40):
        goal = goals.draw(random.Random(i))
        assert FACTS[0] <= len(goal.wishes) <= FACTS[1]
        assert all(meets(wish, goal.target.item_id, movies) for wish in goal.wishes)
        fitting = [item for item in movies.items if all(meets(w, item.item_id, movies) for w in goal.wishes)]
        assert len(fitting) <= FEW
        assert goal.target not in goal.liked


def test_the_same_seed_draws_the_same_goal(goals):
    assert goals.draw(random.Random(7)) == goals.draw(random.Random(7))
    assert goals.draw(random.Random(7)) != goals.draw(random.Random(8))


def test_liked_items_are_closer_to_the_target_than_others(goals, movies):
    near, all_items = [], []
    for i in range(20):
        goal = goals.draw(random.Random(i))
        closeness = goals.closeness(movies.index(goal.target.item_id))
        near += [closeness[movies.index(item.item_id)] for item in goal.liked]
        all_items.append(closeness.mean())
    assert sum(near) / len(near) > 2 * sum(all_items) / len(all_items)


def test_users_want_things_of_any_catalogue(settings, tmp_path):
    catalog = books(tmp_path)
    goals = Goals(catalog, Words(settings.root / TEMPLATES, catalog.schema.name))
    wishes = [wish.text for i in range(30) for wish in goals.draw(random.Random(i)).wishes]
    assert "with Ada Munro" in wishes
    assert any("pages" in wish for wish in wishes)
    assert {"sci-fi", "robots"} & set(wishes)


@pytest.mark.parametrize(
    "text, title, expected",
    [
        ("I'd like ALIEN again", "Alien", True),
        ("anything with aliens", "Alien", False),
        ("dr strangelove or the like", "Dr. Strangelove", True),
        ("amelie, please", "Amélie", True),
    ],
)
def test_a_title_is_recognised_as_whole_words_however_it_is_typed(text, title, expected):
    assert tells(text, title) is expected


def test_a_variation_with_the_title_in_it_is_not_used(settings):
    words = Words(settings.root / TEMPLATES, "movies")
    voice = Voice(words, {"noun": "film", "plural": "films"}, "Show Me", 0.0, random.Random(0))
    said = {voice.put((Act("others"),)).text.lower() for _ in range(50)}
    assert len(said) > 1
    assert not any(tells(text, "Show Me") for text in said)


def test_what_would_tell_the_title_is_left_unsaid(settings):
    words = Words(settings.root / TEMPLATES, "movies")
    voice = Voice(words, {"noun": "film", "plural": "films"}, "Barbershop", 0.0, random.Random(0))
    liked, wish = Act("liked", {"titles": "Barbershop 2: Back in Business"}), Act("indifferent")
    assert voice.put((liked, wish)).acts == (wish,)
    assert [act.kind for act in voice.put((liked,)).acts] == ["others"]


def test_slips_change_about_as_many_words_as_they_should():
    text = "wanted " * 1000
    wrong = sum(word != "wanted" for word in misspell(text, 0.1, random.Random(0)).split())
    assert 70 < wrong < 130
    assert misspell(text, 0.0, random.Random(0)) == text


def test_a_missing_act_is_named(tmp_path):
    (tmp_path / "users.toml").write_text('open = ["hello"]')
    with pytest.raises(BadInput, match="open_vague is missing"):
        Words(tmp_path / "users.toml", "movies")
