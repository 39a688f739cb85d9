"""What the environment says, and the secret that all processes of one installation share."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from chatrec.errors import BadInput
from chatrec.settings import ROOT, Settings

ROUNDS = 100


def test_an_empty_environment_gives_the_defaults():
    read = Settings.read({})
    assert read == Settings()
    assert (read.var, read.cache) == (ROOT / "var", ROOT / "var" / "cache")
    assert read.catalogs == ROOT / "data" / "catalogs"
    assert read.db == f"sqlite:///{ROOT / 'var' / 'chatrec.db'}"
    assert (read.llm, read.encoder, read.speech, read.secret) == ("", "", "", "")
    assert (read.device, read.threads) == ("auto", 2)
    assert (read.port, read.action_port) == (5005, 5055)


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("CHATREC_CACHE", "/elsewhere", "cache", Path("/elsewhere")),
        ("CHATREC_DATA", "/elsewhere", "data", Path("/elsewhere")),
        ("CHATREC_DB", "postgresql://db/chatrec", "db", "postgresql://db/chatrec"),
        ("CHATREC_VECTORS", "postgresql://db/vectors", "vectors", "postgresql://db/vectors"),
        ("CHATREC_RANKER", "http://ranker:5065", "ranker", "http://ranker:5065"),
        ("CHATREC_LLM", "somebody/model", "llm", "somebody/model"),
        ("CHATREC_ENCODER", "somebody/encoder", "encoder", "somebody/encoder"),
        ("CHATREC_SPEECH", "small.en", "speech", "small.en"),
        ("CHATREC_CLIP", "clip-ViT-B-32", "clip", "clip-ViT-B-32"),
        ("CHATREC_DEVICE", "cuda", "device", "cuda"),
        ("CHATREC_DEVICE", "cuda:1", "device", "cuda:1"),
        ("CHATREC_DEVICE", "cpu", "device", "cpu"),
        ("CHATREC_THREADS", "8", "threads", 8),
        ("CHATREC_SECRET", "mine", "secret", "mine"),
        ("CHATREC_PORT", "8005", "port", 8005),
        ("CHATREC_ACTION_PORT", "8055", "action_port", 8055),
        ("CHATREC_RANK_SECONDS", "0.5", "rank_seconds", 0.5),
        ("CHATREC_ACTION_SECONDS", "8", "action_seconds", 8.0),
        ("CHATREC_TURN_SECONDS", "9", "turn_seconds", 9.0),
        ("CHATREC_TURNS_A_MINUTE", "6", "turns_a_minute", 6),
        ("CHATREC_LOG_TEXT", "1", "log_text", True),
    ],
)
def test_each_variable_sets_its_field_and_no_other(name, value, field, read):
    assert vars(Settings.read({name: value})) == {**vars(Settings()), field: read}


def test_another_home_brings_its_own_data_and_var():
    read = Settings.read({"CHATREC_HOME": "/there"})
    assert (read.root, read.var, read.cache) == (Path("/there"), Path("/there/var"), Path("/there/var/cache"))
    assert (read.catalogs, read.data) == (Path("/there/data/catalogs"), Path("/shared/data"))
    assert read.db == "sqlite:////there/var/chatrec.db"


def test_another_var_brings_its_own_database_and_shares_what_was_computed():
    read = Settings.read({"CHATREC_VAR": "/there"})
    assert (read.var, read.db) == (Path("/there"), "sqlite:////there/chatrec.db")
    assert (read.root, read.cache) == (ROOT, Settings().cache)


def test_paths_do_not_depend_on_where_a_process_goes_later(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read = Settings.read({"CHATREC_HOME": "home", "CHATREC_VAR": "var", "CHATREC_CACHE": "cache"})
    assert (read.root, read.var, read.cache) == (tmp_path / "home", tmp_path / "var", tmp_path / "cache")


def test_what_is_set_to_nothing_counts_as_not_set():
    names = "HOME VAR CACHE DB DATA LLM ENCODER DEVICE THREADS SECRET PORT ACTION_PORT"
    assert Settings.read({f"CHATREC_{name}": "" for name in names.split()}) == Settings()


@pytest.mark.parametrize("name", ["CHATREC_THREADS", "CHATREC_PORT", "CHATREC_ACTION_PORT"])
@pytest.mark.parametrize("value", ["many", "2.5", "0", "-1", " "])
def test_a_number_that_is_none_is_refused_by_name(name, value):
    with pytest.raises(BadInput) as refused:
        Settings.read({name: value})
    assert str(refused.value) == f"{name}={value}: give a whole number from 1 upwards"


@pytest.mark.parametrize("value", ["soon", "0", "0.0", "-1", "1e3", "inf"])
def test_seconds_that_are_none_are_refused_by_name(value):
    with pytest.raises(BadInput, match="CHATREC_TURN_SECONDS"):
        Settings.read({"CHATREC_TURN_SECONDS": value})


@pytest.mark.parametrize("value", ["gpu", "CPU", "cuda:", "cuda:x", "cpu:0"])
def test_a_device_that_is_none_is_refused_by_name(value):
    with pytest.raises(BadInput) as refused:
        Settings.read({"CHATREC_DEVICE": value})
    assert str(refused.value) == f"CHATREC_DEVICE={value}: give cpu, cuda or auto"


@pytest.mark.parametrize("value", ["ranker:5065", "5065", "http://", "ftp://ranker"])
def test_an_address_that_is_none_is_refused_by_name(value):
    with pytest.raises(BadInput) as refused:
        Settings.read({"CHATREC_RANKER": value})
    assert str(refused.value) == f"CHATREC_RANKER={value}: give an address like http://127.0.0.1:5065"


@pytest.mark.parametrize("command", [["chatrec.cli", "catalog", "list"], ["deploy.local"]])
def test_whoever_reads_a_bad_setting_says_so_in_one_line_with_exit_code_2(command):
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "CHATREC_PORT": "http", "CHATREC_DEBUG": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.endswith("CHATREC_PORT=http: give a whole number from 1 upwards")


def test_the_secret_is_made_once_kept_and_for_the_owner_alone(tmp_path):
    var = tmp_path / "new" / "var"
    made = Settings(var=var).store_secret()
    assert len(bytes.fromhex(made)) == 32
    assert Settings(var=var).store_secret() == made
    assert [path.name for path in var.iterdir()] == ["secret"]
    assert (var / "secret").stat().st_mode & 0o777 == 0o600
    assert Settings(var=tmp_path / "other").store_secret() != made


def test_a_secret_that_was_given_is_taken_and_not_written_down(tmp_path):
    assert Settings(var=tmp_path, secret="mine").store_secret() == "mine"
    assert list(tmp_path.iterdir()) == []


def ask(folder: Path, start: Barrier) -> None:
    """Ask for many secrets, each at the same moment as the other process, and write down what came."""
    told = []
    for n in range(ROUNDS):
        start.wait()
        told.append(Settings(var=folder / str(n)).store_secret())
    (folder / f"told-{os.getpid()}").write_text("\n".join(told))


def test_two_processes_that_ask_at_once_get_the_same_secret(tmp_path):
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2, timeout=60)
    both = [context.Process(target=ask, args=(tmp_path, start)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    one, other = (path.read_text().split("\n") for path in tmp_path.glob("told-*"))
    assert one == other == [(tmp_path / str(n) / "secret").read_text() for n in range(ROUNDS)]
