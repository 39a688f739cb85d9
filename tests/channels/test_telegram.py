"""The Telegram channel: addressed to it, once, in order, in Telegram's limits, and only from Telegram."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import logging
import random
import time

import httpx
import pytest
from fake_api import Api, answering, until
from fake_bot import FakeBot, Words, listening
from PIL import Image
from recordings import spoken

from channels.incoming import COMMANDS, INTENTS
from channels.telegram import Telegram
from chatrec.errors import BadInput

CARDS = [kind for kind in INTENTS if kind != "forget"]  # that is on a line of the profile

SECRET = "a-secret_0"
ME = {"id": 42, "is_bot": True, "first_name": "Rec", "username": "RecBot"}
ITEM = {"rank": 1, "item_id": "tt0078748", "title": "Alien <3 & more", "year": "1979", "tags": ["Horror"], "facts": []}
LIST = {"kind": "list", "impression_id": "0123456789abcdef", "items": [ITEM | {"reason": "It is.", "rating": 93}]}
ids = itertools.count(1)


def telegram(method, fields):
    if method == "getMe":
        return 200, {"ok": True, "result": ME}
    if method in ("sendMessage", "sendDocument"):
        chat = {"id": int(fields["chat_id"]), "type": "private"}
        text = {"text": fields["text"]} if "text" in fields else {}
        return 200, {"ok": True, "result": {"message_id": next(ids), "date": 1, "chat": chat, **text}}
    if method == "getFile":
        name = fields["file_id"]
        if name not in FILES:
            return 400, {"ok": False, "error_code": 400, "description": "Bad Request: wrong file_id"}
        return 200, {"ok": True, "result": {"file_id": name, "file_unique_id": name, "file_path": f"voice/{name}"}}
    return 200, FILES.get(method, {"ok": True, "result": True})


def picture(color: str = "green") -> bytes:
    """A picture without any words on it."""
    file = io.BytesIO()
    Image.new("RGB", (300, 300), color).save(file, "JPEG")
    return file.getvalue()


FILES = {"plain": picture(), "page": b"<html>private words</html>", "broken": b"\xff\xd8\xff\xe0 no more"}


@pytest.fixture
def api():
    with answering(telegram) as server:
        yield server


@pytest.fixture
def bot() -> FakeBot:
    return FakeBot()


@pytest.fixture
def hook(api, bot):
    with listening(bot, channel(api)) as address:
        api.wait("setWebhook")
        yield f"{address}/webhooks/telegram/webhook"


def channel(api: Api, **options) -> Telegram:
    settings = {"url": "https://rec.example", "secret": SECRET, "settle_seconds": 0.02, **options}
    return Telegram("1:token", api=api.address, **settings)


def deliver(hook: str, update: dict | bytes, secret: str | None = SECRET) -> int:
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret is not None else {}
    content = update if isinstance(update, bytes) else json.dumps(update).encode()
    return httpx.post(hook, content=content, headers=headers, timeout=10, trust_env=False).status_code


def said(text: str | None, chat: int = 7, kind: str = "private", number: int | None = None, **more) -> dict:
    number = number or next(ids)
    author = {"id": 7, "is_bot": False, "first_name": "Ann"}
    message = {"message_id": number, "date": 1, "chat": {"id": chat, "type": kind}, "from": author, **more}
    return {"update_id": number, "message": message | ({"text": text} if text is not None else {})}


def pressed(data: str, keyboard: list | None = None, message_id: int = 5) -> dict:
    author = {"id": 7, "is_bot": False, "first_name": "Ann"}
    message = {"message_id": message_id, "date": 1, "chat": {"id": 7, "type": "private"}, "text": "list"}
    message |= {"reply_markup": {"inline_keyboard": keyboard}} if keyboard else {}
    query = {"id": str(next(ids)), "from": author, "chat_instance": "1", "data": data, "message": message}
    return {"update_id": next(ids), "callback_query": query}


def show_list(hook, api, bot) -> list[list[dict]]:
    """The keyboard of a list."""

    async def cards(message):
        return [{"text": "1. Alien", "custom": LIST}]

    bot.answer = cards
    deliver(hook, said("a film"))
    return api.wait("sendMessage")[-1]["reply_markup"]["inline_keyboard"]


def test_the_webhook_is_set_with_its_secret_and_only_the_updates_that_are_read(api, hook):
    call = api.of("setWebhook")[0]
    assert call["url"] == "https://rec.example/webhooks/telegram/webhook"
    assert call["secret_token"] == SECRET
    assert call["allowed_updates"] == ["message", "callback_query"]


def test_a_webhook_without_a_usable_secret_is_no_webhook():
    with pytest.raises(BadInput, match="secret"):
        Telegram("1:token", url="https://rec.example", secret="a b")


def test_a_message_delivered_three_times_is_answered_once(api, bot, hook):
    update = said("hello")
    assert [deliver(hook, update) for _ in range(3)] == [200, 200, 200]
    assert [call["text"] for call in api.wait("sendMessage")] == ["You said: hello"]
    deliver(hook, update)
    time.sleep(0.2)
    assert [m.text for m in bot.heard] == ["hello"]
    assert bot.heard[0].sender_id == "telegram:7"
    assert bot.heard[0].input_channel == "telegram"


def test_typing_is_shown_while_the_bot_thinks(api, bot, hook):
    async def slow(message):
        await asyncio.sleep(0.3)
        return [{"text": message.text}]

    bot.answer = slow
    deliver(hook, said("hello"))
    api.wait("sendMessage")
    assert [call["action"] for call in api.of("sendChatAction")] == ["typing"]


def test_a_message_is_handled_once_even_over_a_restart(api, bot):
    update = said("hello")
    for _ in range(2):
        with listening(bot, channel(api)) as address:
            until(lambda: deliver(f"{address}/webhooks/telegram/webhook", update) == 200, "the bot knows its name")
            api.wait("sendMessage")
    assert len(bot.heard) == 1


@pytest.mark.parametrize("secret", [None, "", "a-secret_1", "ä" * 9, SECRET + "x"])
def test_deliveries_without_the_secret_never_reach_rasa(api, bot, hook, caplog, secret):
    caplog.set_level(logging.DEBUG)
    assert deliver(hook, said("private words"), secret if secret is None else secret.encode()) == 403
    assert not bot.heard
    assert "private words" not in caplog.text
    assert "refused" in caplog.text


MALFORMED = {
    "not JSON": b"private words",
    "not UTF-8": b'{"update_id": 1, "message": "\xff"}',
    "nested": b"[" * 30_000,
    "a list": b"[1]",
    "a text": b'"private words"',
    "no id": b"{}",
    "message of another type": b'{"update_id": 1, "message": "private words"}',
    "no chat": b'{"update_id": 1, "message": {"message_id": 1, "date": 1, "text": "private words", "from": {"id": 1, "is_bot": false, "first_name": "A"}}}',  # noqa: E501
    "a query without anything": b'{"update_id": 1, "callback_query": {}}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_updates_are_refused_without_a_word_of_them_in_the_log(bot, hook, caplog, body):
    caplog.set_level(logging.DEBUG)
    assert deliver(hook, body) == 400
    assert not bot.heard
    assert "private words" not in caplog.text


def test_oversized_updates_are_refused(bot, hook):
    assert deliver(hook, said("x" * 70_000)) == 413
    assert not bot.heard


def test_a_list_is_one_message_with_a_row_of_buttons_that_carry_the_impression(api, bot, hook):
    keyboard = show_list(hook, api, bot)
    call = api.of("sendMessage")[0]
    assert call["parse_mode"] == "HTML"
    assert "<b>1. Alien &lt;3 &amp; more (1979)</b>" in call["text"]
    assert "It is." in call["text"]
    assert [len(row) for row in keyboard] == [5]
    for button in keyboard[0]:
        assert len(button["callback_data"].encode()) <= 64
        assert LIST["impression_id"] in button["callback_data"]


@pytest.mark.parametrize("place, kind", enumerate(CARDS))
def test_a_press_is_acknowledged_first_then_ticked_then_answered(api, bot, hook, place, kind):
    keyboard = show_list(hook, api, bot)
    bot.answer = FakeBot().answer
    api.calls.clear()
    update = pressed(keyboard[0][place]["callback_data"], keyboard)
    assert [deliver(hook, update) for _ in range(3)] == [200] * 3
    api.wait("sendMessage")
    order = [method for method, _ in api.calls if method != "sendChatAction"]
    assert order == ["answerCallbackQuery", "editMessageReplyMarkup", "sendMessage"]
    edited = api.of("editMessageReplyMarkup")[0]["reply_markup"]["inline_keyboard"]
    assert [b["text"].startswith("✅") for b in edited[0]] == [n == place for n in range(5)]
    heard = bot.heard[-1]
    value = {"kind": kind, "item_id": "tt0078748", "impression_id": LIST["impression_id"]}
    assert heard.parse_data["entities"] == [{"entity": "feedback", "value": value}]
    assert heard.parse_data["intent"]["name"] == INTENTS[kind]


def test_a_second_press_keeps_the_first_tick_and_a_dislike_takes_a_like_back(api, bot, hook):
    keyboard = show_list(hook, api, bot)
    bot.answer = FakeBot().answer
    for place in (0, 2, 1):  # like, seen, dislike; each delivery holds the first keyboard
        deliver(hook, pressed(keyboard[0][place]["callback_data"], keyboard))
    last = api.wait("editMessageReplyMarkup", 3)[-1]["reply_markup"]["inline_keyboard"]
    assert [b["text"].startswith("✅") for b in last[0]] == [False, True, True, False, False]


def test_an_answer_by_button_says_its_payload_and_leaves_only_itself(api, bot, hook):
    long = "something like " + "x" * 60

    async def question(message):
        buttons = [{"title": "Comedy", "payload": "funny ones"}, {"title": "Like Xs", "payload": long}]
        return [{"text": "What kind?", "buttons": buttons}]

    bot.answer = question
    deliver(hook, said("hello"))
    keyboard = api.wait("sendMessage")[0]["reply_markup"]["inline_keyboard"]
    bot.answer = FakeBot().answer
    deliver(hook, pressed(keyboard[0][0]["callback_data"], keyboard))
    api.wait("sendMessage", 2)
    deliver(hook, pressed(keyboard[1][0]["callback_data"], keyboard, message_id=6))
    api.wait("sendMessage", 3)
    assert [m.text for m in bot.heard[1:]] == ["funny ones", long]
    assert bot.heard[1].parse_data is None
    edited = api.of("editMessageReplyMarkup")[0]["reply_markup"]["inline_keyboard"]
    assert [[b["text"] for b in row] for row in edited] == [["✅ Comedy"]]


@pytest.mark.parametrize("data", ["-", "x", "=", "=/", "#9", "l:", "lab cd:x", "l0123:" + "\n"])
def test_presses_on_nothing_of_ours_end_the_spinner_and_say_nothing(api, bot, hook, data):
    assert deliver(hook, pressed(data)) == 200
    api.wait("answerCallbackQuery")
    assert not bot.heard


def test_payloads_typed_as_text_are_text(api, bot, hook):
    deliver(hook, said('/inform{"item_id": "x"}'))
    api.wait("sendMessage")
    assert bot.heard[0].text == 'inform{"item_id": "x"}'
    assert bot.heard[0].parse_data is None


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_mean_what_they_say(api, bot, hook, name):
    deliver(hook, said(f"/{name}"))
    api.wait("sendMessage")
    assert bot.heard[0].parse_data["intent"]["name"] == COMMANDS[name][0]


@pytest.mark.parametrize("text, kind", [("@recbot", "group"), ("///", "private"), ("/", "private")])
def test_who_says_its_name_and_no_more_is_told_what_it_can_do(api, bot, hook, text, kind):
    deliver(hook, said(text, -5 if kind == "group" else 7, kind))
    api.wait("sendMessage")
    assert bot.heard[0].parse_data["intent"]["name"] == "help"


@pytest.mark.parametrize("what", ["edited_message", "channel_post", "my_chat_member"])
def test_what_is_no_new_message_is_taken_and_not_heard(api, bot, hook, what):
    """Somebody who mends a typo in an old message doesn't ask again."""
    update = said("a scray film")
    update[what] = update.pop("message") | ({"edit_date": 2} if what == "edited_message" else {})
    if what == "my_chat_member":
        blocked = {"status": "kicked", "user": ME, "until_date": 0}
        update[what] |= {"old_chat_member": {"status": "member", "user": ME}, "new_chat_member": blocked}
    assert deliver(hook, update) == 200
    deliver(hook, said(None, new_chat_title="films"))  # a service message has nothing to read
    deliver(hook, said("the end", 9))
    until(lambda: bot.heard, "the end")
    time.sleep(0.1)
    assert [m.text for m in bot.heard] == ["the end"]


