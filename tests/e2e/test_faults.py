"""What breaks while people talk: no event is lost or doubled, and nobody is left without an answer."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress

import httpx
import psutil
import pytest
from stacks import running

from chatrec.client import ChatClient
from chatrec.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fragile(tmp_path_factory):
    with running(tmp_path_factory.mktemp("fragile")) as stack:
        yield stack


def server(port: int) -> psutil.Process:
    """The process that listens on a port."""
    (found,) = {c.pid for c in psutil.net_connections("tcp") if c.laddr.port == port and c.status == "LISTEN" and c.pid}
    return psutil.Process(found)


def wait_for(url: str, seconds: float = 120) -> None:
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
