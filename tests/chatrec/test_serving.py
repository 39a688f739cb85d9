"""Turns from the channel to the engine, with an engine in trouble: one trace, an answer each time, nothing lost."""

from __future__ import annotations

import asyncio
import contextvars
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from small_films import encoder, films

from actions import reading, turn
from actions.recommend import recommend
from channels.incoming import Button, Incoming
from channels.sayings import Sayings
from channels.turns import Turns
from chatrec import policy
from chatrec.bootstrap import PLAIN, Engine
from chatrec.candidates import CandidateGenerator
from chatrec.dialogue import State
from chatrec.linker import Linker
from chatrec.rank import KeepOrder
from chatrec.recommender import Recommender
from chatrec.resilient import Resilient
from chatrec.routing import Router
from chatrec.settings import Settings
from chatrec.spool import Spool
from chatrec.store import Store
from chatrec.types import Mention

FILMS = films()


@pytest.fixture
def db(tmp_path) -> Path:
    return tmp_path / "db" / "store.db"


@pytest.fixture
def engine(db, tmp_path, monkeypatch) -> Engine:
    """A dozen films, as a server has them."""
    monkeypatch.setattr("chatrec.database._RETRY", 0.0)
    plain = Recommender(FILMS, CandidateGenerator(FILMS, encoder(), tmp_path / "vectors"), KeepOrder(), PLAIN)
    built = Engine(
        Settings(action_seconds=2.0, consent="given"),
        Store.open(f"sqlite:///{db}", "secret", Spool(tmp_path / "spool.jsonl")),
        {"films": FILMS},
        {"films": Linker(FILMS)},
        {"films": Resilient(replace(plain, model="first"), plain, 1.0)},
        Router({"films": FILMS}, encoder(), Path("unused")),
        {},
    )
    monkeypatch.setattr(turn, "engine", lambda: built)
    return built


class Rasa:
    """Takes Rasa's place between channel and action: as in two processes, only the message is handed on."""

    def __init__(self, work=recommend) -> None:
        self.work, self.carried, self.said = work, [], []
        self.state = None

    async def __call__(self, message) -> None:
        self.carried.append(message.metadata)
        await contextvars.Context().run(asyncio.ensure_future, self.act(message))

    async def act(self, message) -> None:
        parsed = message.parse_data or {"intent": {"name": "ask_recommendation"}, "entities": []}
        latest = {**parsed, "text": message.text, "metadata": message.metadata}
        tracker = Tracker("me", {"state": self.state}, latest, [], False, None, {}, "action_listen")
        dispatcher = CollectingDispatcher()
        events = await turn.respond(self.work, dispatcher, tracker, {})
        self.state = events[0]["value"] if events else self.state
        self.said.append([message["response"] or message["text"] for message in dispatcher.messages])


async def hear(rasa: Rasa, n: int, button: Button | None = None) -> list[str]:
    """What the bot says to one message."""

    async def answer(incoming, say) -> None:
        await say()

    turns = Turns("telegram", rasa, answer, lambda _: None, 5.0, 0.0, 30)
    says = Sayings(SimpleNamespace(ctx=SimpleNamespace(agent=None)))
    await turns._turn(says, Incoming("me", "me", f"m{n}", "just show me a zanzibar film", button))
    return rasa.said[-1]


async def test_a_turn_is_one_trace_without_its_words(engine, monkeypatch):
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    rasa = Rasa()
    await hear(rasa, 1)
    spans = {span.name: span for span in kept.get_finished_spans()}
    assert spans.keys() == {"turn", "action recommend", "recommend"}
    assert len({span.context.trace_id for span in spans.values()}) == 1
    assert spans["action recommend"].parent.span_id == spans["turn"].context.span_id
    assert spans["recommend"].parent.span_id == spans["action recommend"].context.span_id
    assert f"{spans['turn'].context.trace_id:032x}" in rasa.carried[0]["traceparent"]
    assert "zanzibar" not in "".join(span.to_json() for span in spans.values())


async def test_where_nothing_is_traced_nothing_is_carried(engine):
    rasa = Rasa()
    await hear(rasa, 1)
    assert "traceparent" not in rasa.carried[0]


async def test_while_the_store_is_down_there_are_lists_without_memory_which_is_said_once(engine, db, tmp_path):
    rasa = Rasa()
    assert "utter_without_memory" not in await hear(rasa, 0)
    engine.store.close()
    shutil.move(db.parent, tmp_path / "aside")
    db.parent.write_text("not a folder")
    first, second = await hear(rasa, 1), await hear(rasa, 2)
    assert first[0] == "utter_without_memory" and "1. " in first[-1]
    assert "utter_without_memory" not in second and "1. " in second[-1]
    await hear(rasa, 3, Button("like", "alien", "list"))
    await hear(rasa, 3, Button("like", "alien", "list"))  # delivered twice
    db.parent.unlink()
    shutil.move(tmp_path / "aside", db.parent)
    assert "utter_without_memory" not in await hear(rasa, 4)
    user = engine.store.user("me")
    assert [(event.item_id, event.kind) for event in engine.store.events(user)] == [("alien", "like")]
    assert len(engine.store.turns(user, "me", 99)) == 5
    assert len(engine.store.export("me")["impressions"]) == 3  # lists of five, two of them away; then all was shown


def test_what_a_policy_must_know_outlives_the_memory_and_can_be_taken_back():
    def fact(value: str, negated: bool = False) -> Mention:
        return Mention(policy.SLOT, 0, 4, value, value, catalog="films", negated=negated)

    before = State("films", noticed=("nuts", reading.FORGETFUL, "milk"))
    assert reading._rules_without_memory(before, [fact("eggs"), fact("milk", negated=True)]) == ("nuts", "eggs")


async def test_an_action_that_hangs_ends_in_an_apology(engine):
    hung = threading.Event()
    rasa = Rasa(lambda *_: hung.wait(10))
    assert await asyncio.wait_for(hear(rasa, 1), 4) == ["utter_sorry"]
    hung.set()


async def test_a_turn_keeps_the_model_that_it_began_with(engine, monkeypatch):
    begun, go = threading.Event(), threading.Event()

    def work(built: Engine, incoming):
        begun.set()
        go.wait(5)
        return recommend(built, incoming)

    other = replace(engine.recommenders["films"], whole=replace(engine.recommenders["films"].plain, model="second"))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(asyncio.run, hear(Rasa(work), 1))
        assert begun.wait(5)
        monkeypatch.setattr(turn, "engine", lambda: replace(engine, recommenders={"films": other}))
        go.set()
        first.result(10)
    await hear(Rasa(), 2)
    user = engine.store.user("me")
    assert [row["model"] for row in engine.store.export("me")["impressions"]] == ["first", "second"]
    assert user