def test_words_after_recommend_are_the_wish(api, bot, hook):
    deliver(hook, said("/recommend@recbot a scary film"))
    api.wait("sendMessage")
    assert (bot.heard[0].text, bot.heard[0].parse_data) == ("a scary film", None)


REPLY = {"message_id": 1, "date": 1, "chat": {"id": -5, "type": "group"}, "from": ME, "text": "1. Alien"}
IN_GROUPS = {
    "not addressed": ("a scary film", {}, None),
    "mention": ("@recbot a scary film", {}, "a scary film"),
    "reply": ("a scary film", {"reply_to_message": REPLY}, "a scary film"),
    "command": ("/help", {}, COMMANDS["help"][1]),
    "another bot's command": ("/help@OtherBot", {}, None),
    "unknown command": ("/roll 6", {}, None),
}


@pytest.mark.parametrize("text, more, heard", IN_GROUPS.values(), ids=IN_GROUPS.keys())
def test_in_groups_only_what_is_addressed_is_heard(api, bot, hook, text, more, heard):
    deliver(hook, said(text, -5, "group", **more))
    deliver(hook, said("the end", 9))
    until(lambda: any(m.text == "the end" for m in bot.heard), "the end")
    time.sleep(0.1)
    assert [m.text for m in bot.heard if m.text != "the end"] == ([heard] if heard else [])


