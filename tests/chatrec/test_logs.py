"""Lines of JSON, without a word of what users say unless it is switched on."""

from __future__ import annotations

import io
import json
import logging

import pytest

from chatrec import logs
from chatrec.errors import StoreDown

WORDS = "zanzibar quixotic flibbertigibbet"


class Written:
    """A logger whose lines are kept."""

    def __init__(self, name: str, text: bool = False) -> None:
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(logs.JsonLines("rasa", text))
        self.log = logging.Logger(name)
        self.log.addHandler(handler)

    @property
    def line(self) -> dict:
        return json.loads(self.stream.getvalue())


def fail(log: logging.Logger) -> None:
    try:
        raise ValueError(WORDS)
    except ValueError:
        log.exception("a message was not answered")


def test_a_line_says_when_what_and_where():
    written = Written("sanic.root")
    written.log.warning("slow: %d s", 3)
    assert written.line["message"] == "slow: 3 s"
    assert written.line.keys() == {"time", "level", "service", "logger", "message", "at"}
    assert written.line["at"].startswith("test_logs:")


@pytest.mark.parametrize("name", ["channels.turns", "rasa.core.processor", "asyncio"])
def test_an_exception_is_told_without_its_words_but_with_its_place(name):
    written = Written(name)
    with logs.private():
        fail(written.log)
    assert "zanzibar" not in written.stream.getvalue()
    assert written.line["error"]["type"] == "ValueError"
    assert written.line["error"]["places"][-1].endswith(" fail")


def test_what_a_library_says_in_a_turn_is_left_out_and_before_it_is_not():
    for said in (f"odd: {WORDS}", json.dumps({"event": "parsed", "text": WORDS})):
        written = Written("rasa.core.processor")
        with logs.private():
            written.log.warning(said)
        assert "zanzibar" not in written.stream.getvalue()
        assert written.line["at"].startswith("test_logs:")
    written = Written("rasa.core.run")
    written.log.warning("port 5005 is odd")
    assert written.line["message"] == "port 5005 is odd"


def test_arguments_of_a_library_are_left_out_of_its_template():
    written = Written("rasa.core.processor")
    with logs.private():
        written.log.warning("odd message: %s", WORDS)
    assert written.line["message"] == "odd message: %s"


def test_a_task_that_nobody_waited_for_and_an_address_tell_nothing():
    written = Written("asyncio")
    written.log.error(f"Task exception was never retrieved\nfuture: exception=ValueError('{WORDS}')")
    assert written.line["message"] == "Task exception was never retrieved"
    written = Written("sanic.error")
    written.log.error("Exception occurred while handling uri: 'http://bot/chat/history?conversation=secret'")
    assert "secret" not in written.stream.getvalue()


def test_what_our_own_modules_say_is_written_and_why_the_store_is_down():
    written = Written("actions.turn")
    with logs.private():
        try:
            raise StoreDown("can't use the sqlite database")
        except StoreDown:
            written.log.exception("%s failed", "recommend")
    assert written.line["message"] == "recommend failed"
    assert written.line["error"]["text"] == "can't use the sqlite database"


def test_text_can_be_switched_on():
    written = Written("rasa.core.processor", text=True)
    with logs.private():
        fail(written.log)
    assert written.line["error"]["text"] == WORDS
