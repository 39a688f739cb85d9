"""Every conversation under tests/conversations/ is held with the running bot and checked against the catalogue."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from chatrec.catalog import Catalog
from chatrec.client import ChatClient
from chatrec.store import Store
from chatrec.types import Constraint

FOLDER = Path(__file__).parent / "conversations"
pytestmark = [pytest.mark.slow, pytest.mark.alone]


@dataclass
class Talk:
    """One conversation and what it has shown so far."""

    client: ChatClient
    catalogs: Mapping[str, Catalog]
    store: Store
    name: str = "movies"  # the catalogue of the last list
    lists: list[list[str]] = field(default_factory=list)
    buttons: list[dict] = field(default_factory=list)
    clicked: str = ""
    impression: str = ""

    def hear(self, messages: list[dict]) -> tuple[str, list[dict]]:
        """The texts of the answer, and the cards of its list. Remembers both."""
        cards: list[dict] = []
        for message in messages:
            custom = message.get("custom") or {}
            if custom.get("kind") == "list":
                cards, self.impression, self.name = custom["items"], custom["impression_id"], custom["catalog"]
        self.buttons = [b for m in messages for b in m.get("buttons") or []]
        return "\n".join(m.get("text") or "" for m in messages), cards

    @property
    def catalog(self) -> Catalog:
        return self.catalogs[self.name]

    def row(self, card: dict):
        return self.catalog.item(card["item_id"])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.yml")), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_conversation(path, stack, catalogs):
    """The bot does in every turn what the file expects."""
    script = yaml.safe_load(path.read_text(encoding="utf-8"))
    conversation = secrets.token_hex(16)
    talk = Talk(
        ChatClient(stack.url, conversation), catalogs, Store.open(stack.settings.db, stack.settings.store_secret())
    )
    for number, turn in enumerate(script["turns"], 1):
        if turn.get("restart"):
            stack.stop()
            stack.start()
            continue
        texts, cards = talk.hear(_say(talk, turn))
        try:
            _check(talk, turn.get("expect", {}), texts, cards, conversation)
        except AssertionError as error:
            titles = [c["title"] for c in cards]
            raise AssertionError(f"turn {number} {turn}: {error}\nsaid: {texts}\nlist: {titles}") from None
        if cards:
            talk.lists.append([c["item_id"] for c in cards])


def _say(talk: Talk, turn: dict) -> list[dict]:
    if "click" in turn:
        talk.clicked = talk.lists[-1][turn["click"]["rank"] - 1]
        return talk.client.click(turn["click"]["kind"], talk.clicked, talk.impression)
    if "press" in turn:
        return talk.client.say(talk.buttons[turn["press"] - 1]["payload"])
    return talk.client.say(turn["user"] if "user" in turn else "a funny film " * (turn["long"] // 13))


def _check(talk: Talk, expect: dict, texts: str, cards: list[dict], conversation: str) -> None:
    assert texts.strip() or cards, "silence"
    assert "went wrong" not in texts, "the bot apologised"
    rows = [talk.row(card) for card in cards]  # raises when a title is not in the catalogue
    last = talk.lists[-1] if talk.lists else []
    earlier = {i for shown in talk.lists for i in shown}
    for key, value in expect.items():
        if key == "list":
            assert (len(cards) > 0) if value is True else len(cards) == int(value), f"{len(cards)} cards"
        elif key in ("every", "none", "min", "max"):
            _check_rows(talk.catalog, rows, key, value)
        elif key == "catalog":
            assert talk.name == value, f"a list of {talk.name}"
        elif key == "says":
            assert re.search(value, texts, re.IGNORECASE), f"no {value!r}"
        elif key == "silent":
            assert not re.search(value, texts, re.IGNORECASE), f"said {value!r}"
        elif key == "reasons":
            assert all(len(c["reason"]) > 15 for c in cards), "a card without a reason"
        elif key == "new":
            assert not earlier & {r.item_id for r in rows}, "an item came back"
        elif key == "without":
            assert last[value - 1] not in {r.item_id for r in rows}, "a seen item came back"
        elif key == "without_clicked":
            assert talk.clicked not in {r.item_id for r in rows}, "a liked item came back"
        elif key == "newer_than_last":
            years = [talk.catalog.item(i).attributes["year"] for i in last]
            assert min(r.attributes["year"] for r in rows) > sorted(years)[len(years) // 2], "not newer"
        elif key == "names_cast_of":
            assert any(name in texts for name in talk.catalog.item(last[value - 1]).attributes["cast"]), "no cast"
        elif key == "names_director_of":
            assert any(name in texts for name in talk.catalog.item(last[value - 1]).attributes["directors"])
        elif key == "about":
            assert talk.catalog.item(last[value - 1]).title in texts, "about another item"
        elif key == "events":
            stored = talk.store.events(talk.store.user(conversation), "movies")
            assert set(value) == {e.kind for e in stored}, [e.kind for e in stored]
        elif key == "buttons":
            assert bool(talk.buttons) == value, f"buttons: {talk.buttons}"
        else:
            raise KeyError(f"unknown expectation {key}")


def _check_rows(catalog: Catalog, rows: list, key: str, wishes: dict) -> None:
    op = {"every": "is", "none": "not"}.get(key, key)
    for slot, value in wishes.items():
        mask = catalog.mask(Constraint(slot, op, (float(value) if op in ("min", "max") else value,)))
        wrong = [row.title for row in rows if not mask[catalog.index(row.item_id)]]
        assert not wrong, f"{slot} {op} {value} broken by {wrong}"
