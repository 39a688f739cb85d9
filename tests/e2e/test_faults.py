"""What breaks while people talk: no event is lost or doubled, and nobody is left without an answer."""

from __future__ import annotations

import re
import resource
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pgserver
import psutil
import pytest
from crowd import gather, pressing
from stacks import running

from chatrec import promotion
from chatrec.client import ChatClient
from chatrec.settings import ROOT
from chatrec.store import Store

pytestmark = pytest.mark.slow


PROMISE = 5.0  # seconds within which every user gets an answer or an apology
SLACK = 2.0  # for threads that share two cores with the servers


@pytest.fixture(scope="module")
def fragile(tmp_path_factory):
    """A stack with models of its own and PostgreSQL, where more can break."""
    home = tmp_path_factory.mktemp("home")
    for path in ROOT.iterdir():
        if path.name not in ("models", "var", ".git"):
            (home / path.name).symlink_to(path)
    shutil.copytree(ROOT / "models" / "recommender", home / "models" / "recommender")
    (home / "models" / "rasa.tar.gz").symlink_to(ROOT / "models" / "rasa.tar.gz")
    with (
        database() as postgres,
        running(tmp_path_factory.mktemp("fragile"), CHATREC_HOME=str(home), CHATREC_DB=postgres.url) as stack,
    ):
        stack.settings = replace(stack.settings, root=home, db=postgres.url)
        stack.postgres = postgres
        yield stack