def photo(name: str) -> dict:
    sizes = [{"file_id": n, "file_unique_id": n, "width": 1, "height": 1} for n in ("thumbnail", name)]
    return {"photo": sizes}


def voice(name: str, **more) -> dict:
    return {"voice": {"file_id": name, "file_unique_id": name, "duration": 2, **more}}


def document(name: str, kind: str) -> dict:
    return {"document": {"file_id": name, "file_unique_id": name, "mime_type": kind}}


def test_a_voice_message_delivered_three_times_is_heard_once(api, bot, hook, monkeypatch):
    monkeypatch.setitem(FILES, "note", spoken("I want to watch a science fiction film"))
    update = said(None, **voice("note"))
    assert [deliver(hook, update) for _ in range(3)] == [200] * 3
    shown, answer = [call["text"] for call in api.wait("sendMessage", 2, 30)]
    assert "science fiction film" in bot.heard[0].text
    assert shown == f"🎤 “{bot.heard[0].text}”"
    assert answer == f"You said: {bot.heard[0].text}"
    assert len(bot.heard) == len(api.of("getFile")) == 1
    assert bot.heard[0].parse_data is None


def test_a_picture_that_tells_nothing_is_said_plainly_and_its_caption_is_heard(api, bot, hook):
    deliver(hook, said(None, **photo("plain")))
    assert [call["text"] for call in api.wait("sendMessage", seconds=30)] == [Words("utter_seen_nothing")]
    deliver(hook, said(None, caption="a scary one", **photo("plain")))
    assert [call["text"] for call in api.wait("sendMessage", 3)[1:]] == [
        Words("utter_seen_nothing"),
        "You said: a scary one",
    ]
    assert [m.text for m in bot.heard] == ["a scary one"]


