"""The dashboard shows what there is to show, and nothing else."""

from __future__ import annotations

import json
import re

from chatrec.metrics import REGISTRY
from chatrec.settings import ROOT

PANELS = json.loads((ROOT / "deploy" / "grafana.json").read_text())["panels"]
ASKED = {name for panel in PANELS for t in panel["targets"] for name in re.findall(r"chatrec_\w+", t["expr"])}
SUFFIX = r"_(?:total|bucket)$"


def test_every_metric_of_ours_is_on_the_dashboard_and_every_one_there_exists():
    ours = {metric.name for metric in REGISTRY.collect() if metric.name.startswith("chatrec_")}
    assert {re.sub(SUFFIX, "", name) for name in ASKED} == ours


def test_panels_do_not_overlap():
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in PANELS]
    assert len(set(places)) == len(places)
