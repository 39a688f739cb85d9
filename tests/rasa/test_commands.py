"""Rasa's own commands work from the project's root as its documentation says, and none of them warns of our files."""

from __future__ import annotations

import json

import httpx
import pytest

from chatrec.settings import ROOT

pytestmark = pytest.mark.slow

UP = "\x1b[A"
MODEL = str(ROOT / "models" / "rasa.tar.gz")


@pytest.fixture(scope="module")
def checks(start, tmp_path_factory):
    """The three commands that only check, side by side."""
    out = tmp_path_factory.mktemp("results")
    test = ("--model", MODEL, "--no-plot", "--out")
    return {
        "out": out,
        "validate": start("data", "validate"),
        "nlu": start("test", "nlu", "--nlu", "tests/nlu/test_nlu.yml", *test, str(out / "nlu")),
        "core": start(
            "test", "core", "--stories", "tests/stories", "--fail-on-prediction-errors", *test, str(out / "core")
        ),
    }


def test_data_validate_finds_nothing_to_complain_about(checks):
    result = checks["validate"].result()
    assert (result.code, result.warnings) == (0, [])
    assert "No story structure conflicts found" in result.text


def test_test_nlu_reads_nine_of_ten_held_out_messages_right(checks):
    result = checks["nlu"].result()
    assert (result.code, result.warnings) == (0, [])
    report = json.loads((checks["out"] / "nlu" / "intent_report.json").read_text())
    assert report["accuracy"] >= 0.9


def test_test_core_replays_every_story(checks):
    result = checks["core"].result()
    assert (result.code, result.warnings) == (0, [])
    failed = (checks["out"] / "core" / "failed_test_stories.yml").read_text()
    assert "None of the test stories failed" in failed


def test_run_actions_serves_every_action_of_the_domain(actions):
    job, url = actions
    names = {action["name"] for action in httpx.get(f"{url}/actions").json()}
    wanted = {line.strip("- \n") for line in (ROOT / "domain.yml").open() if line.startswith("  - action_")}
    assert wanted and names == wanted
    assert job.read().warnings == []


def test_run_actions_explains_itself(start):
    result = start("run", "actions", "--help").result()
    assert result.code == 0
    assert "--port" in result.text


def test_shell_answers_and_ends_on_request(terminal, endpoints, port):
    shell = terminal("shell", "--model", MODEL, "--endpoints", endpoints, "--port", port)
    shell.wait_for("Your input ->")
    shell.type("hi")
    shell.wait_for("Type out your own message")  # the greeting's buttons come as a menu, this line last
    shell.type(UP)
    shell.wait_for("Your input ->")
    shell.type("/stop")
    result = shell.result()
    assert (result.code, result.warnings) == (0, [])


def test_interactive_asks_whether_it_understood(terminal, endpoints, port):
    learning = ("interactive", "--skip-visualization", "--model", MODEL, "--endpoints", endpoints, "--port", port)
    teacher = terminal(*learning)
    teacher.wait_for("Your input ->")
    teacher.type("something newer")
    teacher.wait_for("critique_feature")
    assert teacher.read().warnings == []
