"""Two kinds of simulated user. Each opens, and then reacts to what it hears with one or two acts.

The agenda-based one follows Schatzmann, Thomson, Weilhammer, Ye and Young, "Agenda-based user simulation for
bootstrapping a POMDP dialogue system", NAACL 2007: a goal, and a stack of acts from which the next ones are taken; what
the system says puts acts on top. The attribute-only one is the user of "Estimation-action-reflection" (Lei et al.,
WSDM 2020): it tells attributes and otherwise waits.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from chatrec.catalog import Catalog, fold
from chatrec.schema import Slot
from chatrec.simulation.bots import Heard
from chatrec.simulation.goals import Goal, Goals, bounded
from chatrec.simulation.words import Act, Wish, Words
from chatrec.types import Constraint

ACTS = 2  # at most in one message
VAGUE = 0.1  # share of users who open without a wish
CRITIQUES = 0.25  # chance that a list brings up what is wrong with it, before more is told
SEEN = 0.3  # chance that the best known item was seen before; less known ones in proportion
SAY_SEEN = 0.17  # chance that a user says so: about one message in five does, as of recorded seekers


class User(Protocol):
    """``opening`` is said first; ``reaction`` answers what was heard, the target not being in it."""

    def opening(self) -> Sequence[Act]: ...

    def reaction(self, heard: Heard) -> Sequence[Act]: ...


class AttributeUser:
    """Tells one thing it knows at a time, answers questions about those, and asks for more when it knows no more."""

    def __init__(self, goal: Goal, goals: Goals, rng: random.Random) -> None:
        self._goal, self._catalog, self._rng = goal, goals.catalog, rng
        self._left = list(goal.wishes)
        self._repeated: Act | None = None
        self._last = Act("open", wishes=(self._left.pop(0),))

    def opening(self) -> Sequence[Act]:
        return (self._last,)

    def reaction(self, heard: Heard) -> Sequence[Act]:
        if asked := asked_slot(heard, self._catalog):
            self._left = [w for w in self._left if w.slot != asked.name or asked.type != "number"]
            return (answer(asked, heard, self._goal, self._catalog),)
        if not heard.cards and self._last is not self._repeated:
            self._repeated = self._last
            return (self._last,)
        self._last = told(self._left.pop(0), self._goal, self._left) if self._left else Act("others")
        return (self._last,)


class AgendaUser:
    """Tells, compares lists with what it wants, says what it has seen, repeats what was not heard."""

    def __init__(self, goal: Goal, goals: Goals, rng: random.Random) -> None:
        self._goal, self._catalog, self._rng = goal, goals.catalog, rng
        self._closeness = goals.closeness(self._catalog.index(goal.target.item_id))
        self._words: Words = goals.words
        self._told: list[Wish] = []
        self._judged: set[str] = {item.item_id for item in goal.liked}
        self._complained: set[tuple[str, str]] = set()
        self._last: Sequence[Act] = ()
        self._deaf = False
        self._agenda = self._plan()

    def _plan(self) -> list[Act]:
        """The stack, its top last: wishes in the order they come to mind, and somewhere what was liked before."""
        acts = [Act("wish", wishes=(wish,)) for wish in self._goal.wishes]
        if self._goal.liked:
            titles = " and ".join(item.title for item in self._goal.liked)
            liked = Act("liked", {"titles": titles}, knows=tuple(item.item_id for item in self._goal.liked))
            acts.insert(self._rng.randrange(1, len(acts) + 1), liked)
        return acts[::-1]

    def opening(self) -> Sequence[Act]:
        if self._rng.random() < VAGUE:
            return self._say((Act("open_vague"),))
        first = self._agenda.pop()
        second = [self._agenda.pop()] if self._agenda and self._rng.random() < 0.5 else []
        wishes = [act for act in (first, *second) if act.wishes]
        opened = Act("open", wishes=tuple(wish for act in wishes for wish in act.wishes))
        return self._say((opened, *(act for act in second if not act.wishes)))

    def reaction(self, heard: Heard) -> Sequence[Act]:
        if asked := asked_slot(heard, self._catalog):
            if asked.type == "number":  # what is answered need not be told in other words
                self._agenda = [act for act in self._agenda if all(wish.slot != asked.name for wish in act.wishes)]
            return self._say((answer(asked, heard, self._goal, self._catalog),))
        if not heard.cards:
            return self._unheard(heard)
        self._deaf = False
        found = [*self._ignored(heard), *self._seen(heard)]
        if len(found) < ACTS and (not self._agenda or self._rng.random() < CRITIQUES):
            found += self._critique(heard)
        while len(found) < ACTS and self._agenda and (not found or self._rng.random() < 0.5):
            found.append(self._next())
        return self._say(tuple(found[:ACTS]) or (Act("others"),))

    def _say(self, acts: Sequence[Act]) -> Sequence[Act]:
        self._last = acts
        told = [wish for act in acts if act.kind != "more" for wish in act.wishes]  # "newer" means more the second time
        self._told += [wish for wish in told if wish not in self._told]
        return acts

    def _unheard(self, heard: Heard) -> Sequence[Act]:
        """No list: say it once more, which one is meant if that is the question; then go on."""
        if any(button["payload"].startswith("the ") for button in heard.buttons):
            meant = next((act.values["ordinal"] for act in self._last if "ordinal" in act.values), None)
            if meant and not self._deaf:
                self._deaf = True
                return (Act("which", {"ordinal": meant}),)
        if not self._deaf:
            self._deaf = True
            return self._last
        self._deaf = False
        return self._say((self._next(),) if self._agenda else (Act("others"),))

    def _next(self) -> Act:
        """The top of the stack; a second wish about the same slot is told as one more."""
        act = self._agenda.pop()
        more = any(wish.slot == told.slot for wish in act.wishes for told in self._told)
        return replace(act, kind="also") if more else act

    def _ignored(self, heard: Heard) -> Iterator[Act]:
        """A wish that most of the list breaks although the bot did not say that it let go of it."""
        let_go = {constraint.slot for constraint in heard.relaxed}
        for wish in self._told:
            broken = sum(not meets(wish, item, self._catalog) for item in heard.cards)
            if 2 * broken > len(heard.cards) and wish.slot not in let_go:
                several = sum(told.slot == wish.slot for told in self._told) > 1
                yield Act("again_too" if several else "again", wishes=(wish,))
                return

    def _seen(self, heard: Heard) -> Iterator[Act]:
        """At most one of the list that the user knows, liked when it is close to what they want."""
        for ordinal, item_id in zip(self._words.ordinals, heard.cards, strict=False):
            index = self._catalog.index(item_id)
            known = self._rng.random() < SEEN * self._catalog.popularity[index]
            if known and item_id not in self._judged and self._rng.random() < SAY_SEEN:
                self._judged.add(item_id)
                close = self._closeness[index] >= np.median(
                    [self._closeness[self._catalog.index(i)] for i in heard.cards]
                )
                yield Act("known_liked" if close else "known_disliked", {"ordinal": ordinal}, knows=(item_id,))
                return

    def _critique(self, heard: Heard) -> list[Act]:
        """One thing that is wrong with the whole list, or the one item of it that comes close; each only once."""
        found = [*self._too_much(heard), *self._unwanted(heard), *self._closest(heard)]
        return [self._rng.choice(found)] if found else []

    def _too_much(self, heard: Heard) -> Iterator[Act]:
        """Every item is older (longer, dearer …) than what is wanted: "something newer"."""
        for slot in self._catalog.schema.slots.values():
            wanted = self._goal.target.attributes.get(slot.columns[0])
            listed = [self._catalog.item(i).attributes.get(slot.columns[0]) for i in heard.cards]
            known = [value for value in listed if isinstance(value, float)]
            told = any(wish.slot == slot.name for wish in self._told)
            if told or slot.type != "number" or not isinstance(wanted, float) or not known:
                continue
            for words, op, beyond in ((slot.more, "min", wanted > max(known)), (slot.less, "max", wanted < min(known))):
                if words and beyond and self._once(slot.name, op):
                    word = self._rng.choice(words)
                    bound = float(np.median(known))
                    yield Act("more", {"word": word}, (Wish(word, (Constraint(slot.name, op, (bound,), word),)),))

    def _unwanted(self, heard: Heard) -> Iterator[Act]:
        """A tag that most of the list has, and the target has not: "not horror"."""
        slot = next((s for s in self._catalog.schema.slots.values() if s.type == "tags"), None)
        if slot is None:
            return
        wanted = {fold(v) for v in _own(slot, self._goal.target.item_id, self._catalog)}
        listed = [v for i in heard.cards for v in _own(slot, i, self._catalog)]
        for value in dict.fromkeys(listed):
            if (
                fold(value) not in wanted
                and 2 * listed.count(value) > len(heard.cards)
                and self._once(slot.name, value)
            ):
                text = self._words.say("not", self._rng, value=fold(value))
                yield Act("wish", wishes=(Wish(text, (Constraint(slot.name, "not", (value,), text),)),))

    def _closest(self, heard: Heard) -> Iterator[Act]:
        """The item that has most in common with the target, if it has clearly more than the others."""
        near = self._closeness[[self._catalog.index(i) for i in heard.cards]]
        best = int(near.argmax())
        if near[best] > 2 * np.median(near) and best < len(self._words.ordinals) and self._once("", heard.cards[best]):
            yield Act("similar", {"ordinal": self._words.ordinals[best]})

    def _once(self, *about: str) -> bool:
        new = about not in self._complained
        self._complained.add(about)
        return new


def asked_slot(heard: Heard, catalog: Catalog) -> Slot | None:
    """The slot that a question is about: the one whose values or words are offered as answers."""
    if heard.cards:
        return None
    titles = [button["title"] for button in heard.buttons]
    for slot in catalog.schema.slots.values():
        known = slot.words if slot.type == "number" else catalog.values(slot.name)
        if sum(title in known for title in titles) >= 2:
            return slot
    return None


def answer(slot: Slot, heard: Heard, goal: Goal, catalog: Catalog) -> Act:
    """The first option that fits the target, which its user recognises; no preference when none does."""
    known = slot.words if slot.type == "number" else catalog.values(slot.name)
    for title in (button["title"] for button in heard.buttons if button["title"] in known):
        constraints = bounded(slot, title) if title in slot.words else (Constraint(slot.name, "is", (title,), title),)
        wish = Wish(title, constraints)
        if meets(wish, goal.target.item_id, catalog):
            return Act("answer", wishes=(wish,))
    return Act("indifferent")


def told(wish: Wish, goal: Goal, left: Sequence[Wish]) -> Act:
    """A wish after others; a second one about the same slot is told as one more."""
    before = [w for w in goal.wishes if w not in left and w != wish]
    return Act("also" if any(w.slot == wish.slot for w in before) else "wish", wishes=(wish,))


def meets(wish: Wish, item_id: str, catalog: Catalog) -> bool:
    """Whether the item is as wished."""
    index = catalog.index(item_id)
    return all(bool(catalog.mask(constraint)[index]) for constraint in wish.constraints)


def _own(slot: Slot, item_id: str, catalog: Catalog) -> list[str]:
    attributes = catalog.item(item_id).attributes
    return [value for column in slot.columns for value in attributes.get(column, ())]