REFUSED = {
    "too large, as announced": (voice("plain", file_size=12_000_001), "at most 12 MB"),
    "of another type than it says": (document("page", "image/png"), "neither a recording nor a picture"),
    "damaged": (photo("broken"), "damaged"),
    "not there": (photo("gone"), Words("utter_file_lost")),
    "a document": (document("page", "text/html"), Words("utter_file_unreadable")),
    "a place": ({"location": {"longitude": 1.0, "latitude": 1.0}}, Words("utter_file_unreadable")),
}


@pytest.mark.parametrize("file, told", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_read_gets_one_short_answer_and_never_reaches_rasa(api, bot, hook, caplog, file, told):
    deliver(hook, said(None, **file))
    text = api.wait("sendMessage")[0]["text"]
    assert text == told if isinstance(told, Words) else told in text
    time.sleep(0.1)
    assert len(api.of("sendMessage")) == 1
    assert not bot.heard
    assert "private words" not in caplog.text
    assert "1:token" not in caplog.text


def test_a_file_that_grows_on_the_way_is_refused(api, bot, hook, monkeypatch):
    monkeypatch.setitem(FILES, "grown", b"\xff\xd8\xff" + b"\0" * 12_000_001)
    deliver(hook, said(None, **photo("grown")))
    assert "12 MB" in api.wait("sendMessage", seconds=30)[0]["text"]


def test_files_that_are_not_for_the_bot_are_not_downloaded(api, bot, hook):
    deliver(hook, said(None, -5, "group", **photo("plain")))
    deliver(hook, said("the end", 9))
    api.wait("sendMessage")
    assert not api.of("getFile")


def test_a_flood_limit_is_waited_out_and_nothing_is_lost(bot):
    refused = []

    def flooded(method, fields):
        if method == "sendMessage" and not refused:
            refused.append(time.monotonic())
            return 429, {"ok": False, "error_code": 429, "description": "Flood", "parameters": {"retry_after": 1}}
        return telegram(method, fields)

    with answering(flooded) as api, listening(bot, channel(api)) as address:
        api.wait("setWebhook")
        deliver(f"{address}/webhooks/telegram/webhook", said("hello"))
        api.wait("sendMessage", 2)
    assert time.monotonic() - refused[0] >= 1
    assert len(bot.heard) == 1


def test_long_texts_are_split_at_lines_and_nothing_is_lost(api, bot, hook):
    text = "\n".join(f"{number} 👍" for number in range(2000))

    async def much(message):
        return [{"text": text}]

    bot.answer = much
    deliver(hook, said("everything"))
    until(lambda: any("1999" in call["text"] for call in api.of("sendMessage")), "the end")
    parts = [call["text"] for call in api.of("sendMessage")]
    assert all(len(part.encode("utf-16-le")) // 2 <= 4096 for part in parts)
    assert "\n".join(parts) == text


def test_a_file_is_sent_as_a_document(api, bot, hook):
    async def everything(message):
        return [{"text": '{"events": ["ä"]}', "custom": {"kind": "file", "name": "chatrec.json"}}]

    bot.answer = everything
    deliver(hook, said("export"))
    assert api.wait("sendDocument")[0]["document"] == '{"events": ["ä"]}'
    assert not api.of("sendMessage")


def test_a_turn_without_an_answer_ends_with_an_apology(api, bot, hook):
    async def fail(message):
        raise ConnectionError("the action server is down")

    bot.answer = fail
    deliver(hook, said("hello"))
    assert [call["text"] for call in api.wait("sendMessage")] == [Words("utter_no_answer")]


async def storm(hook: str, updates: list[dict]) -> list[tuple[int, float]]:
    """Status and seconds of each delivery; all at the same time."""
    async with httpx.AsyncClient(timeout=30, trust_env=False, limits=httpx.Limits(max_connections=30)) as http:

        async def one(update: dict) -> tuple[int, float]:
            began = time.monotonic()
            reply = await http.post(hook, json=update, headers={"X-Telegram-Bot-Api-Secret-Token": SECRET})
            return reply.status_code, time.monotonic() - began

        return await asyncio.gather(*map(one, updates))


async def test_ten_conversations_three_times_out_of_order_are_heard_once_and_in_order(bot):
    async def slow(message):
        await asyncio.sleep(0.05)
        return [{"text": message.text}]

    bot.answer = slow
    updates = [said(f"{chat}-{n}", chat, number=n * 10 + chat) for chat in range(1, 11) for n in range(1, 4)] * 3
    random.Random(5).shuffle(updates)
    with answering(telegram) as api, listening(bot, channel(api, settle_seconds=5.0)) as address:
        await asyncio.to_thread(api.wait, "setWebhook")
        statuses = await storm(f"{address}/webhooks/telegram/webhook", updates)
        await asyncio.to_thread(api.wait, "sendMessage", 30, 20)
        await asyncio.sleep(0.3)
        answers = [call["text"] for call in api.of("sendMessage")]
    assert {status for status, _ in statuses} == {200}
    assert sorted(answers) == sorted({u["message"]["text"] for u in updates})
    for chat in range(1, 11):
        assert [a for a in answers if a.startswith(f"{chat}-")] == [f"{chat}-{n}" for n in range(1, 4)]


@pytest.mark.alone
async def test_a_delivery_is_acknowledged_at_once_while_the_bot_thinks(api, bot, hook):
    async def slow(message):
        await asyncio.sleep(2)
        return [{"text": message.text}]

    bot.answer = slow
    seconds = [seconds for _, seconds in await storm(hook, [said("hello", chat) for chat in range(1, 11)])]
    assert max(seconds) < 0.3, seconds


def test_without_a_url_the_bot_asks_for_updates_and_handles_each_once(bot):
    updates = [said("one"), said("two")]

    def polled(method, fields):
        if method != "getUpdates":
            return telegram(method, fields)
        time.sleep(0.02)
        return 200, {"ok": True, "result": updates if bot.ready else []}  # ignores the offset, as a bad server may

    with answering(polled) as api, listening(bot, Telegram("1:token", api=api.address, settle_seconds=0)) as address:
        api.wait("sendMessage", 2)
        time.sleep(0.2)
        assert [m.text for m in bot.heard] == ["one", "two"]
        assert deliver(f"{address}/webhooks/telegram/webhook", said("three")) != 200
        bot.ready = False


def test_the_server_starts_without_telegram_and_reaches_it_later(bot):
    attempts = []

    def down(method, fields):
        attempts.append(method)
        return telegram(method, fields) if len(attempts) > 1 else (502, {"ok": False})

    with answering(down) as api, listening(bot, channel(api)) as address:
        api.wait("setWebhook")
        assert deliver(f"{address}/webhooks/telegram/webhook", said("hello")) == 200
        api.wait("sendMessage")
