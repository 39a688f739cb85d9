"""Simulated users for locust: each holds the conversations of ``conversations.yml``, with time to read.

locust runs this file; ``benchmarks.load`` runs locust.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml
from locust import User, between, task

from benchmarks import conversations
from chatrec.client import ChatClient
from chatrec.errors import ChatRecError
from chatrec.settings import ROOT

APOLOGIES = ("utter_no_answer", "utter_slow_down", "utter_sorry", "utter_no_memory")


@lru_cache(maxsize=1)
def apologies() -> frozenset[str]:
    """What the bot says where it has no answer, from domain.yml."""
    responses = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))["responses"]
    return frozenset(variation["text"] for name in APOLOGIES for variation in responses[name])


class Reader(User):
    """Says the next thing 10 to 30 seconds after the answer: a list of five has some 60 words."""

    wait_time = between(10, 30)

    def on_start(self) -> None:
        self._turns = self._script()

    @task
    def turn(self) -> None:
        began, failed = time.perf_counter(), None
        try:
            answer = next(self._turns)
            if not answer or any(m.get("text") in apologies() for m in answer):
                failed = ChatRecError("an apology")
        except ChatRecError as error:
            failed, self._turns = error, self._script()
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
