"""A folder under ``data/catalogs`` and ``rasa train``: that is all it takes for the bot to recommend books as well."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import many_books
import pytest
from stacks import Stack, running

from chatrec.catalog import Catalog, load_catalog
from chatrec.client import ChatClient
from chatrec.settings import ROOT, Settings
from designer.__main__ import read

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FILES = ("domain.yml", "config.yml", "credentials.yml", "endpoints.yml")
LEFT_OUT = ("data/catalogs/health", "data/catalogs/shopping", "data/catalogs/travel", "data/nlu/after.yml")
EXAMPLES = 30  # of an intent in a file: enough to train by, in a third of the time


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A copy of what designers edit, with the new folder in it."""
    home = tmp_path_factory.mktemp("home")
    for name in FILES:
        shutil.copy(ROOT / name, home)
    for name in ("data", "deploy", "models/recommender"):
        shutil.copytree(ROOT / name, home / name)
    many_books.write(home / "data" / "catalogs" / "books")
    return home


@pytest.fixture(scope="module")
def bot(home, tmp_path_factory) -> Iterator[Stack]:
    """The running bot after ``rasa train``, beside the films alone."""
    small = shutil.copytree(home, tmp_path_factory.mktemp("small"), dirs_exist_ok=True)
    for name in LEFT_OUT:
        shutil.rmtree(small / name) if (small / name).is_dir() else (small / name).unlink()
    for path in (small / "data" / "nlu").rglob("*.yml"):
        path.write_text("".join(_fewer(path.read_text(encoding="utf-8"))), encoding="utf-8")
    env = {"CHATREC_HOME": str(small), "CHATREC_CACHE": str(Settings.read().cache), "PYTHONPATH": str(ROOT)}
    train = [sys.executable, "-m", "rasa", "train", "--fixed-model-name", "rasa", "--out", "models"]
    subprocess.run(train, cwd=small, env={**os.environ, **env}, check=True, capture_output=True)
    with running(tmp_path_factory.mktemp("var"), **env) as stack:
        yield stack


def _fewer(text: str) -> Iterator[str]:
    """The lines of a file with only the first examples of each intent."""
    count = 0
    for line in text.splitlines(keepends=True):
        count = count + 1 if line.startswith("    - ") else 0
        if count <= EXAMPLES:
            yield line


@pytest.fixture(scope="module")
def books(home) -> Catalog:
    return load_catalog(home / "data" / "catalogs" / "books")


def test_designers_are_told_that_all_is_well(home):
    assert read(Settings.read({"CHATREC_HOME": str(home)})).problems == ()


def test_the_bot_recommends_books(bot, books):
    """Asked for, made shorter, explained, liked and more like it; and films when films are asked for."""
    talk = ChatClient(bot.url)
    crimes = _list(talk.say("can you recommend me a crime novel?"), "books")
    assert {subject for card in crimes for subject in _row(books, card)["subjects"]} == {"Crime"}
    pages = sorted(_row(books, card)["pages"] for card in crimes)

    shorter = _list(talk.say("something shorter"), "books")
    assert max(_row(books, card)["pages"] for card in shorter) < pages[len(pages) // 2]
    assert {subject for card in shorter for subject in _row(books, card)["subjects"]} == {"Crime"}

    why = _text(talk.say("why the first one?"))
    assert shorter[0]["title"] in why and "Crime" in why

    liked = _list(talk.say("I love the second one, more like it"), "books")
    assert liked and not {card["item_id"] for card in liked} & {card["item_id"] for card in (*crimes, *shorter)}
    assert shorter[1]["title"] in _text(talk.say("what do you know about me?"))

    assert "pages" in _text(talk.say("how many pages does the first have?"))
    assert _list(talk.say("and now a funny film please"), "movies")
    assert _list(talk.say("something to read about ghosts"), "books")


def _list(said: list[dict], catalog: str) -> list[dict]:
    """The cards of an answer, which must be a list of that catalogue."""
    lists = [message["custom"] for message in said if (message.get("custom") or {}).get("kind") == "list"]
    assert [shown["catalog"] for shown in lists] == [catalog], _text(said)
    return lists[0]["items"]


def _text(said: list[dict]) -> str:
    return "\n".join(message.get("text") or "" for message in said)


def _row(books: Catalog, card: dict) -> dict:
    return books.item(card["item_id"]).attributes