class Postgres:
    """A database server that can go and come back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "data"
        self.comes()
        self.url = self._server.get_uri()

    def comes(self) -> None:
        self._server = pgserver.get_server(self._folder, cleanup_mode="stop")

    def goes(self) -> None:
        self._server.cleanup()


@contextmanager
def database() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="chatrec-pg-"))  # short enough for a socket, open to the server's own user
    postgres = Postgres(folder)
    yield postgres
    postgres.goes()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def crowd(fragile):
    return gather(fragile)


@contextmanager
def breaking(fragile, crowd):
    """Twenty users press while the block breaks something: each gets a sign within the promise, each press is stored
    once."""
    before, pressed = crowd.stored(fragile), dict(crowd.pressed)
    with pressing(crowd):
        time.sleep(1)
        yield
        time.sleep(2)
    wait_until(lambda: metric(fragile, "chatrec_spool_length") == 0, "the spool is empty")
    stored = crowd.stored(fragile)
    assert {u: stored[u] - before[u] for u in stored} == {u: crowd.pressed[u] - pressed[u] for u in stored}
    assert sum(crowd.pressed.values()) > sum(pressed.values())
    assert max(crowd.waits) < PROMISE + SLACK


def wait_until(condition, what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.2)


def actions(fragile, path: str) -> httpx.Response:
    return httpx.get(f"http://localhost:{fragile.settings.action_port}{path}", timeout=5)


def metric(fragile, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", actions(fragile, "/metrics").text, re.MULTILINE)
    return float(found[1])


def ready(fragile, status: str) -> bool:
    with suppress(httpx.HTTPError):
        return actions(fragile, "/ready").json()["status"] == status
    return False


def server(port: int) -> psutil.Process:
    """The process that listens on a port."""
    (found,) = {c.pid for c in psutil.net_connections("tcp") if c.laddr.port == port and c.status == "LISTEN" and c.pid}
    return psutil.Process(found)


def wait_for(url: str, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    pytest.fail(f"{url} did not come back")


def click(stack, conversation: str, message_id: str, item: str, impression: str) -> httpx.Response:
    button = {"kind": "like", "item_id": item, "impression_id": impression}
    body = {"conversation": conversation, "message_id": message_id, "button": button}
    return httpx.post(f"{stack.url}/messages", json=body, timeout=10)


@pytest.mark.parametrize("victim", ["rasa", "actions"])
def test_a_click_is_stored_once_though_a_server_is_killed_in_the_middle(victim, fragile):
    """The page repeats what was not acknowledged under the same id; the store keeps it once."""
    conversation, message_id = secrets.token_hex(16), secrets.token_hex(16)
    answer = ChatClient(fragile.url, conversation).say("a western please")
    custom = next(m["custom"] for m in answer if m.get("custom"))
    item = custom["items"][0]["item_id"]
    port = fragile.settings.port if victim == "rasa" else fragile.settings.action_port
    process = server(port)
    threading.Timer(0.02, process.kill).start()
    with suppress(httpx.HTTPError):
        click(fragile, conversation, message_id, item, custom["impression_id"])
    process.wait(10)
    wait_for(f"{fragile.url}/health")
    wait_for(f"http://localhost:{fragile.settings.action_port}/health")
    for _ in range(3):
        assert click(fragile, conversation, message_id, item, custom["impression_id"]).status_code == 202
    ChatClient(fragile.url, conversation).click("like", item, custom["impression_id"])
    store = Store.open(fragile.settings.db, fragile.settings.store_secret())
    stored = [(e.item_id, e.kind) for e in store.events(store.user(conversation), "movies")]
    assert stored.count((item, "like")) == 2  # the click that was repeated four times, and the other one
    assert len(stored) == stored.count((item, "like"))


def test_without_an_action_server_the_user_gets_a_sentence(fragile):
    process = server(fragile.settings.action_port)
    process.kill()
    process.wait(10)
    answer = ChatClient(fragile.url, secrets.token_hex(16)).say("a funny film please")
    assert "Sorry" in " ".join(m.get("text") or "" for m in answer)
    wait_for(f"http://localhost:{fragile.settings.action_port}/health")
    assert any(m.get("custom") for m in ChatClient(fragile.url, secrets.token_hex(16)).say("a funny film please"))


@pytest.mark.parametrize("victim", ["rasa", "actions"])
def test_a_server_is_killed_while_twenty_users_press(victim, fragile, crowd):
    port = fragile.settings.port if victim == "rasa" else fragile.settings.action_port
    with breaking(fragile, crowd):
        process = server(port)
        process.kill()
        process.wait(10)
        wait_for(f"http://localhost:{port}/live")


def test_the_database_goes_and_comes_while_twenty_users_press(fragile, crowd):
    with breaking(fragile, crowd):
        fragile.postgres.goes()
        wait_until(lambda: ready(fragile, "not ready"), "the action server says that the store is down")
        answer = ChatClient(fragile.url, secrets.token_hex(16)).say("a western please")
        assert "can't reach my memory" in answer[0]["text"]
        assert any(m.get("custom") for m in answer)
        wait_until(lambda: metric(fragile, "chatrec_spool_length") > 0, "something waits")
        fragile.postgres.comes()
        wait_until(lambda: ready(fragile, "ok"), "the store is back")


def test_the_disk_is_full_while_the_database_is_away(fragile, crowd):
    """The spool waits in memory then."""
    process = server(fragile.settings.action_port)
    with breaking(fragile, crowd):
        process.rlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        fragile.postgres.goes()
        wait_until(lambda: metric(fragile, "chatrec_spool_length") > 0, "something waits")
        fragile.postgres.comes()
        process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_another_model_comes_into_service_and_the_one_before_again_without_a_dropped_turn(fragile, crowd):
    models = fragile.settings.models
    shutil.copytree(models / "movies", models / "movies-2")
    before = sum(crowd.pressed.values())
    with breaking(fragile, crowd):
        for change in (lambda: promotion.promote(models, "movies-2"), lambda: promotion.roll_back(models)):
            change()
            name = promotion.serving(models)
            wait_until(lambda name=name: serves(fragile) == name, f"{name} serves")
    repeated = len(crowd.waits) - (sum(crowd.pressed.values()) - before)
    assert repeated <= sum(wait >= PROMISE for wait in crowd.waits), "who had to press again was dropped, not late"


def serves(fragile) -> str:
    """The model of the next list, by what the store keeps of it."""
    conversation = secrets.token_hex(16)
    ChatClient(fragile.url, conversation).say("a western please")
    store = Store.open(fragile.settings.db, fragile.settings.store_secret())
    kept = store.last_impression(store.user(conversation), "movies")
    store.close()
    return kept.model if kept else ""


def test_a_damaged_model_is_not_taken_over_and_after_a_restart_the_candidates_serve(fragile):
    models = fragile.settings.models
    shutil.copytree(models / "movies", models / "damaged")
    weights = next((models / "damaged" / "adapter").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    promotion.promote(models, "damaged")
    wait_until(lambda: ready(fragile, "degraded"), "the action server says what is amiss")
    assert serves(fragile) == "movies"
    process = server(fragile.settings.action_port)
    process.kill()
    process.wait(10)
    wait_for(f"http://localhost:{fragile.settings.action_port}/live")
    assert "damaged" in actions(fragile, "/ready").json()["model"]
    assert serves(fragile) == "candidates"
    assert "the model in service can't be loaded" in (fragile.settings.var / "logs" / "actions.log").read_text()
    promotion.roll_back(models)
    wait_until(lambda: ready(fragile, "ok"), "the model before serves again")
    assert serves(fragile) == "movies"


def test_no_log_holds_what_users_said(fragile):
    words = ("flibbertigibbet", "quixotic", "zanzibarian")
    client = ChatClient(fragile.url, secrets.token_hex(16))
    for text in (f"a {words[0]} film", f"/{words[1]}{{}}", f"who is {words[2]}?"):
        client.say(text)
    for log in (fragile.settings.var / "logs").glob("*.log*"):
        found = log.read_text(errors="replace").lower()
        assert not [word for word in words if word in found], log
