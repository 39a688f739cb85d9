"""What phrases do in a conversation."""

from __future__ import annotations

import pytest

from chatrec import phrases


@pytest.mark.parametrize(
    "text", ["recommend me something good", "what should i watch tonight?", "any movie ideas pleaae", ""]
)
def test_vague_requests(text):
    assert phrases.is_vague(text)


@pytest.mark.parametrize("text", ["a movie about space travel", "something with dinosaurs", "heist", "about cooking"])
def test_requests_with_something_to_search_by(text):
    assert not phrases.is_vague(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loved it", "like"),
        ("didn't like it", "dislike"),
        ("not my thing", "dislike"),
        ("the second one wasn't for me", "dislike"),
        ("it was great fun", "like"),
        ("i have seen it", None),
        ("do not really enjoy those", "dislike"),
    ],
)
def test_stance(text, expected):
    """Negated praise is against."""
    assert phrases.stance(text) == expected


@pytest.mark.parametrize(
    "before", ["more like ", "something similar to ", "Like ", "somthing like the ", "a film like "]
)
def test_asking_for_similar(before):
    assert phrases.asks_for_similar(before)


@pytest.mark.parametrize("before", ["i like ", "i really liked ", "tell me about ", "who is in "])
def test_not_asking_for_similar(before):
    assert not phrases.asks_for_similar(before)


@pytest.mark.parametrize("after", [", more like it", ". anything else like that?", " something similar to it please"])
def test_asking_for_more_like_it(after):
    assert phrases.asks_for_more_like_it(after)


@pytest.mark.parametrize("after", [" more than it", ", I like it", " like that actor", " more like Alien"])
def test_not_asking_for_more_like_it(after):
    assert not phrases.asks_for_more_like_it(after)


def test_declining_to_answer_is_nothing_to_search_by():
    assert phrases.topic("I don't mind") == phrases.topic("doesn't matter") == ""


def test_rather_longer_takes_the_place_of_nothing():
    assert phrases.replaces("rather a western") and phrases.replaces("a western instead")
    assert not phrases.replaces("rather longer. adventure as well")
