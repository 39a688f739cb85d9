"""What the bot says, in each platform's form. Data in, data out: no platform's SDK is needed here.

``telegram(message)`` gives bubbles of HTML with rows of inline buttons, ``slack(message)`` the arguments of
``chat.postMessage`` with Block Kit. Both take a message of :mod:`channels.messages`. ``pack`` and ``unpack`` turn a
card's button into the one string that a platform sends back when it is pressed.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from channels.incoming import INTENTS, Button, read_button
from channels.messages import Message
from chatrec.errors import BadInput

TELEGRAM_TEXT = 4_096  # UTF-16 units of one message
TELEGRAM_DATA = 64  # bytes of a button's callback data
TELEGRAM_LABEL = 200  # characters on a button; more is of no use to anybody
SLACK_TEXT = 3_000  # characters of a section
SLACK_LABEL = 75  # characters on a button
SLACK_VALUE = 2_000  # characters that a button sends back
SLACK_CARDS = 12  # a message; with what is pressed they stay below 50 blocks
SAY = "="  # callback data: say what follows
LABEL = "#"  # callback data: say what stands on the button, for what doesn't fit
NOTHING = "-"  # callback data of a button that was used

SIGNS = {"like": "👍", "dislike": "👎", "seen": "👁", "more": "➕", "why": "❓"}
LEGEND = "👍 like · 👎 not for me · 👁 seen it · ➕ more like it · ❓ why"
LABELS = {"like": "👍", "dislike": "👎", "seen": "Seen it", "more": "More like this", "why": "Why?"}
PRESSED = {
    "like": "👍 {who} likes it",
    "dislike": "👎 not for {who}",
    "seen": "👁 {who} has seen it",
    "more": "➕ {who} wants more like it",
    "why": "❓ {who} asks why",
    "forget": "✖ {who} wants that forgotten",
}
FORGET = "✖"  # on the buttons of a profile, before the number of the line
ROW = 5  # such buttons side by side
TICK = "✅ "

Keyboard = tuple[tuple[tuple[str, str], ...], ...]  # rows of (what the button says, callback data)
Blocks = list[dict[str, Any]]


@dataclass(frozen=True)
class Card:
    """One line of a recommended list, in words."""

    heading: str
    details: str
    reason: str
    item_id: str
    impression_id: str

    def button(self, kind: str) -> Button:
        return Button(kind, self.item_id, self.impression_id)


@dataclass(frozen=True)
class Bubble:
    """One message of Telegram."""

    html: str
    keyboard: Keyboard = ()


def cards(message: Message) -> list[Card]:
    """The cards of a recommended list; none when the message is something else."""
    custom = message.get("custom")
    if not isinstance(custom, dict) or custom.get("kind") != "list":
        return []
    return [_card(item, custom["impression_id"]) for item in custom["items"]]


def _card(item: dict[str, Any], impression_id: str) -> Card:
    year = f" ({item['year']})" if item.get("year") else ""
    rating = [f"★ {item['rating']}"] if item.get("rating") is not None else []
    tags = [", ".join(item["tags"])] if item.get("tags") else []
    details = " · ".join([*tags, *item.get("facts", []), *rating])
    heading = f"{item['rank']}. {item['title']}{year}"
    return Card(heading, details, item.get("reason") or "", item["item_id"], impression_id)


def lines(message: Message) -> list[tuple[str, str, Button]]:
    """Number, text and button of each line of a profile; none when the message is something else."""
    custom = message.get("custom")
    if not isinstance(custom, dict) or custom.get("kind") != "memory":
        return []
    return [(str(r["number"]), r["text"], Button("forget", r["ref"], "profile")) for r in custom["lines"]]


def pack(button: Button) -> str:
    """A card's button as one string that holds what was pressed, on which item of which list."""
    return f"{button.kind[0]}{button.impression_id}:{button.item_id}"


def unpack(data: str) -> Button:
    """What :func:`pack` packed. Raises :class:`BadInput` for anything else."""
    kinds = {kind[0]: kind for kind in INTENTS}
    impression_id, colon, item_id = data[1:].partition(":")
    if not colon or data[0] not in kinds:
        raise BadInput("No button of ours sends that.")
    return read_button({"kind": kinds[data[0]], "item_id": item_id, "impression_id": impression_id})


