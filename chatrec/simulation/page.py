"""The dialogues as one HTML page to read: no script, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from chatrec.catalog import Catalog
from chatrec.simulation.report import Figures
from chatrec.simulation.talk import Dialogue, Fault

STYLE = Path(__file__).with_name("page.css")
FILTERS = {"all": "all", "found": "found", "lost": "not found", "faulty": "with a fault"}


def page(held: Mapping[str, Mapping[str, Sequence[Dialogue]]], told: Figures, catalog: Catalog) -> str:
    """The figures, then every dialogue with the first bot, behind filters that need no script."""
    inputs = "".join(
        f'<input type="radio" name="show" id="{name}"{" checked" if name == "all" else ""}>'
        f'<label for="{name}">{label}</label>'
        for name, label in FILTERS.items()
    )
    talks = "".join(_talk(user, i, d, catalog) for user, bots in held.items() for i, d in enumerate(_first(bots), 1))
    title = f"Simulated users: {catalog.schema.plural}"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE.read_text(encoding='utf-8')}</style>"
        f"<h1>{escape(title)}</h1>{_figures(told)}{inputs}<main>{talks}</main></html>\n"
    )


def _first(bots: Mapping[str, Sequence[Dialogue]]) -> Sequence[Dialogue]:
    return next(iter(bots.values()))


def _figures(told: Figures) -> str:
    head = ("user", "bot", "found", "in 4 turns", "turns", "broken wishes", "repeats")
    rows = [
        (user, bot, _percent(f["found"]), _percent(f["found_soon"]), _mean(f["turns"]), f["broken"], f["repeated"])
        for user, bots in told.items()
        for bot, f in bots.items()
    ]
    body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
    return f"<table><tr>{_cells('th', head)}</tr>{body}</table>"


def _cells(tag: str, values: Iterable[object]) -> str:
    return "".join(f"<{tag}>{escape(str(value))}</{tag}>" for value in values)


def _percent(share: Figures) -> str:
    return "–" if share["rate"] is None else f"{share['rate']:.0%} ({share['low']:.0%} to {share['high']:.0%})"


def _mean(mean: Figures) -> str:
    return "–" if mean["mean"] is None else f"{mean['mean']:.1f}"


def _talk(user: str, number: int, dialogue: Dialogue, catalog: Catalog) -> str:
    """One dialogue, closed until it is clicked on."""
    target = catalog.heading(dialogue.goal.target)
    knows = ", ".join(wish.text for wish in dialogue.goal.wishes)
    result = f"found after {dialogue.found}" if dialogue.found else "not found"
    kinds = f"{'found' if dialogue.found else 'lost'}{' faulty' if dialogue.faults else ''}"
    turns = "".join(_turn(n, dialogue, catalog) for n in range(1, len(dialogue.turns) + 1))
    faults = f", {len(dialogue.faults)} faults" if dialogue.faults else ""
    return (
        f'<details class="{kinds}"><summary>{escape(f"{user} {number}: {target}, {result}{faults}")}</summary>'
        f'<p class="goal">knows: {escape(knows)}</p>{turns}</details>'
    )


def _turn(number: int, dialogue: Dialogue, catalog: Catalog) -> str:
    said, heard = dialogue.turns[number - 1]
    faults = [fault for fault in dialogue.faults if fault.turn == number]
    cards = "".join(_card(i, dialogue, faults, catalog) for i in heard.cards)
    spoken = heard.text.split("\n1. ")[0] if heard.cards else heard.text  # the list follows as cards
    buttons = "".join(f"<span>{escape(button['title'])}</span>" for button in heard.buttons)
    return (
        f'<p class="user">{escape(said.text)}</p><div class="bot"><p>{escape(spoken)}</p>'
        f"{f'<ol>{cards}</ol>' if cards else ''}{f'<p class=buttons>{buttons}</p>' if buttons else ''}</div>"
    )


def _card(item_id: str, dialogue: Dialogue, faults: Sequence[Fault], catalog: Catalog) -> str:
    wrong = [f"breaks “{f.wish}”" if f.kind == "broken" else "again" for f in faults if f.item_id == item_id]
    name = escape(catalog.heading(catalog.item(item_id)))
    named = f"<b>{name}</b>" if item_id == dialogue.goal.target.item_id else name
    return f"<li>{named}{''.join(f'<em>{escape(w)}</em>' for w in dict.fromkeys(wrong))}</li>"
