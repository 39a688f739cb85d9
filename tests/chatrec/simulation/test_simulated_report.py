"""Figures and the page, from dialogues made by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from chatrec.simulation.bots import Heard
from chatrec.simulation.goals import Goal
from chatrec.simulation.page import page
from chatrec.simulation.report import figures, report, share, times
from chatrec.simulation.talk import Dialogue, Fault
from chatrec.simulation.words import Said

ALIEN = "tt0078748"


def dialogue(movies, found: int | None, *faults: Fault, text: str = "hello") -> Dialogue:
    heard = Heard("Here:", (ALIEN,), ({"title": "<b>more</b>", "payload": "more"},))
    return Dialogue(Goal(movies.item(ALIEN), (), ()), ((Said(text, ()), heard),), found, bool(found), faults)


def test_shares_have_wilson_intervals():
    assert share(10, 10) == {"rate": 1.0, "low": pytest.approx(0.7225, abs=1e-3), "high": 1.0}
    assert share(5, 10)["low"] == pytest.approx(0.2366, abs=1e-3)
    assert share(0, 0)["rate"] is None


def test_figures_count_what_happened(movies):
    broken, repeated = Fault("broken", 1, ALIEN, "horror"), Fault("repeated", 1, ALIEN)
    misspelt = replace(broken, misspelt=True)
    told = figures([dialogue(movies, 2, broken), dialogue(movies, 6, misspelt, repeated), dialogue(movies, None)])
    assert told["found"]["rate"] == pytest.approx(2 / 3, abs=1e-4)
    assert told["found_soon"]["rate"] == pytest.approx(1 / 3, abs=1e-4)
    assert told["turns"]["mean"] == 4.0
    assert (told["broken"], told["broken_though_spelt_right"], told["repeated"]) == (2, 1, 1)


def test_times_compares_the_same_goals(movies):
    ours = [dialogue(movies, 2)] * 6 + [dialogue(movies, None)] * 2
    theirs = [dialogue(movies, 3)] * 2 + [dialogue(movies, 7)] * 6
    told = times(ours, theirs)
    assert told["ratio"] == 3.0
    assert told["low"] > 1
    assert times(ours, [dialogue(movies, None)] * 8)["ratio"] is None


def test_the_page_shows_everything_and_trusts_nothing(movies):
    broken = Fault("broken", 1, ALIEN, "horror")
    talks = [dialogue(movies, 1, text="<script>alert(1)</script>"), dialogue(movies, None, broken)]
    held = {"agenda": {"bot": talks, "keywords": talks}}
    html = page(held, report(held), movies)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;b&gt;more" in html
    assert not re.search(r"https?:|src=|@import|url\(", html)
    assert html.count("<details") == 2
    assert 'class="found"' in html
    assert 'class="lost faulty"' in html
