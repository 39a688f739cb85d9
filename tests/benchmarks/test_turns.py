"""How turns are timed and taken apart."""

from __future__ import annotations

import pytest
from rasa.shared.core.events import ActionExecuted, SlotSet, UserUttered

from benchmarks import conversations, spread
from benchmarks.turns import Timed, by_turn, hold, parts
from chatrec.errors import ChatRecError

LIST = {"text": "", "custom": {"kind": "list", "impression_id": "i1", "items": [{"item_id": "a"}, {"item_id": "b"}]}}


class Bot:
    """A client whose bot answers from a list, and that keeps what was clicked."""

    conversation = "c"

    def __init__(self, *answers: list[dict]) -> None:
        self.answers, self.clicked = list(answers), []

    def say(self, text: str) -> list[dict]:
        return self.answers.pop(0)

    def click(self, kind: str, item_id: str, impression_id: str) -> list[dict]:
        self.clicked.append((kind, item_id, impression_id))
        return self.answers.pop(0)


def test_a_click_goes_to_the_card_of_that_rank_in_the_last_list():
    bot = Bot([LIST], [{"text": "Noted."}])
    held = hold(bot, [{"request": "a film"}, {"feedback": {"click": "like", "rank": 2}}])
    assert bot.clicked == [("like", "b", "i1")]
    assert [(turn.kind, turn.listed) for turn in held] == [("request", True), ("feedback", False)]


def test_a_click_on_a_card_that_is_not_there_is_an_error():
    with pytest.raises(ChatRecError, match="card 3, but the last list has 2"):
        hold(Bot([LIST]), [{"request": "a film"}, {"feedback": {"click": "like", "rank": 3}}])


def test_the_parts_of_a_turn_add_up_to_the_turn():
    events = [
        UserUttered("a film", timestamp=100.1),
        ActionExecuted("action_recommend", timestamp=100.7),
        SlotSet("state", {}, timestamp=100.7),
        ActionExecuted("action_listen", timestamp=100.8),
    ]
    found = parts(Timed("c", "request", 100.0, 0.9, True), events)
    assert found == pytest.approx({"understanding": 0.1, "policies and action": 0.6, "keeping and sending": 0.2})


def test_events_before_the_first_message_belong_to_no_turn():
    first, second = UserUttered("hi"), UserUttered("a film")
    listen = ActionExecuted("action_listen")
    assert by_turn([listen, first, listen, second]) == [[first, listen], [second]]


def test_the_spread_is_in_order():
    assert spread(list(range(101))) == {"p50": 50.0, "p95": 95.0, "max": 100.0}


def test_the_scripts_are_long_enough_to_tell_the_95th_percentile():
    """At least 100 turns, and each of one known kind."""
    turns = [turn for script in conversations() for turn in script["turns"]]
    assert len(turns) >= 100
    assert {kind for turn in turns for kind in turn} == {"chat", "request", "critique", "feedback", "question"}
