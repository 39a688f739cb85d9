"""The Slack channel: once, in order, in the right thread, in Slack's limits, and only from Slack."""

from __future__ import annotations

import asyncio
import logging
import random
import time

import httpx
import pytest
import yaml
from fake_api import answering, until
from fake_bot import FakeBot, Words, listening
from fake_slack import BOT, SECRET, TEAM, Slack, command, event, press, send, shared, signed
from recordings import spoken

from channels import slack
from channels.incoming import INTENTS
from chatrec.errors import BadInput
from chatrec.settings import ROOT

CARDS = [kind for kind in INTENTS if kind != "forget"]  # that is on a line of the profile

ITEM = {"rank": 1, "item_id": "tt1", "title": "M*A*S*H <3 & more", "year": "1970", "tags": ["War"], "facts": []}
ITEMS = [ITEM | {"reason": "It is.", "rating": 93}, ITEM | {"rank": 2, "item_id": "tt2", "title": "Alien"}]
LIST = {"kind": "list", "impression_id": "0123456789abcdef", "items": ITEMS}


@pytest.fixture
def web():
    return Slack()


@pytest.fixture
def api(web):
    with answering(web) as server:
        web.address = server.address
        yield server
    assert not web.refused


@pytest.fixture
def bot() -> FakeBot:
    return FakeBot()


@pytest.fixture
def hook(api, bot):
    with listening(bot, channel(api)) as address:
        yield f"{address}/webhooks/slack/events"


def channel(api, **options) -> slack.Slack:
    settings = {"signing_secret": SECRET, "settle_seconds": 0.02, **options}
    return slack.Slack("xoxb-1", api=f"{api.address}/api/", **settings)


def show_list(hook, api, bot, **where) -> dict:
    """A list, as Slack sends it along with a press."""

    async def cards(message):
        return [{"text": "1. ...", "custom": LIST}]

    bot.answer = cards
    send(hook, event("a film", **where))
    post = api.wait("chat.postMessage")[-1]
    bot.answer = FakeBot().answer
    return {"ts": "9.000100", "text": post["text"], "blocks": post["blocks"], "thread_ts": post.get("thread_ts")}


def button(message: dict, block_id: str, action_id: str) -> dict:
    block = next(b for b in message["blocks"] if b.get("block_id") == block_id)
    return next(e for e in block["elements"] if e["action_id"] == action_id)


def test_the_manifest_asks_for_what_the_channel_does_and_no_more():
    """Each scope by the method or event that needs it (docs.slack.dev, "Scopes")."""
    manifest = yaml.safe_load((ROOT / "docs" / "slack-manifest.yml").read_text(encoding="utf-8"))
    events = manifest["settings"]["event_subscriptions"]["bot_events"]
    assert sorted(events) == sorted(EVENTS)
    assert sorted(manifest["oauth_config"]["scopes"]["bot"]) == sorted({*EVENTS.values(), *METHODS} - {""})
    assert [c["command"] for c in manifest["features"]["slash_commands"]] == ["/recommend"]
    assert manifest["features"]["app_home"]["home_tab_enabled"] and manifest["settings"]["socket_mode_enabled"]
    assert not manifest["features"]["app_home"]["messages_tab_read_only_enabled"], "people may write to it"


EVENTS = {
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
}
METHODS = (  # chat.*, /recommend, files.info, files.getUploadURLExternal, conversations.open
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "im:write",
)


def test_slack_needs_a_way_in():
    with pytest.raises(BadInput, match="app_token"):
        slack.Slack("xoxb-1")