def pieces(text: str, limit: int) -> Iterator[str]:
    """Text in pieces of at most ``limit`` UTF-16 units, cut at a line's end where there is one, else between words."""
    while _units(text) > limit:
        end = limit
        while _units(text[:end]) > limit:
            end -= (_units(text[:end]) - limit + 1) // 2  # a character has at most two units
        cut = max(text.rfind("\n", 0, end), 0) or max(text.rfind(" ", 0, end), 0) or end
        yield text[:cut].rstrip()
        text = text[cut:].lstrip()
    yield text


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# --- Telegram ---------------------------------------------------------------------------------------------------------


def telegram(message: Message) -> list[Bubble]:
    """A message as Telegram shows it. Cards whose ids don't fit into callback data have no buttons."""
    found = cards(message)
    if found:
        return [_telegram_list(group) for group in _groups(found)]
    bubbles = [Bubble(html.escape(text, quote=False)) for text in pieces(message["text"] or "…", TELEGRAM_TEXT)]
    keyboard = (*_line_rows(message), *_answers(message.get("buttons", [])))
    return [*bubbles[:-1], Bubble(bubbles[-1].html, keyboard)]


def _line_rows(message: Message) -> Keyboard:
    """A button for each line of a profile, whose id fits."""
    packed = [(f"{FORGET} {number}", pack(button)) for number, _, button in lines(message)]
    fitting = [key for key in packed if len(key[1].encode()) <= TELEGRAM_DATA]
    return tuple(tuple(fitting[i : i + ROW]) for i in range(0, len(fitting), ROW))


def _telegram_list(group: Sequence[Card]) -> Bubble:
    keyboard = tuple(row for card in group if (row := _card_row(card)))
    parts = [*map(_telegram_card, group), *([LEGEND] if keyboard else [])]
    return Bubble("\n\n".join(parts), keyboard)


def _telegram_card(card: Card) -> str:
    heading, details, reason = (html.escape(t, quote=False) for t in (card.heading, card.details, card.reason))
    lines = (f"<b>{heading}</b>", f"<i>{details}</i>" if details else "", reason)
    return "\n".join(line for line in lines if line)


def _card_row(card: Card) -> tuple[tuple[str, str], ...]:
    number = card.heading.partition(".")[0]
    row = tuple((sign, pack(card.button(kind))) for kind, sign in SIGNS.items())
    fits = all(len(data.encode()) <= TELEGRAM_DATA for _, data in row)
    return ((f"{number} {row[0][0]}", row[0][1]), *row[1:]) if fits else ()


def _groups(found: Sequence[Card]) -> Iterator[list[Card]]:
    """As many cards at a time as one message of Telegram holds."""
    group: list[Card] = []
    for card in found:
        if group and _units(_telegram_list([*group, card]).html) > TELEGRAM_TEXT:
            yield group
            group = []
        group.append(card)
    yield group


def _answers(buttons: Sequence[dict[str, str]]) -> Keyboard:
    return tuple((_say(n, b["title"], b["payload"]),) for n, b in enumerate(buttons))


def _say(n: int, title: str, payload: str) -> tuple[str, str]:
    """A button that says its payload. One that doesn't fit stands on the button itself, where a press finds it."""
    data = SAY + payload
    return (title, data) if len(data.encode()) <= TELEGRAM_DATA else (payload[:TELEGRAM_LABEL], f"{LABEL}{n}")


def answer(keyboard: Keyboard, data: str) -> str:
    """What an answer's button says for the user; "" when it is none."""
    if data.startswith(LABEL):
        return next((label for row in keyboard for label, d in row if d == data), "")
    return data.removeprefix(SAY) if data.startswith(SAY) else ""


def ticked(keyboard: Keyboard, data: str) -> Keyboard:
    """The keyboard after a press: a card's button is ticked, and its opposite no more; of the answers to a question
    only the one given stays, and does nothing any more."""
    if data.startswith((SAY, LABEL)):
        return tuple(((TICK + label, NOTHING),) for row in keyboard for label, d in row if d == data)[:1]
    opposite = {"l": "d", "d": "l"}.get(data[0], "") + data[1:]
    return tuple(tuple((_label(label, d, data, opposite), d) for label, d in row) for row in keyboard)


def _label(label: str, data: str, pressed: str, opposite: str) -> str:
    bare = label.removeprefix(TICK)
    return TICK + bare if data == pressed else bare if data == opposite else label


# --- Slack ------------------------------------------------------------------------------------------------------------


