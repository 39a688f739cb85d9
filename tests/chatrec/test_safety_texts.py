"""Nothing that the bot can say about health names a dose, a medicine or a diagnosis."""

from __future__ import annotations

import re

import pytest
import yaml

from chatrec.policy import banned_pattern
from chatrec.settings import ROOT

DOSE = re.compile(
    r"\b\d+(?:[.,]\d+)?\s?(?:mg|mcg|µg|g|ml|units?|drops?|tablets?|pills?|puffs?|capsules?|spoons?)\b|"
    r"\b(?:once|twice|(?:two|three|four|\d+) times) (?:a|per) day\b|\bevery (?:\w+ )?hours\b",
    re.IGNORECASE,
)
DIAGNOSIS = re.compile(
    r"\byou (?:probably |surely |certainly )?(?:have|suffer from|are having) (?:a|an|the)\b|"
    r"\bthis is (?:a|an) \w+ (?:attack|stroke)\b|\byour diagnosis\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def texts(catalogs) -> list[str]:
    """Every description, advice, notice and rule of health, and every response of the bot."""
    health = catalogs["health"]
    said = [health.policy.notice, *(rule.says for rule in health.policy.rules.values())]
    said += [emergency.advice for emergency in health.policy.emergencies.values()]
    said += [f"{health.heading(item)}. {health.describe(item)}" for item in health.items]
    said += [str(value) for item in health.items for value in item.attributes.values()]
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    return said + [entry["text"] for entries in domain["responses"].values() for entry in entries]


@pytest.mark.parametrize("pattern", [DOSE, DIAGNOSIS], ids=["dose", "diagnosis"])
def test_no_text_of_health_doses_or_diagnoses(texts, pattern):
    assert len(texts) > 300
    assert [text for text in texts if pattern.search(text)] == []


def test_no_text_of_health_has_a_banned_word(texts, catalogs):
    banned = banned_pattern(catalogs["health"].policy.banned)
    assert [text for text in texts if banned.search(text)] == []


def test_every_emergency_says_where_to_turn(catalogs):
    policies = [catalog.policy for catalog in catalogs.values()]
    assert sum(len(policy.emergencies) for policy in policies) >= 30
    for policy in policies:
        for emergency in policy.emergencies.values():
            assert "112" in emergency.advice, emergency.name


def test_every_rule_leaves_something_to_show_and_takes_something_away(catalogs):
    for catalog in catalogs.values():
        for rule in catalog.policy.rules.values():
            masks = [catalog.mask(constraint) for constraint in catalog.policy.never([rule.name])]
            left = sum(all(mask[i] for mask in masks) for i in range(len(catalog)))
            assert 10 < left < len(catalog), (catalog.schema.name, rule.name)
