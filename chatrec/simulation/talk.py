"""One dialogue between a simulated user and a bot, and what was wrong with the lists in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from chatrec.catalog import Catalog
from chatrec.simulation.bots import Bot, Heard
from chatrec.simulation.goals import Goal
from chatrec.simulation.users import User, meets
from chatrec.simulation.words import Act, Said, Voice, Wish
from chatrec.types import Constraint


@dataclass(frozen=True)
class Fault:
    """A listed item that should not be there. ``broken``: it breaks ``wish``, which ``misspelt`` says was typed
    wrong; ``repeated``: it was listed before, or its user had told that they know it."""

    kind: Literal["broken", "repeated"]
    turn: int
    item_id: str
    wish: str = ""
    misspelt: bool = False


@dataclass(frozen=True)
class Dialogue:
    """``turns``: what was said and heard, in order. ``found``: after how many messages of the user the target was
    listed, None when patience ran out first. ``thanked``: the bot understood that the user takes it."""

    goal: Goal
    turns: tuple[tuple[Said, Heard], ...]
    found: int | None
    thanked: bool
    faults: tuple[Fault, ...]


@dataclass
class _Expected:
    """What the user may expect of the next list."""

    wishes: dict[Wish, bool] = field(default_factory=dict)  # -> misspelt when last said
    relative: set[Wish] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    def said(self, said: Said) -> None:
        for act in said.acts:
            self.known.update(act.knows)
            if act.kind == "more":  # "newer" takes back "older"
                slots = {wish.slot for wish in act.wishes}
                self.wishes = {w: m for w, m in self.wishes.items() if w not in self.relative or w.slot not in slots}
                self.relative.update(act.wishes)
            self.wishes.update({wish: wish in said.misspelt for wish in act.wishes})

    def heard(self, heard: Heard, turn: int, catalog: Catalog) -> None:
        for wish in [w for w in self.wishes if any(_let_go(c, w) for c in heard.relaxed)]:
            del self.wishes[wish]
        for item_id in heard.cards:
            if item_id in self.known:
                self.faults.append(Fault("repeated", turn, item_id))
            for wish, misspelt in self.wishes.items():
                if not meets(wish, item_id, catalog):
                    self.faults.append(Fault("broken", turn, item_id, wish.text, misspelt))
        self.known.update(heard.cards)


def _let_go(relaxed: Constraint, wish: Wish) -> bool:
    """Whether the bot's word that it let something go is about this wish: same slot, and no other value."""
    return any(
        c.slot == relaxed.slot and c.op == relaxed.op and (c.op != "is" or set(c.values) & set(relaxed.values))
        for c in wish.constraints
    )


def hold(user: User, voice: Voice, goal: Goal, bot: Bot, catalog: Catalog, patience: int) -> Dialogue:
    """Talk until the target is listed and taken, or the user has said ``patience`` messages."""
    turns: list[tuple[Said, Heard]] = []
    expected = _Expected()
    said = voice.put(user.opening())
    while True:
        heard = Heard.of(bot.say(said.text))
        turns.append((said, heard))
        expected.said(said)
        expected.heard(heard, len(turns), catalog)
        if goal.target.item_id in heard.cards:
            return _take(heard, voice, goal, bot, turns, expected)
        if len(turns) == patience:
            return Dialogue(goal, tuple(turns), None, False, tuple(expected.faults))
        said = voice.put(user.reaction(heard))


def _take(
    heard: Heard, voice: Voice, goal: Goal, bot: Bot, turns: list[tuple[Said, Heard]], expected: _Expected
) -> Dialogue:
    """Say that the listed target is it."""
    found, place = len(turns), heard.cards.index(goal.target.item_id)
    said = voice.put((Act("accept", {"ordinal": voice.words.ordinals[place]}),))
    answer = Heard.of(bot.say(said.text))
    thanked = goal.target.title in answer.text and not answer.cards
    return Dialogue(goal, (*turns, (said, answer)), found, thanked, tuple(expected.faults))
