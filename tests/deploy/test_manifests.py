"""The set-ups for several processes are whole: what they name exists. No cluster and no helm is needed here, so the
chart's templates use nothing but values (see ``filled``)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from rasa.core.lock_store import _load_from_module_name_in_endpoint_config
from rasa.utils.endpoints import EndpointConfig

from chatrec.settings import ROOT
from components.locks import AtomicRedisLockStore

CHART = ROOT / "deploy" / "helm" / "chatrec"
VALUES = {"Values": yaml.safe_load((CHART / "values.yaml").read_text()), "Release": {"Name": "trial"}}
ENDPOINTS = (ROOT / "deploy" / "endpoints.yml").read_text()
NEEDED = set(re.findall(r"\$\{(\w+)\}", ENDPOINTS))


def filled(text: str) -> str:
    """A template with the chart's own values: ``{{ .Values.a.b }}`` and ``| quote``; anything else is an error."""

    def value(found: re.Match[str]) -> str:
        node: Any = VALUES
        for key in found[1].split("."):
            node = node[key]
        return json.dumps(str(node)) if found[2] else str(node)

    text = re.sub(r"{{ \.([\w.]+)( \| quote)? }}", value, text)
    assert "{{" not in text
    return text


def objects() -> dict[tuple[str, str], dict]:
    texts = [filled(path.read_text()) for path in sorted((CHART / "templates").glob("*.yaml"))]
    found = [document for text in texts for document in yaml.safe_load_all(text)]
    return {(o["kind"], o["metadata"]["name"]): o for o in found}


@pytest.mark.parametrize("part", ["rasa", "actions"])
def test_service_pods_and_probes_of_the_chart_belong_together(part):
    deployment, service = objects()["Deployment", f"trial-{part}"], objects()["Service", f"trial-{part}"]
    pod = deployment["spec"]["template"]
    [container] = pod["spec"]["containers"]
    assert deployment["apiVersion"] == "apps/v1" and service["apiVersion"] == "v1"
    assert deployment["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"] == service["spec"]["selector"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports[service["spec"]["ports"][0]["targetPort"]] == service["spec"]["ports"][0]["port"]
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(ports["http"])
    paths = {k: container[k]["httpGet"]["path"] for k in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/live", "livenessProbe": "/live", "readinessProbe": "/ready"}
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["spec"]["volumes"]}


def test_what_the_endpoints_need_is_given():
    secret = set(re.findall(r"[A-Z]+_[A-Z]+", (CHART / "values.yaml").read_text()))
    [container] = objects()["Deployment", "trial-rasa"]["spec"]["template"]["spec"]["containers"]
    assert {variable["name"] for variable in container["env"]} | secret >= NEEDED
    compose = yaml.safe_load((ROOT / "deploy" / "docker-compose.yml").read_text())
    assert compose["services"]["rasa"]["environment"].keys() >= NEEDED


def test_the_composed_services_depend_on_each_other_and_mount_what_is_there():
    compose = yaml.safe_load((ROOT / "deploy" / "docker-compose.yml").read_text())
    for service in compose["services"].values():
        for name, how in (service.get("depends_on") or {}).items():
            assert name in compose["services"]
            assert how["condition"] == "service_started" or "healthcheck" in compose["services"][name]
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert not source.startswith("./") or (ROOT / "deploy" / source).exists()
    assert (ROOT / "deploy" / compose["services"]["rasa"]["build"]["context"]).resolve() == ROOT


def test_the_lock_store_of_the_endpoints_is_the_one_that_rasa_loads():
    named = yaml.safe_load(ENDPOINTS)["lock_store"]
    config = EndpointConfig.from_dict({**named, "url": "redis://nowhere:6379/1"})
    assert isinstance(_load_from_module_name_in_endpoint_config(config), AtomicRedisLockStore)


def test_trackers_and_the_store_do_not_share_a_database():
    compose = yaml.safe_load((ROOT / "deploy" / "docker-compose.yml").read_text())
    environment = compose["services"]["rasa"]["environment"]
    assert environment["CHATREC_DB"].rsplit("/", 1)[1] != environment["TRACKER_DB"]
    assert f"CREATE DATABASE {environment['TRACKER_DB']};" in (ROOT / "deploy" / "trackers.sql").read_text()


def test_what_the_image_copies_is_there():
    for line in re.findall(r"^COPY (?!--from)(.+)$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE):
        *sources, _ = [word for word in line.split() if not word.startswith("--")]
        for source in sources:
            assert (ROOT / source).exists(), source