def test_an_event_delivered_three_times_is_answered_once(api, bot, hook):
    sent = event("hello")
    replies = [send(hook, sent)]
    replies += [send(hook, sent, **{"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}) for _ in "ab"]
    assert [reply.status_code for reply in replies] == [200] * 3
    assert [call["text"] for call in api.wait("chat.postMessage")] == ["You said: hello"]
    time.sleep(0.2)
    assert [(m.text, m.sender_id, m.metadata["user"]) for m in bot.heard] == [
        ("hello", f"slack:{TEAM}:D1", f"slack:{TEAM}:U1")
    ]


def test_an_event_is_handled_once_even_over_a_restart(api, bot):
    sent = event("hello")
    for _ in range(2):
        with listening(bot, channel(api)) as address:
            send(f"{address}/webhooks/slack/events", sent)
            api.wait("chat.postMessage")
            time.sleep(0.2)
    assert len(bot.heard) == 1


FORGED = {
    "wrong secret": {"secret": "another"},
    "stale": {"at": time.time() // 1 - 301},
    "of the future": {"at": time.time() // 1 + 3000},
    "no number": {"at": "soon"},
    "no signature": {"X-Slack-Signature": ""},
    "signature of another kind": {"X-Slack-Signature": "v0=" + "0" * 64},
}


@pytest.mark.parametrize("how", FORGED.values(), ids=FORGED.keys())
def test_forged_and_stale_requests_never_reach_rasa(api, bot, hook, caplog, how):
    caplog.set_level(logging.INFO)
    assert send(hook, event("private words"), **how).status_code == 401
    assert not bot.heard
    assert "private words" not in caplog.text
    assert "refused" in caplog.text


MALFORMED = {"not JSON": b"{private words", "a list": b'["private words"]', "nested": b"[" * 30_000}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_requests_are_refused_without_a_word_of_them_in_the_log(bot, hook, caplog, body):
    caplog.set_level(logging.INFO)
    assert send(hook, body).status_code == 400
    assert not bot.heard
    assert "private words" not in caplog.text


def test_bytes_that_are_no_text_and_oversized_requests_are_refused(bot, hook):
    assert send(hook, b'{"text": "\xff"}').status_code in (400, 401)
    assert send(hook, event("x" * 300_000)).status_code == 413
    assert not bot.heard


def test_slack_finds_the_address_by_its_challenge(hook):
    reply = send(hook, {"type": "url_verification", "challenge": "abc"})
    assert reply.status_code == 200
    assert "abc" in reply.text


def test_a_mention_is_answered_in_a_thread_which_then_goes_on_without_mentions(api, bot, hook):
    mention = event(f"<@{BOT}> a scary film", "C1")
    start = mention["event"]["ts"]
    send(hook, mention)
    send(hook, {**mention, "event_id": "Ev0", "event": {**mention["event"], "type": "app_mention"}})
    assert api.wait("chat.postMessage")[0]["thread_ts"] == start
    send(hook, event("something newer", "C1", user="U2", thread_ts=start))
    assert api.wait("chat.postMessage", 2)[1]["thread_ts"] == start
    assert [m.text for m in bot.heard] == ["a scary film", "something newer"]
    assert {m.sender_id for m in bot.heard} == {f"slack:{TEAM}:C1:{start}"}
    assert [m.metadata["user"] for m in bot.heard] == [f"slack:{TEAM}:U1", f"slack:{TEAM}:U2"]


NOT_HEARD = {
    "not addressed": event("lunch?", "C1"),
    "another thread": event("lunch?", "C1", thread_ts="1.000000"),
    "joined": event("has joined", subtype="channel_join"),
    "edited": event("", subtype="message_changed"),
    "deleted": event("", subtype="message_deleted"),
    "a bot": event("hello", bot_id="B1"),
    "the bot itself": event("hello", user=BOT),
}


@pytest.mark.parametrize("sent", NOT_HEARD.values(), ids=NOT_HEARD.keys())
def test_what_is_not_for_the_bot_is_not_heard(api, bot, hook, sent):
    assert send(hook, sent).status_code == 200
    send(hook, event("the end", "D9"))
    api.wait("chat.postMessage")
    time.sleep(0.1)
    assert [m.text for m in bot.heard] == ["the end"]


def test_a_reply_to_somebody_else_in_a_thread_of_the_bot_is_not_heard(api, bot, hook):
    mention = event(f"<@{BOT}> hello", "C1")
    send(hook, mention)
    api.wait("chat.postMessage")
    send(hook, event("<@U2> what do you think?", "C1", thread_ts=mention["event"]["ts"]))
    time.sleep(0.2)
    assert len(bot.heard) == 1


def test_entities_and_links_are_read_as_they_were_typed(api, bot, hook):
    send(hook, event("Lilo &amp; Stitch &lt;3 &amp;lt; <https://e.org|e.org> <https://d.e> <#C1|films> <!here> ok"))
    api.wait("chat.postMessage")
    assert bot.heard[0].text == "Lilo & Stitch <3 &lt; e.org https://d.e films  ok"


def test_typed_payloads_are_text(api, bot, hook):
    send(hook, event('/inform{"a": 1}'))
    api.wait("chat.postMessage")
    assert (bot.heard[0].text, bot.heard[0].parse_data) == ('inform{"a": 1}', None)


def sharing(text: str, *files: dict, **more) -> dict:
    return event(text, subtype="file_share", files=list(files), **more)


def test_an_audio_clip_delivered_three_times_is_heard_once_in_its_thread(api, web, bot, hook):
    web.files["clip.wav"] = spoken("I want to watch a science fiction film")
    sent = sharing(f"<@{BOT}>", shared(api, "clip.wav", "audio/wav"), channel="C1")
    assert [send(hook, sent).status_code for _ in range(3)] == [200] * 3
    shown, answer = api.wait("chat.postMessage", 2, 30)
    assert "science fiction film" in bot.heard[0].text
    assert shown["text"] == f"🎤 “{bot.heard[0].text}”"
    assert answer["thread_ts"] == sent["event"]["ts"]
    assert len(bot.heard) == 1
    assert api.tokens == ["Bearer xoxb-1"]


def test_files_of_other_workspaces_are_asked_for_and_only_the_first_of_several_is_read(api, web, bot, hook):
    web.files["page"] = b"<html>"
    web.known["F9"] = shared(api, "page", "image/png")
    send(hook, sharing("", {"id": "F9", "file_access": "check_file_info"}, shared(api, "x", "image/png")))
    texts = [call["text"] for call in api.wait("chat.postMessage", 2, 30)]
    assert texts[0] == Words("utter_file_first")
    assert "neither a recording nor a picture" in texts[1]


def test_files_that_cannot_be_read_are_said_so_and_the_words_with_them_are_heard(api, web, bot, hook):
    send(hook, sharing("this one", shared(api, "a.pdf", "application/pdf")))
    assert [c["text"] for c in api.wait("chat.postMessage", 2)] == [
        Words("utter_file_unreadable"),
        "You said: this one",
    ]
    send(hook, sharing("", shared(api, "big.jpg", "image/jpeg", size=12_000_001)))
    assert "at most 12 MB" in api.wait("chat.postMessage", 3)[2]["text"]
    web.files["lies.jpg"] = b"\xff\xd8\xff" + b"\0" * 12_000_001
    send(hook, sharing("", shared(api, "lies.jpg", "image/jpeg")))
    assert "at most 12 MB" in api.wait("chat.postMessage", 4)[3]["text"]
    send(hook, sharing("", shared(api, "login", "image/jpeg")))
    assert api.wait("chat.postMessage", 5)[4]["text"] == Words("utter_file_lost")
    assert [m.text for m in bot.heard] == ["this one"]


@pytest.mark.parametrize("place", ["https://evil.example", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"])
def test_the_token_goes_nowhere_but_to_slack(api, bot, hook, place):
    send(hook, sharing("", shared(api, "x", "image/png", url_private_download=f"{place}/x")))
    assert "does not lie at Slack" in api.wait("chat.postMessage")[0]["text"]
    send(hook, sharing("", shared(api, "x", "image/png", is_external=True)))
    assert api.wait("chat.postMessage", 2)[1]["text"] == Words("utter_file_unreadable")
    assert not api.tokens


@pytest.mark.parametrize("kind", CARDS)
def test_a_press_updates_the_message_and_is_answered_in_its_thread(api, bot, hook, kind):
    mention = event(f"<@{BOT}> hello", "C1")
    send(hook, mention)
    api.wait("chat.postMessage")
    thread = mention["event"]["ts"]
    shown = show_list_in(hook, api, bot, thread)
    sent = press(button(shown, "card.tt2", f"card.{kind}"), "card.tt2", "C1", shown, user="U2")
    assert [send(hook, sent, form=True).status_code for _ in range(3)] == [200] * 3
    assert api.wait("chat.postMessage", 3)[2]["thread_ts"] == thread
    time.sleep(0.1)
    updates = api.of("chat.update")
    assert len(updates) == 1
    assert updates[0]["ts"] == shown["ts"]
    pressed = [b["elements"][0]["text"] for b in updates[0]["blocks"] if b["type"] == "context"]
    assert len(pressed) == 1
    assert "<@U2>" in pressed[0]
    value = {"kind": kind, "item_id": "tt2", "impression_id": LIST["impression_id"]}
    assert bot.heard[-1].parse_data["entities"] == [{"entity": "feedback", "value": value}]
    assert len(bot.heard) == 3


def show_list_in(hook, api, bot, thread: str) -> dict:
    async def cards(message):
        return [{"text": "1. ...", "custom": LIST}]

    bot.answer = cards
    send(hook, event("a film", "C1", thread_ts=thread))
    post = api.wait("chat.postMessage", 2)[-1]
    bot.answer = FakeBot().answer
    return {"ts": "9.000100", "text": post["text"], "blocks": post["blocks"], "thread_ts": thread}


def test_a_list_is_cards_in_which_catalogue_text_is_only_text(api, bot, hook):
    shown = show_list(hook, api, bot)
    assert [b["type"] for b in shown["blocks"]] == ["section", "actions"] * 2
    assert "*1. M∗A∗S∗H &lt;3 &amp; more (1970)*" in shown["blocks"][0]["text"]["text"]


def test_a_second_press_keeps_what_stands_under_other_cards(api, bot, hook):
    shown = show_list(hook, api, bot)
    for item, kind in (("tt1", "like"), ("tt2", "seen"), ("tt1", "dislike")):  # each with the first form
        send(hook, press(button(shown, f"card.{item}", f"card.{kind}"), f"card.{item}", "D1", shown), form=True)
    last = api.wait("chat.update", 3)[-1]["blocks"]
    assert [b["elements"][0]["text"][0] for b in last if b["type"] == "context"] == ["👎", "👁"]


def test_an_answer_by_button_says_its_payload_and_stays_as_the_only_one(api, bot, hook):
    async def question(message):
        return [{"text": "What kind?", "buttons": [{"title": "Comedy " * 20, "payload": "funny ones"}]}]

    bot.answer = question
    send(hook, event("hello"))
    post = api.wait("chat.postMessage")[0]
    shown = {"ts": "9.000100", "text": post["text"], "blocks": post["blocks"]}
    bot.answer = FakeBot().answer
    send(hook, press(button(shown, "answers", "say.0"), "answers", "D1", shown), form=True)
    api.wait("chat.postMessage", 2)
    assert (bot.heard[1].text, bot.heard[1].parse_data) == ("funny ones", None)
    assert [b["type"] for b in api.of("chat.update")[0]["blocks"]] == ["section", "context"]


def test_recommend_is_answered_in_the_direct_messages(api, bot, hook):
    sent = command("a scary film &amp; new")
    replies = [send(hook, sent, form=True) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200] * 3
    assert replies[0].text == Words("utter_answered_directly")
    assert api.wait("chat.postMessage")[0]["channel"] == "DU1"
    send(hook, command("", channel="DU1"), form=True)
    api.wait("chat.postMessage", 2)
    assert bot.heard[0].text == "a scary film & new"
    assert bot.heard[1].parse_data["intent"]["name"] == "ask_recommendation"
    assert len(bot.heard) == 2


def test_the_home_tab_shows_what_the_bot_knows_and_its_buttons_ask_in_the_direct_messages(api, bot, hook):
    async def memory(message):
        return [{"text": "You liked: Alien."}]

    bot.answer = memory
    home = {"type": "app_home_opened", "user": "U1", "tab": "home", "channel": "D1", "event_ts": "5.000100"}
    opened = {"type": "event_callback", "team_id": TEAM, "event_id": "EvH", "event": home}
    for _ in range(3):
        send(hook, opened)
    view = api.wait("views.publish")[0]["view"]
    assert bot.heard[0].parse_data["intent"]["name"] == "show_profile"
    assert view["blocks"][1]["text"]["text"] == "You liked: Alien."
    for name, intent in (("correct", "correct_profile"), ("export", "export_data"), ("forget", "forget_me")):
        element = next(e for e in view["blocks"][-1]["elements"] if e["value"] == name)
        send(hook, press(element, "x"), form=True)
        until(lambda intent=intent: bot.heard[-1].parse_data["intent"]["name"] == intent, intent)
    assert {call["channel"] for call in api.wait("chat.postMessage", 3)} == {"DU1"}
    api.wait("views.publish", 4)  # after each press again


def test_a_line_forgotten_on_the_home_tab_is_gone_from_it_at_once(api, bot, hook):
    """The answer stands in the direct messages, where nobody looks who pressed on the Home tab."""
    kept = {"item:movies:tt1": "You liked Alien.", "wish:2": "About films you told me: Horror."}

    async def remember(message):
        if message.parse_data["intent"]["name"] == "correct_profile":
            gone = kept.pop(message.parse_data["entities"][0]["value"]["item_id"])
            return [{"text": f"Forgotten: {gone}"}]
        lines = [{"number": n, "ref": ref, "text": text} for n, (ref, text) in enumerate(kept.items(), 1)]
        return [{"text": "Say “forget the second”."}, {"text": "…", "custom": {"kind": "memory", "lines": lines}}]

    bot.answer = remember
    home = {"type": "app_home_opened", "user": "U1", "tab": "home", "channel": "D1", "event_ts": "5.000100"}
    send(hook, {"type": "event_callback", "team_id": TEAM, "event_id": "EvH", "event": home})
    shown = api.wait("views.publish")[0]["view"]["blocks"]
    assert [b["type"] for b in shown] == ["header", "section", "section", "actions"], "lines and no talk"
    assert "Alien" in str(shown[1])
    sent = press(shown[1]["accessory"], shown[1]["block_id"])
    for _ in range(3):
        send(hook, sent, form=True)
    after = api.wait("views.publish", 2)[1]
    assert "Alien" not in str(after["view"]) and "Horror" in str(after["view"]) and after["user_id"] == "U1"
    assert [(c["channel"], c["text"]) for c in api.of("chat.postMessage")] == [("DU1", "Forgotten: You liked Alien.")]
    time.sleep(0.2)
    assert len(api.of("views.publish")) == 2


def test_a_rate_limit_is_waited_out_and_nothing_is_lost(api, web, bot, hook):
    web.limited = 1
    began = time.monotonic()
    send(hook, event("hello"))
    api.wait("chat.postMessage", 2)
    assert time.monotonic() - began >= 1
    assert len(bot.heard) == 1


def test_long_texts_are_split_and_nothing_is_lost(api, bot, hook):
    text = "\n".join(f"{number} <&>" for number in range(1000))

    async def much(message):
        return [{"text": text}]

    bot.answer = much
    send(hook, event("everything"))
    until(lambda: any("\n999 " in call["text"] for call in api.of("chat.postMessage")), "the end")
    parts = [call["text"] for call in api.of("chat.postMessage")]
    assert "\n".join(parts).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


async def everything(message):
    return [{"text": '{"events": ["ä"]}', "custom": {"kind": "file", "name": "chatrec.json"}}]


def test_a_file_is_uploaded_to_its_thread(api, web, bot, hook):
    bot.answer = everything
    send(hook, event(f"<@{BOT}> export", "C1", type="app_mention", ts="7.000100"))
    done = api.wait("files.completeUploadExternal")[0]
    assert (done["channel_id"], done["thread_ts"]) == ("C1", "7.000100")
    assert [web.uploads[file["id"]] for file in done["files"]] == ["chatrec.json"]
    assert [upload["body"] for upload in api.of("upload")] == ['{"events": ["ä"]}']
    assert not api.of("chat.postMessage")


def test_an_app_without_the_scope_says_a_file_as_text(api, web, bot, hook):
    web.scopes.clear()
    bot.answer = everything
    send(hook, event("export"))
    assert api.wait("chat.postMessage")[0]["text"] == '{"events": ["ä"]}'


def test_a_turn_without_an_answer_ends_with_an_apology(api, bot, hook):
    async def fail(message):
        raise ConnectionError("the action server is down")

    bot.answer = fail
    send(hook, event("hello"))
    assert api.wait("chat.postMessage")[0]["text"] == Words("utter_no_answer")


async def test_ten_conversations_three_times_out_of_order_are_heard_once_and_in_order(api, bot):
    async def slow(message):
        await asyncio.sleep(0.05)
        return [{"text": message.text}]

    bot.answer = slow
    sent = [event(f"{chat}-{n}", f"D{chat}", ts=f"{n}.000100") for chat in range(10, 20) for n in range(1, 4)] * 3
    random.Random(7).shuffle(sent)
    with listening(bot, channel(api, settle_seconds=5.0)) as address:
        url = f"{address}/webhooks/slack/events"
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            replies = await asyncio.gather(*(http.post(url, **signed(one)) for one in sent))
        await asyncio.to_thread(api.wait, "chat.postMessage", 30, 20)
        await asyncio.sleep(0.3)
        answers = [call["text"] for call in api.of("chat.postMessage")]
    assert {reply.status_code for reply in replies} == {200}
    assert len(answers) == 30
    for chat in range(10, 20):
        assert [a for a in answers if a.startswith(f"{chat}-")] == [f"{chat}-{n}" for n in range(1, 4)]


@pytest.mark.alone
def test_an_event_is_acknowledged_at_once_while_the_bot_thinks(api, bot, hook):
    async def slow(message):
        await asyncio.sleep(1)
        return [{"text": message.text}]

    bot.answer = slow
    send(hook, event("warm"))
    for number in range(5):
        began = time.monotonic()
        send(hook, event("hello", f"D{number}"))
        assert time.monotonic() - began < 0.3


def test_over_a_socket_events_are_acknowledged_and_answered(api, bot):
    with listening(bot, channel(api, app_token="xapp-1", signing_secret="")) as address:
        until(lambda: api.sockets, "the socket")
        for _ in range(3):
            api.push({"type": "events_api", "envelope_id": "e1", "payload": EVENT})
        assert api.wait("chat.postMessage")[0]["text"] == "You said: over a socket"
        until(lambda: {"envelope_id": "e1"} in [{"envelope_id": r["envelope_id"]} for r in api.received], "an answer")
        assert send(f"{address}/webhooks/slack/events", event("by HTTP")).status_code != 200
    assert [m.text for m in bot.heard] == ["over a socket"]


EVENT = event("over a socket")
