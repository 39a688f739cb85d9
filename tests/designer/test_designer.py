"""What designers get wrong is told with file and line; what they have made is on the page, which asks no server."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import sync_playwright

from chatrec.settings import ROOT, Settings
from designer.__main__ import main, read

DOMAIN, RULES, SOCIAL = "domain.yml", "data/rules/rules.yml", "data/nlu/social.yml"
SHOPPING = "data/catalogs/shopping/schema.toml"
TRAVEL, POLICY, ZH = "data/catalogs/travel/schema.toml", "data/catalogs/travel/policy.toml", "data/languages/zh.toml"

# file, text in it, what is put in its place; the words of the line that is then wrong, and what is told of it
MISTAKES = {
    "rule to no action": (
        RULES,
        "action: action_greet",
        "action: action_gret",
        "action_gret",
        "did you mean 'action_greet'",
    ),
    "rule to no response": (
        RULES,
        "action: action_export",
        "action: utter_exprt",
        "utter_exprt",
        "no response 'utter_exprt'",
    ),
    "rule of no intent": (RULES, "intent: help", "intent: halp", "intent: halp", "no intent 'halp'"),
    "intent without rule": (
        RULES,
        "intent: help",
        "intent: halp",
        "  - help",
        "no rule or story answers the intent 'help'",
    ),
    "intent without examples": (DOMAIN, "  - help\n", "  - help\n  - sing\n", "  - sing", "'sing' has no examples"),
    "a thing that is there": (
        SHOPPING,
        '"Drills" = [',
        '"Trail running shoes" = ["trail runners"]\n"Drills" = [',
        "Trail running shoes",
        "move it to [slots.kind.synonyms]",
    ),
    "action nobody wrote": (
        DOMAIN,
        "  - action_say\n",
        "  - action_say\n  - action_dance\n",
        "action_dance",
        "written",
    ),
    "response nobody says": (
        DOMAIN,
        "responses:\n",
        'responses:\n  utter_hum:\n    - text: "hum"\n',
        "utter_hum:",
        "nobody says 'utter_hum'",
    ),
    "a reason taken out": (
        DOMAIN,
        '  utter_reason_shared:\n    - text: "{label}: {value}, as in {items}"\n',
        "",
        "responses:",
        "the actions say 'utter_reason_shared'",
    ),
    "a line of the memory taken out": (
        DOMAIN,
        '  utter_memory_disliked:\n    - text: "Not for you: {title}."\n',
        "",
        "responses:",
        "the actions say 'utter_memory_disliked'",
    ),
    "no such catalogue": (
        DOMAIN,
        "  utter_enjoy_travel:",
        '  utter_enjoy_tavel:\n    - text: "hi"\n  utter_enjoy_travel:',
        "utter_enjoy_tavel:",
        "'tavel' is no catalogue or language; did you mean 'travel'",
    ),
    "response taken away": (
        DOMAIN,
        "  utter_compare_both:",
        "  utter_compare_bth:",
        "responses:",
        "say 'utter_compare_both'",
    ),
    "placeholder": (DOMAIN, "Sorry about {title}.", "Sorry about {titel}.", "{titel}", "did you mean 'title'"),
    "button without payload": (
        DOMAIN,
        '{title: "Start over", payload: "start over"}',
        '{title: "Start over"}',
        '{title: "Start over"}',
        "the payload is missing",
    ),
    "two rules": (
        RULES,
        "  - rule: thanks\n",
        "  - rule: thank you\n    steps:\n      - intent: thank\n      - action: action_help\n  - rule: thanks\n",
        "",
        "after thank one says action_help, the other action_say",
    ),
    "two stories": (
        "data/stories/main.yml",
        "  - story: erased on request\n",
        "  - story: not erased\n    steps:\n      - intent: show_profile\n      - action: action_show_profile\n"
        "      - action: action_say\n  - story: also not\n    steps:\n      - intent: show_profile\n"
        "      - action: action_show_profile\n      - action: action_help\n  - story: erased on request\n",
        "action: action_help",
        "the stories 'not erased' (main.yml:",
    ),
    "story against a rule": (
        "data/stories/main.yml",
        "- action: action_inquire",
        "- action: action_opinion",
        "action: action_opinion",
        "rule 'facts about an item'",
    ),
    "example twice": (
        SOCIAL,
        "    - hello\n",
        "    - hello\n    - Catch you later\n",
        "    - catch you later",
        "of goodbye and (social.yml:8) of greet",
    ),
    "not an example": (SOCIAL, "    - hey bot\n", "    hey bot\n", "    hey bot", "an example begins with '- '"),
    "no entity": (
        SOCIAL,
        "    - howdy\n",
        "    - howdy [you](person_name)\n",
        "(person_name)",
        "no entity 'person_name'",
    ),
    "synonym of nothing": (TRAVEL, '"Beach" = [', '"Beech" = [', '"Beech" = [', "did you mean 'Beach'"),
    "name of nothing": (ZH, '"Comedy" =', '"Comedie" =', '"Comedie"', "did you mean 'comedy'"),
    "reason": (ZH, 'reception = "评分 {value}', 'reception = "评分 {score}', "{score}", "only {value} and {items}"),
}

# file, text in it, what is put in its place; the line, and what is told: nothing else is, until it is put right
BROKEN = {
    "yaml": (RULES, "  - rule: a request\n", '  - rule: "a request\n', r"rules.yml:\d+: not valid YAML"),
    "tabs": (DOMAIN, "  - greet\n", "\t- greet\n", r"domain.yml:\d+: not valid YAML"),
    "form": (
        DOMAIN,
        '    - text: "You\'re welcome."',
        '    - txt: "You\'re welcome."',
        r"domain.yml:\d+: not as Rasa",
    ),
    "toml": (TRAVEL, 'noun = "', "noun = ", r"travel/schema.toml:\d+: not valid TOML"),
    "key": (TRAVEL, "softness = 4", "sofness = 4", r"travel/schema.toml:\d+: .*did you mean 'softness'"),
    "row": ("data/catalogs/health/items.csv", "\n", "\n1,2\n", r"health/items.csv:2: "),
    "policy": (POLICY, "never = {", "nevr = {", r"travel/policy.toml:\d+: .*did you mean 'never'"),
}


def spoiled(root: Path, changes) -> Path:
    """A copy of what designers edit, with mistakes."""
    shutil.copytree(ROOT / "data", root / "data")
    shutil.copy(ROOT / "domain.yml", root)
    for name, old, new in changes:
        text = (root / name).read_text(encoding="utf-8")
        assert old in text, (name, old)
        (root / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The copy with all mistakes at once, and what is told of it."""
    changes = dict.fromkeys(mistake[:3] for mistake in MISTAKES.values())
    root = spoiled(tmp_path_factory.mktemp("spoiled"), changes)
    return root, [problem.shown(root) for problem in read(Settings.read({"CHATREC_HOME": str(root)})).problems]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_file_and_line(told, name):
    root, problems = told
    _, _, _, wrong, what = MISTAKES[name]
    found = [problem for problem in problems if what in problem]
    assert len(found) == 1, problems
    file, line, _ = found[0].split(":", 2)
    assert wrong in (root / file).read_text(encoding="utf-8").splitlines()[int(line) - 1].replace("Catch", "catch")


