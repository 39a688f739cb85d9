"""Lists, questions and texts in each platform's form, whatever a catalogue or the bot puts into them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from channels import render
from channels.incoming import INTENTS, Button
from chatrec.errors import BadInput

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=400)
NAME = st.text("abcdefgh0123456789-_", min_size=1, max_size=46)
ITEM = st.fixed_dictionaries(
    {"rank": st.integers(1, 30), "item_id": NAME, "title": TEXT, "year": TEXT, "reason": TEXT}
    | {
        "tags": st.lists(TEXT, max_size=3),
        "facts": st.lists(TEXT, max_size=3),
        "rating": st.none() | st.integers(0, 100),
    }
)
ITEMS = st.lists(ITEM, min_size=1, max_size=30, unique_by=lambda item: item["item_id"])


def listing(items: list[dict]) -> dict:
    return {"text": "", "custom": {"kind": "list", "impression_id": "0123456789abcdef", "items": items}}


@given(TEXT.map(lambda text: text * 30), st.integers(50, 500))
def test_pieces_keep_every_word_and_the_limit(text, limit):
    parts = list(render.pieces(text, limit))
    assert all(len(part.encode("utf-16-le")) // 2 <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(st.sampled_from(list(INTENTS)), NAME)
def test_a_button_survives_the_way_there_and_back_in_64_bytes(kind, item_id):
    button = Button(kind, item_id, "0123456789abcdef")
    assert render.unpack(render.pack(button)) == button
    assert len(render.pack(button)) <= render.TELEGRAM_DATA


@given(st.text(max_size=80))
def test_anything_else_is_no_button(data):
    try:
        assert render.pack(render.unpack(data)) == data
    except BadInput as error:
        assert "\n" not in str(error)


@given(ITEMS)
def test_telegram_lists_hold_every_card_once_within_the_limits(items):
    bubbles = render.telegram(listing(items))
    data = [[d for _, d in row] for bubble in bubbles for row in bubble.keyboard]
    assert [render.unpack(row[0]).item_id for row in data] == [item["item_id"] for item in items]
    assert all(len(bubble.keyboard) * 5 <= 100 or len(items) > 20 for bubble in bubbles)


@given(ITEMS)
def test_slack_lists_hold_every_card_once_and_are_valid_blocks(items):
    forms = render.slack(listing(items))
    ids = [b["block_id"] for form in forms for b in form["blocks"] if b["type"] == "actions"]
    assert ids == [f"card.{item['item_id']}" for item in items]
    for form in forms:
        assert len(form["blocks"]) * 3 / 2 <= 50
        for block in Block.parse_all(form["blocks"]):
            block.to_dict()


@given(st.lists(TEXT.filter(str.strip), min_size=1, max_size=4))
def test_the_home_tab_is_a_valid_view(texts):
    View(**render.slack_home([{"from": "bot", "text": text} for text in texts])).validate_json()


def test_ids_that_do_not_fit_leave_the_card_without_buttons_on_telegram():
    item = {"rank": 1, "item_id": "x" * 47, "title": "Alien", "reason": "It is."}
    assert render.telegram(listing([item]))[0].keyboard == ()


@pytest.mark.parametrize("pressed, ticked", [("#1", "B"), ("=a", "A")])
def test_of_the_answers_only_the_one_given_stays(pressed, ticked):
    keyboard = ((("A", "=a"),), (("B", "#1"),))
    assert render.ticked(keyboard, pressed) == (((f"✅ {ticked}", "-"),),)


LINES = st.lists(st.tuples(NAME, TEXT), min_size=1, max_size=20, unique_by=lambda line: line[0])


def profile(told: list[tuple[str, str]]) -> dict:
    rows = [{"number": n, "ref": f"wish:{ref}", "text": text} for n, (ref, text) in enumerate(told, 1)]
    text = "\n".join(f"{row['number']}. {row['text']}" for row in rows)
    return {"text": text, "custom": {"kind": "memory", "lines": rows}, "buttons": [{"title": "All", "payload": "all"}]}


@given(LINES)
def test_each_line_of_a_profile_has_its_button_on_every_platform(told):
    wanted = [f"wish:{ref}" for ref, _ in told]
    [forms] = render.slack(profile(told))
    for block in forms["blocks"]:
        Block.parse(block).validate_json()
    pressed = [render.unpack(b["accessory"]["value"]) for b in forms["blocks"] if "accessory" in b]
    assert [b.item_id for b in pressed] == wanted and {b.kind for b in pressed} == {"forget"}
    rows = render.telegram(profile(told))[-1].keyboard
    assert [render.unpack(data).item_id for row in rows[:-1] for _, data in row] == wanted
    assert rows[-1] == (("All", "=all"),)
    View(**render.slack_home([profile(told)])).validate_json()
