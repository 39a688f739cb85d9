"""What breaks while people talk: no event is lost or doubled, and nobody is left without an answer."""

from __future__ import annotations

import resource
import secrets
import shutil
import struct
import subprocess
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
from crowd import actions, answers, breaking, gather, metric, wait_until
from stacks import running

from chatrec import promotion
from chatrec.client import ChatClient
from chatrec.settings import ROOT
from chatrec.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture(scope="module")
def fragile(tmp_path_factory):
    """A stack with models of its own and PostgreSQL, where more can break."""
    home = tmp_path_factory.mktemp("home")
    for path in ROOT.iterdir():
        if path.name not in ("models", "var", ".git"):
            (home / path.name).symlink_to(path)
    shutil.copytree(ROOT / "models" / "recommender", home / "models" / "recommender")
    for name in ("rasa.tar.gz", "understanding"):
        (home / "models" / name).symlink_to(ROOT / "models" / name)
    clock, own = Clock(tmp_path_factory.mktemp("clock")), {"CHATREC_HOME": str(home)}
    with (
        database() as postgres,
        running(tmp_path_factory.mktemp("fragile"), **own, **clock.env, CHATREC_DB=postgres.url) as stack,
    ):
        stack.settings = replace(stack.settings, root=home, db=postgres.url)
        stack.postgres, stack.clock = postgres, clock
        yield stack


class Clock:
    """A wall clock of the servers' that can be put forward and back."""

    def __init__(self, folder: Path) -> None:
        library, self._shift = folder / "clock.so", folder / "shift"
        source = Path(__file__).with_name("shifted_clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        self._shift.write_bytes(struct.pack("<q", 0))
        self.env = {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(self._shift)}

    def put(self, seconds: int) -> None:
        """That many seconds from the true time."""
        with self._shift.open("r+b") as file:
            file.write(struct.pack("<q", seconds))


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


def ready(fragile, status: str) -> bool:
    with suppress(httpx.HTTPError):
        return actions(fragile, "/ready").json()["status"] == status
    return False


def server(port: int) -> psutil.Process:
    """The process that listens on a port."""
    (found,) = {c.pid for c in psutil.net_connections("tcp") if c.laddr.port == port and c.status == "LISTEN" and c.pid}
    return psutil.Process(found)


def wait_for(url: str) -> None:
    wait_until(lambda: answers(url), f"{url} is back", 240)


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


def test_the_action_server_hangs_for_a_while(fragile, crowd):
    """As slow as a model can be: it takes requests and answers none."""
    process = server(fragile.settings.action_port)
    with breaking(fragile, crowd):
        process.suspend()
        time.sleep(8)
        process.resume()


def test_the_clock_jumps_while_twenty_users_press(fragile, crowd):
    """An hour forward, then back beyond the start; and who changed their mind after that has changed it."""
    with breaking(fragile, crowd):
        for shift in (3600, -3600):
            fragile.clock.put(shift)
            time.sleep(4)
    client = ChatClient(fragile.url, secrets.token_hex(16))
    shown = next(m["custom"] for m in client.say("a western please") if m.get("custom"))
    item = shown["items"][0]["item_id"]
    for kind, shift in (("like", 7200), ("dislike", 0)):
        fragile.clock.put(shift)
        client.click(kind, item, shown["impression_id"])
    store = Store.open(fragile.settings.db, fragile.settings.store_secret())
    assert store.stances(store.user(client.user), "movies")[item].kind == "dislike"
    store.close()


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
    assert repeated <= sum(wait >= fragile.settings.turn_seconds for wait in crowd.waits), (
        "who had to press again was dropped, not late"
    )


def serves(fragile) -> str:
    """The model of the next list, by what the store keeps of it."""
    conversation = secrets.token_hex(16)
    ChatClient(fragile.url, conversation).say("a western please")
    store = Store.open(fragile.settings.db, fragile.settings.store_secret())
    kept = store.last_impression(store.user(conversation), "movies")
    store.close()
    return kept.model if kept else ""


def test_a_damaged_model_is_not_taken_over_and_after_a_restart_the_candidates_serve(fragile, crowd):
    models = fragile.settings.models
    shutil.copytree(models / "movies", models / "damaged")
    weights = next((models / "damaged" / "adapter").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    with breaking(fragile, crowd):
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