def test_nothing_is_told_but_the_mistakes(told):
    _, problems = told
    expected = [what for *_, what in MISTAKES.values()] + ["says 'utter_compare_bth'", "answers the intent 'sing'"]
    expected.append("then taken' says action_say after thank")  # the first of the two rules contradicts that story too
    assert [p for p in problems if not any(what in p for what in expected)] == []
    assert all(re.match(r"\S+:\d+: \S[^\n]*$", problem) for problem in problems)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_alone_with_its_line(tmp_path, monkeypatch, capsys, name):
    *change, what = BROKEN[name]
    monkeypatch.setenv("CHATREC_HOME", str(spoiled(tmp_path, [change])))
    assert main(["--page", str(tmp_path / "page.html")]) == 2
    problems = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("The page:")]
    assert len(problems) == 1 and re.search(what, problems[0]), problems


def test_what_ships_is_well_and_the_page_shows_every_intent_to_a_browser_that_asks_no_server(tmp_path, capsys):
    page = tmp_path / "designer.html"
    assert main(["--page", str(page)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("All is well:") and line.endswith(f"The page: {page}")
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    asked: list[str] = []
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1200, "height": 900})
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("console", lambda message: said.append(message.text))
        opened.goto(page.as_uri())
        shown = {heading.text_content() for heading in opened.locator("details.intent > summary > code").all()}
        opened.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        text = opened.locator("main").inner_text()
        wide = opened.evaluate("document.documentElement.scrollWidth > innerWidth")
        browser.close()
    assert set(domain["intents"]) <= shown
    assert all(v["text"].split("\n")[0] in text for r in domain["responses"].values() for v in r)
    assert (asked, said, wide) == ([page.as_uri()], [], False)
