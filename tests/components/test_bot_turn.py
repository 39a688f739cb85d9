"""What the bot did before a message, told from the conversation."""

import pytest
from rasa.shared.core.events import ActionExecuted, BotUttered, SessionStarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from components.bot_turn import GREETING, ITEMS, QUESTION, TALK, last_turn, turn


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], GREETING),
        (["Hello! What are you looking for? I know films."], GREETING),
        (["Welcome back! Last time you liked Heat. More in that direction, or something new?"], GREETING),
        (["What kind of film are you in the mood for?"], QUESTION),
        (["Fine.", "How much time do you have?"], QUESTION),
        (["Here are a few films I'd start with:", "1. Heat (1995): a thief.\n2. Alien (1979): a crew."], ITEMS),
        (["These fit (running shoes):", "1. Pegasus: light.\n2. Kayano: stable."], ITEMS),
        (["Have you seen Amelie (2001)?"], ITEMS),
        (["You're welcome."], TALK),
        (["It costs 100 € (2 left)."], TALK),
        (["This one is worth it."], TALK),  # no "hi" in it
    ],
)
def test_a_turn_is_a_greeting_a_question_items_or_talk(said, expected):
    assert turn(said) == expected


def conversation(*events):
    return DialogueStateTracker.from_events("someone", events)


def test_only_what_came_after_the_users_last_message_counts():
    listed = BotUttered("1. Heat (1995): a thief.")
    assert last_turn(conversation(SessionStarted(), UserUttered("a film"), listed)) == ITEMS
    assert last_turn(conversation(listed, UserUttered("thanks"), BotUttered("My pleasure."))) == TALK


def test_a_message_in_no_conversation_comes_after_nothing_known():
    assert last_turn(None) is None
    assert last_turn(conversation()) is None


def test_a_conversation_begins_like_one_with_a_greeting():
    assert last_turn(conversation(SessionStarted(), ActionExecuted("action_listen"))) == GREETING


def test_a_message_of_cards_alone_has_no_text():
    assert last_turn(conversation(UserUttered("hi"), BotUttered(None, {"custom": {}}), BotUttered("Which one?"))) == (
        QUESTION
    )
