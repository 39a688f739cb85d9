"""Simulated users for locust: each holds the conversations of ``conversations.yml``, with time to read.

locust runs this file; ``benchmarks.load`` runs locust.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import yaml
from locust import User, between, task

from benchmarks import conversations
from channels.messages import APOLOGY, SLOW_DOWN
from chatrec.client import ChatClient
from chatrec.errors import ChatRecError
from chatrec.settings import ROOT

NOT_NOW = ("utter_sorry", "utter_no_memory", "utter_without_memory")  # responses to a failure of ours


class Reader(User):
    """Says the next thing 10 to 30 seconds after the answer: a list of five has some 60 words."""

    wait_time = between(10, 30)

    def on_start(self) -> None:
        self._turns, self._said = self._script(), ""

    @task
    def turn(self) -> None:
        began, failed = time.perf_counter(), None
        try:
            failed = amiss(next(self._turns), self._said)
        except ChatRecError as error:
            failed, self._turns = ChatRecError(f"{error} (to: {self._said})"), self._script()
        milliseconds = 1000 * (time.perf_counter() - began)
        self.environment.events.request.fire(
            request_type="chat", name="turn", response_time=milliseconds, response_length=0, exception=failed
        )

    def _script(self) -> Iterator[list[dict[str, Any]]]:
        """Answers, for ever: one conversation after the other."""
        while True:
            client, shown = ChatClient(f"{self.host}/chat"), None
            for turn in random.choice(conversations())["turns"]:
                [said] = turn.values()
                self._said = said
                if isinstance(said, str):
                    answer = client.say(said)
                elif shown and said["rank"] <= len(shown["items"]):
                    item = shown["items"][said["rank"] - 1]["item_id"]
                    answer = client.click(said["click"], item, shown["impression_id"])
                else:
                    continue
                lists = [m["custom"] for m in answer if (m.get("custom") or {}).get("kind") == "list"]
                shown = lists[-1] if lists else shown
                yield answer
            client.close()


def amiss(answer: Sequence[Mapping[str, Any]], said: Any) -> ChatRecError | None:
    """What is wrong with an answer: there is none, or it tells of a failure. An ordinary "Sorry, ..." is none."""
    told = [m["text"] for m in answer if m.get("text") in breakdowns()]
    if answer and not told:
        return None
    return ChatRecError(f"{' '.join(told) or 'silence'} (to: {said})")


@lru_cache(maxsize=1)
def breakdowns() -> frozenset[str]:
    """What the bot says when something of its own fails, or when somebody talks too fast."""
    responses = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))["responses"]
    return frozenset(
        [APOLOGY["text"], SLOW_DOWN["text"]] + [said["text"] for name in NOT_NOW for said in responses[name]]
    )
