"""What an update of Telegram says to the bot."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

from telegram import Audio, CallbackQuery, Document, MaybeInaccessibleMessage, Message, PhotoSize, Update, User, Voice
from telegram.constants import ChatType

from channels import render
from channels.incoming import COMMANDS, WORDS, Incoming, read_text
from chatrec.errors import BadInput

COMMAND = re.compile(r"/(\w+)(?:@(\w+))?\s*(.*)", re.DOTALL)
File = Voice | Audio | PhotoSize | Document  # what bot.get_file takes
COMMANDS_SHOWN = [
    ("recommend", "Find me something; you may add what"),
    ("profile", "What you know about me"),
    ("forget", "Erase what you know about me"),
    ("help", "What you can do"),
]


def read_update(update: Update, me: User) -> Incoming | None:
    """What is said to the bot; None when it isn't meant, or when there is nothing to answer."""
    if update.callback_query:
        return _press(update.callback_query, update.update_id)
    message = update.message
    if message is None or message.from_user is None or message.from_user.is_bot:
        return None
    text = message.text or message.caption or ""
    command = COMMAND.fullmatch(text)
    if command and command[2] and command[2].lower() != me.username.lower():
        return None
    if not _addressed(message, text, command, me):
        return None
    said = _incoming(message, message.from_user, update.update_id)
    if command and command[1].lower() in COMMANDS:
        return _command(said, command[1].lower(), command[3])
    return _words(said, re.sub(rf"@{me.username}\b", "", text, flags=re.IGNORECASE), message)


def address(conversation: str) -> tuple[int, int | None]:
    """The chat and the topic in it that a conversation's name holds."""
    _, chat, *thread = conversation.split(":")
    return int(chat), int(thread[0]) if thread else None


def keyboard_of(message: MaybeInaccessibleMessage) -> render.Keyboard:
    """The buttons under a message; none under one that is too old to be seen."""
    markup = message.reply_markup if isinstance(message, Message) else None
    rows = markup.inline_keyboard if markup else ()
    return tuple(tuple((b.text, str(b.callback_data)) for b in row) for row in rows)


def _incoming(message: MaybeInaccessibleMessage, user: User, update_id: int) -> Incoming:
    in_topic = isinstance(message, Message) and message.is_topic_message
    topic = f":{message.message_thread_id}" if in_topic else ""
    conversation = f"telegram:{message.chat.id}{topic}"
    return Incoming(f"telegram:{user.id}", conversation, f"telegram-{update_id}", "", sent=update_id)


def _addressed(message: Message, text: str, command: re.Match | None, me: User) -> bool:
    """In a group: a command, a mention, or a reply to the bot."""
    if message.chat.type == ChatType.PRIVATE or (command and (command[2] or command[1].lower() in COMMANDS)):
        return True
    replied = message.reply_to_message and message.reply_to_message.from_user
    mentioned = re.search(rf"@{me.username}\b", text, re.IGNORECASE)
    return bool(mentioned or (replied and replied.id == me.id))


def _command(said: Incoming, name: str, rest: str) -> Incoming:
    """What a command means; words after /recommend are the wish."""
    with suppress(BadInput):
        return replace(said, text=read_text(rest if name == "recommend" else ""))
    return said.named(name)


def _words(said: Incoming, text: str, message: Message) -> Incoming | None:
    """Typed words, or a file with its caption; of other attachments the bot says honestly that it can't use them. Who
    says its name and no more asks what it can do."""
    said = replace(said, file=_file(message))
    notice = "utter_file_unreadable" if message.effective_attachment and not said.file else ""
    try:
        return replace(said, text=read_text(text), notice=notice)
    except BadInput:
        if said.file or notice:
            return replace(said, notice=notice)
        return said.named("help") if message.text else None


def _file(message: Message) -> File | None:
    """The recording or picture of a message, the largest size of a photo."""
    document = message.document
    if document and not (document.mime_type or "").startswith(("audio/", "image/")):
        document = None
    return message.voice or message.audio or (message.photo[-1] if message.photo else document)


def _press(query: CallbackQuery, update_id: int) -> Incoming | None:
    """A press on a card or on an answer to a question. Whoever writes a client may send any data."""
    if query.message is None or not query.data:
        return None
    said = _incoming(query.message, query.from_user, update_id)
    said = replace(said, pressed=(query.message, query.data))
    try:
        if words := render.answer(keyboard_of(query.message), query.data):
            return replace(said, text=read_text(words))
        button = render.unpack(query.data)
    except BadInput:
        return None
    return replace(said, text=WORDS[button.kind], button=button)
