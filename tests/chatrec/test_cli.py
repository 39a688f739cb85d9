"""The ``chatrec`` command as others call it: exit codes, one line for a failure, JSON of the agreed form."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from recordings import silence, wav
from rich.console import Console

from chatrec import doctor
from chatrec.catalog import Catalog, load_catalog
from chatrec.cli import main
from chatrec.commands.chat import Talk, known_as
from chatrec.commands.recommend import wish
from chatrec.errors import BadInput, ChatRecError, ModelMissing
from chatrec.settings import ROOT, Settings
from chatrec.types import Constraint

TEAS = """
name = "teas"
noun = "tea"
plural = "teas"
[columns]
id = "item_id"
title = "title"
[slots.kind]
type = "tags"
columns = ["kinds"]
label = "kind"
[slots.kind.synonyms]
"Green" = ["unfermented"]
[slots.price]
type = "number"
columns = ["price"]
label = "price"
"""
ROWS = "item_id,title,kinds,price\nt1,Sencha,Green,12\nt2,Assam,Black,8\n"


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A folder that stands for the project's root, and the settings that point at it."""
    monkeypatch.setenv("CHATREC_HOME", str(tmp_path))
    for name in ("CHATREC_DB", "CHATREC_VAR", "CHATREC_CACHE", "CHATREC_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "teas.toml").write_text(TEAS)
    (tmp_path / "teas.csv").write_text(ROWS)
    return tmp_path


@pytest.fixture
def call(home, capsys):
    """Run a command: ``(exit code, standard output, standard error)``."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def teas(call, home) -> Catalog:
    """A small catalogue of our own, imported."""
    assert call("catalog", "import", "teas", home / "teas.csv", "--schema", home / "teas.toml")[0] == 0
    return load_catalog(home / "data" / "catalogs" / "teas")


def test_help_loads_nothing_heavy():
    heavy = "{'torch', 'transformers', 'numpy', 'sqlalchemy', 'rasa', 'httpx', 'av', 'PIL'}"
    code = f"import sys, chatrec.cli; chatrec.cli.parser().format_help(); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_command_has_help(capsys):
    for command in ("chat", "recommend", "hear", "look", "catalog", "events", "evaluate", "user", "doctor"):
        with pytest.raises(SystemExit) as end:
            main([command, "--help"])
        assert end.value.code == 0
        assert command in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["recommend", "-n", "0"], ["user", "show"]])
def test_arguments_that_make_no_sense_are_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2


def test_an_imported_catalogue_is_listed(call, teas):
    code, out, _ = call("catalog", "list")
    assert (code, out.split(",")[0]) == (0, "teas: 2 teas")
    listed = json.loads(call("catalog", "list", "--json")[1])
    assert [(row["name"], row["items"]) for row in listed] == [("teas", 2)]


def test_a_bad_row_is_told_by_file_and_line_and_nothing_is_imported(call, home):
    (home / "teas.csv").write_text(ROWS + "t3,Oolong,Blue,cheap\n")
    code, out, err = call("catalog", "import", "teas", home / "teas.csv", "--schema", home / "teas.toml")
    assert (code, out) == (2, "")
    assert err.startswith(f"{home / 'teas.csv'}:4: ")
    assert err.count("\n") == 1
    assert not (home / "data" / "catalogs" / "teas").exists()


def test_a_second_import_may_leave_the_schema_out(call, teas, home):
    (home / "teas.csv").write_text(ROWS + "t3,Oolong,Blue,20\n")
    assert call("catalog", "import", "teas", home / "teas.csv")[:2] == (0, "teas: 3 teas\n")


def test_a_new_catalogue_without_schema_says_what_is_missing(call, home):
    code, _, err = call("catalog", "import", "teas", home / "teas.csv")
    assert code == 2
    assert "--schema" in err


def test_what_somebody_did_elsewhere_is_imported_shown_exported_and_forgotten(call, teas, home):
    ratings = home / "ratings.csv"
    ratings.write_text("userId,item_id,rating,timestamp\n7,t1,5,1000000000\n7,t2,2,1000000100\n8,t2,4,1000000200\n")
    db = f"sqlite:///{home / 'other.db'}"
    assert call("events", "import", ratings, "--domain", "teas", "--db", db)[:2] == (0, "3 events are new in teas\n")
    shown = json.loads(call("user", "show", "7", "--json", "--db", db)[1])
    assert shown.keys() == {"preferences", "events", "consents"}
    assert [event["item_id"] for event in shown["events"]] == ["t1", "t2"]
    assert "2001-09-09 01:46" in call("user", "show", "7", "--db", db)[1]
    assert json.loads(call("user", "export", "7", "--db", db)[1])["events"] == shown["events"]
    given = home / "seven.json"
    given.write_text(call("user", "export", "7", "--db", db)[1])
    assert json.loads(call("user", "forget", "7", "--json", "--db", db)[1])["erased"] >= 2
    assert call("user", "import", given, "--db", db)[:2] == (0, "3 rows restored\n")
    assert json.loads(call("user", "show", "7", "--json", "--db", db)[1]).keys() == shown.keys()
    assert json.loads(call("user", "expire", "--json", "--db", db)[1])["erased"] == 0
    assert json.loads(call("user", "forget", "7", "--json", "--db", db)[1])["erased"] >= 2
    code, out, err = call("user", "show", "7", "--json", "--db", db)
    assert (code, out, err) == (2, "", "nothing is stored about '7'\n")
    assert len(json.loads(call("user", "show", "8", "--json", "--db", db)[1])["events"]) == 1
    assert not (home / "var" / "chatrec.db").exists(), "--db was meant"


def test_a_bad_rating_is_told_by_file_and_line(call, home):
    ratings = home / "ratings.csv"
    ratings.write_text("userId,item_id,rating,timestamp\n7,t1,5,1000000000\n7,t2,eleven,1000000100\n")
    code, _, err = call("events", "import", ratings)
    assert code == 2
    assert err.startswith(f"{ratings}:3: ")


def test_a_database_that_is_not_there_is_one_line_and_exit_code_1(call):
    code, _, err = call("user", "show", "7", "--db", "sqlite:////proc/no/such.db")
    assert code == 1
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_debug_shows_the_traceback(call, monkeypatch):
    monkeypatch.setenv("CHATREC_DEBUG", "1")
    code, _, err = call("catalog", "list")
    assert code == 2
    assert "Traceback" in err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind=green", ("kind", "is", ("Green",))),
        ("kind!=BLACK", ("kind", "not", ("Black",))),
        ("kind = unfermented", ("kind", "is", ("Green",))),
        ("price>=10", ("price", "min", (10.0,))),
        ("price<=9.5", ("price", "max", (9.5,))),
        ("price=12", ("price", "is", (12.0,))),
    ],
)
def test_a_wish_on_the_command_line_means_what_it_says(teas, text, expected):
    slot, op, values = expected
    assert wish(text, teas) == Constraint(slot, op, values, text=text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind", "SLOT=VALUE"),
        ("flavour=sweet", "the slots kind, price"),
        ("kind=grene", "did you mean Green"),
        ("kind>=Green", "not a number"),
        ("price>=nan", "not a number"),
        ("price=cheap", "not a number"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused_with_a_hint(teas, text, says):
    with pytest.raises(BadInput, match=says):
        wish(text, teas)


@pytest.mark.slow
def test_recommend_prints_the_agreed_json_and_keeps_the_impression(capsys, tmp_path):
    db = f"sqlite:///{tmp_path / 'store.db'}"
    arguments = ["--domain", "movies", "--say", "a space adventure", "--slot", "year>=1990", "-n", "3", "--json"]
    assert main(["recommend", *arguments, "--user", "somebody", "--db", db]) == 0
    ranked = json.loads(capsys.readouterr().out)
    assert ranked.keys() == {"items", "relaxed", "impression_id", "model", "seconds"}
    assert [item["rank"] for item in ranked["items"]] == [1, 2, 3]
    keys = {"rank", "item_id", "title", "score", "interest", "reason", "evidence"}
    assert all(item.keys() == keys and item["reason"] for item in ranked["items"])
    assert all(row.keys() == {"kind", "value", "item_ids"} for item in ranked["items"] for row in item["evidence"])
    assert main(["user", "export", "somebody", "--db", db]) == 0
    kept = json.loads(capsys.readouterr().out)["impressions"]
    assert [row["id"] for row in kept] == [ranked["impression_id"]]


class Scripted:
    """A bot that shows one list and asks one question, and notes what it was told."""

    LIST = {
        "kind": "list",
        "intro": "Two teas for you.",
        "impression_id": "i1",
        "items": [
            {"rank": 1, "item_id": "t1", "title": "Sencha", "tags": ["Green"], "facts": ["Japan"], "reason": "Fresh."},
            {"rank": 2, "item_id": "t2", "title": "Assam [80]", "year": "2024", "reason": "Strong.", "rating": 93},
        ],
    }

    def __init__(self) -> None:
        self.told: list[tuple] = []

    def say(self, text: str) -> list[dict]:
        self.told.append(("say", text))
        if text == "fail":
            raise ChatRecError("No bot answers there.")
        buttons = [{"title": "In the morning", "payload": "morning"}, {"title": "At night", "payload": "night"}]
        return [{"text": "the list as text", "custom": self.LIST}, {"text": "When is it for?", "buttons": buttons}]

    def click(self, kind: str, item_id: str, impression_id: str) -> list[dict]:
        self.told.append((kind, item_id, impression_id))
        return [{"text": "Noted."}]


@pytest.fixture
def talk() -> Talk:
    return Talk(Scripted(), Console(file=StringIO(), width=100, markup=False, highlight=False))


def test_the_terminal_draws_cards_and_offers_numbered_answers(talk):
    talk.turn("tea, please")
    drawn = talk.out.file.getvalue()
    for words in ("Two teas for you.", " 1  Sencha", "Green · Japan", " 2  Assam [80] (2024)", "93 of 100", "Strong."):
        assert words in drawn
    assert "1  In the morning" in drawn
    assert "the list as text" not in drawn


@pytest.mark.parametrize("text", ["2 like", "like 2", "2 LIKE"])
def test_a_number_with_a_word_presses_the_button_of_that_card(talk, text):
    talk.turn("tea, please")
    talk.turn(text)
    assert talk.client.told[-1] == ("like", "t2", "i1")


def test_a_number_alone_chooses_an_answer_and_only_while_it_is_offered(talk):
    talk.turn("tea, please")
    talk.turn("2")
    assert talk.client.told[-1] == ("say", "night")
    talk.turn("1 why")
    talk.turn("2")
    assert talk.client.told[-1] == ("say", "2")


def test_a_card_that_is_not_there_is_not_sent(talk):
    talk.turn("9 like")
    assert talk.client.told == []
    assert "no number 9" in talk.out.file.getvalue()


def test_a_failure_is_told_and_the_conversation_goes_on(talk):
    talk.turn("fail")
    talk.turn("tea, please")
    assert "No bot answers there." in talk.out.file.getvalue()
    assert talk.client.told[-1] == ("say", "tea, please")


def test_the_terminal_stays_the_same_user_and_only_the_owner_can_read_who(tmp_path):
    path = tmp_path / "var" / "terminal-user"
    first = known_as(path)
    assert known_as(path) == first
    assert len(first) >= 22
    assert path.stat().st_mode & 0o077 == 0


def test_without_a_bot_chat_says_how_to_start_one(home):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/chat"
    done = subprocess.run(
        [sys.executable, "-m", "chatrec.cli", "chat", "--url", url],
        cwd=ROOT,
        input="hello\n/quit\n",
        capture_output=True,
        text=True,
    )
    assert "make run" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_doctor_names_what_is_missing_and_ends_with_1(call, home, monkeypatch):
    monkeypatch.setenv("CHATREC_CACHE", str(ROOT / "var" / "cache"))
    code, out, _ = call("doctor")
    assert code == 1
    assert "WRONG dialogue model: not trained yet: run `make train`" in out
    assert "WRONG catalogues: " in out
    for fine in ("database: sqlite", "encoder: ", "language model: "):
        assert f"ok    {fine}" in out


def test_a_dialogue_model_older_than_its_data_is_found(home):
    model = home / "models" / "rasa.tar.gz"
    model.parent.mkdir()
    model.write_bytes(b"model")
    settings = Settings(root=home)
    assert doctor.dialogue_model(settings).startswith("rasa.tar.gz")
    (home / "domain.yml").write_text("intents: []")
    os.utime(model, (1, 1))
    with pytest.raises(ModelMissing, match="domain.yml changed since the training"):
        doctor.dialogue_model(settings)


def test_a_port_is_free_or_used_by_somebody_else():
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        number = somebody.getsockname()[1]
        assert doctor.port(number, "/health", "CHATREC_PORT") == f"{number} is free"
        somebody.listen()
        with pytest.raises(ChatRecError, match="set CHATREC_PORT"):
            doctor.port(number, "/health", "CHATREC_PORT")


def test_hear_prints_the_agreed_json_and_one_line_about_what_is_no_recording(call, home, teas):
    (home / "silence.wav").write_bytes(wav(silence(1)))
    code, out, _ = call("hear", home / "silence.wav", "--json")
    assert (code, json.loads(out)) == (0, {"text": "", "language": "en", "confidence": 0.0, "seconds": 1.0})
    for name, told in (("teas.csv", "no audio"), ("nothing.wav", "no such file"), ("", "directory")):
        code, out, error = call("hear", home / name)
        assert (code, out) == (2, "")
        assert told in error
        assert error.startswith(str(home / name))
        assert error.count("\n") == 1


def test_look_prints_the_agreed_json_of_one_catalogue_or_all(call, home, teas):
    image = Image.new("RGB", (600, 300), "white")
    ImageDraw.Draw(image).text((60, 90), "SENCHA", fill="black", font=ImageFont.load_default(80))
    image.save(home / "pack.jpg")
    for domain in ((), ("--domain", "teas")):
        code, out, _ = call("look", home / "pack.jpg", *domain, "--json")
        found = json.loads(out)
        assert (code, found["text_found"]) == (0, ["SENCHA"])
        assert [(m["item_id"], m["title"]) for m in found["matches"]] == [("t1", "Sencha")]
        assert 0.65 <= found["matches"][0]["score"] <= 1
    Image.new("RGB", (200, 200), "red").save(home / "red.png")
    assert json.loads(call("look", home / "red.png", "--json")[1]) == {"text_found": [], "matches": []}
    assert call("look", home / "pack.jpg", "--domain", "coffees")[0] == 2
    assert call("look", home / "teas.csv")[0] == 2


def test_a_file_that_is_no_export_is_refused(call, teas, home):
    (home / "bad.json").write_text("{")
    code, out, err = call("user", "import", home / "bad.json")
    assert (code, out) == (2, "") and err.startswith(f"{home / 'bad.json'}: not JSON")