def slack(message: Message) -> list[dict[str, Any]]:
    """A message as arguments of ``chat.postMessage``: ``text`` (what a notification shows) and ``blocks``."""
    found = cards(message)
    groups = [found[i : i + SLACK_CARDS] for i in range(0, len(found), SLACK_CARDS)]
    if groups:
        return [{"text": ", ".join(mrkdwn(c.heading) for c in g), "blocks": _slack_list(g)} for g in groups]
    if told := _slack_lines(message):
        blocks = [*told, *_slack_answers(message.get("buttons", []))]
        return [{"text": mrkdwn(message["text"]), "blocks": blocks}]
    texts = list(pieces(message["text"] or "…", SLACK_TEXT // 2))  # escaped, a text may grow
    forms = [{"text": mrkdwn(text), "blocks": [_section(mrkdwn(text))]} for text in texts]
    forms[-1]["blocks"] += _slack_answers(message.get("buttons", []))
    return forms


def slack_home(messages: Sequence[Message]) -> dict[str, Any]:
    """The Home tab: what is remembered, line by line and without a word around it, and what one can do about it."""
    told = [block for message in messages for block in _slack_lines(message)]
    sections = (told or [block for message in messages for block in _slack_texts(message)])[:40]
    labels = {"correct": "Correct something", "export": "Send me all of it", "forget": "Forget everything"}
    buttons = [_slack_button(f"ask.{name}", label, name) for name, label in labels.items()]
    buttons[-1]["style"] = "danger"
    header = {"type": "header", "text": _plain("What I know about you")}
    return {"type": "home", "blocks": [header, *sections, {"type": "actions", "elements": buttons}]}


def slack_ticked(blocks: Blocks, block_id: str, action_id: str, user: str) -> Blocks:
    """The blocks after a press: under a card stands who pressed what; an answered question keeps its answer only."""
    changed: Blocks = []
    for block in blocks:
        if block.get("block_id") == f"{block_id}.pressed":
            continue  # a later press takes the place of an earlier one
        changed.append(block)
        if block.get("block_id") != block_id:
            continue
        kind, said = action_id.removeprefix("card."), _label_of(block, action_id)
        if kind not in PRESSED:
            changed.pop()
        text = PRESSED[kind].format(who=f"<@{user}>") if kind in PRESSED else f"{TICK}<@{user}>: {mrkdwn(said)}"
        element = {"type": "mrkdwn", "text": text}
        changed.append({"type": "context", "block_id": f"{block_id}.pressed", "elements": [element]})
    return changed


def mrkdwn(text: str) -> str:
    """Text in which Slack finds no tags of its own."""
    return html.escape(text, quote=False)


def _label_of(block: dict[str, Any], action_id: str) -> str:
    labels = (e["text"]["text"] for e in block.get("elements", []) if e.get("action_id") == action_id)
    return next(labels, "")


def _slack_list(group: Sequence[Card]) -> Blocks:
    blocks: Blocks = []
    for card in group:
        heading = mrkdwn(card.heading).replace("*", "∗")  # an asterisk would end the bold print
        lines = (f"*{heading}*", mrkdwn(card.details), mrkdwn(card.reason))
        blocks.append(_section("\n".join(line for line in lines if line)))
        buttons = [_slack_button(f"card.{k}", label, pack(card.button(k))) for k, label in LABELS.items()]
        blocks.append({"type": "actions", "block_id": f"card.{card.item_id}", "elements": buttons})
    return blocks


def _slack_texts(message: Message) -> Blocks:
    return [_section(mrkdwn(text)) for text in pieces(message["text"], SLACK_TEXT // 2)]


def _slack_lines(message: Message) -> Blocks:
    """A section for each line of a profile, its button beside it."""
    blocks: Blocks = []
    for number, text, button in lines(message):
        key = _slack_button("card.forget", f"{FORGET} Forget", pack(button))
        block_id = f"line.{number}.{button.item_id}"[:255]
        blocks.append({**_section(mrkdwn(f"{number}. {text}")), "block_id": block_id, "accessory": key})
    return blocks


def _slack_answers(buttons: Sequence[dict[str, str]]) -> Blocks:
    elements = [_slack_button(f"say.{n}", b["title"], b["payload"]) for n, b in enumerate(buttons[:25])]
    return [{"type": "actions", "block_id": "answers", "elements": elements}] if elements else []


def _slack_button(action_id: str, label: str, value: str) -> dict[str, Any]:
    text = _plain(label if len(label) <= SLACK_LABEL else label[: SLACK_LABEL - 1] + "…")
    return {"type": "button", "action_id": action_id, "text": text, "value": value[:SLACK_VALUE]}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:SLACK_TEXT]}}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": True}
