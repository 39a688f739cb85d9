"""How simulated users put what they mean: templates from ``data/simulation/users.toml``, and slips of the fingers."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chatrec.catalog import fold
from chatrec.tomlfile import read_toml
from chatrec.types import Constraint

OPENINGS = ("open", "open_vague", "liked")
WISHES = ("wish", "also", "again", "again_too", "answer", "indifferent")
WORDINGS = ("person", "decade", "at_most", "at_least", "not")
ABOUT_LISTS = ("more", "similar", "known_liked", "known_disliked", "others", "which", "accept", "ordinals")
CASUAL = 0.3  # share of users who type no capitals
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True)
class Wish:
    """A wish that must hold, as its user words it."""

    text: str
    constraints: tuple[Constraint, ...]

    @property
    def slot(self) -> str:
        return self.constraints[0].slot


@dataclass(frozen=True)
class Act:
    """One thing to say: its kind is a key of the templates, ``values`` fill them. ``wishes``: what it asks for;
    ``knows``: ids of items that the user says they know."""

    kind: str
    values: Mapping[str, str] = field(default_factory=dict)
    wishes: tuple[Wish, ...] = ()
    knows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """A message: its acts as one text, and the wishes in it that were misspelt."""

    text: str
    acts: tuple[Act, ...]
    misspelt: tuple[Wish, ...] = ()


class Words:
    """The templates for one catalogue. Raises: BadInput for a file that is missing or lacks an act."""

    def __init__(self, path: Path, catalog: str) -> None:
        file = read_toml(path)
        own = file.table("for").table(catalog)
        acts = (*OPENINGS, *WISHES, *WORDINGS, *ABOUT_LISTS)
        self._templates = {act: (own if act in own.data else file).texts(act, None) for act in acts}

    @property
    def ordinals(self) -> tuple[str, ...]:
        return self._templates["ordinals"]

    def templates(self, act: str) -> tuple[str, ...]:
        return self._templates[act]

    def say(self, act: str, rng: random.Random, **values: str) -> str:
        """One variation of the act, filled."""
        return rng.choice(self._templates[act]).format(**values)


class Voice:
    """One user's way to put things. ``secret``: the title that is never said; ``typos``: chance that a word is
    misspelt."""

    def __init__(self, words: Words, values: Mapping[str, str], secret: str, typos: float, rng: random.Random) -> None:
        self.words, self._values, self._secret = words, values, secret
        self._typos, self._rng = typos, rng
        self._casual = rng.random() < CASUAL

    def put(self, acts: Sequence[Act]) -> Said:
        """The acts as one message, without those that would tell the secret; if that is all of them, something else."""
        phrases = [(act, phrase) for act in acts if (phrase := self._phrase(act))]
        if not phrases:
            return self.put((Act("others"),))
        parts, misspelt = [], []
        for act, phrase in phrases:
            typed = misspell(phrase, self._typos, self._rng)
            misspelt += act.wishes if typed != phrase else ()
            parts.append(typed)
        text = ". ".join(parts)
        return Said(text.lower() if self._casual else text, tuple(act for act, _ in phrases), tuple(misspelt))

    def _phrase(self, act: Act) -> str:
        """A variation in which the secret title does not occur; empty when there is none."""
        wishes = ", ".join(wish.text for wish in act.wishes)
        values = {**self._values, "wishes": wishes, **act.values}
        filled = [template.format(**values) for template in self.words.templates(act.kind)]
        kept = [text for text in filled if not tells(text, self._secret)]
        return self._rng.choice(kept) if kept else ""


def tells(text: str, title: str) -> bool:
    """Whether the title occurs in the text, as whole words, whatever their case, accents and punctuation."""
    return f" {_plain(title)} " in f" {_plain(text)} "


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", fold(text)))


def misspell(text: str, rate: float, rng: random.Random) -> str:
    """The text with one slip in each word of four letters or more that chance picks: two letters swapped, one left
    out, one doubled, or the key beside it."""
    return re.sub(r"[A-Za-z]{4,}", lambda word: slip(word[0], rng) if rng.random() < rate else word[0], text)


def slip(word: str, rng: random.Random) -> str:
    i = rng.randrange(1, len(word) - 1)
    row = next(row for row in ROWS if word[i].lower() in row)
    beside = row[row.index(word[i].lower()) - 1]
    slips = (
        word[:i] + word[i + 1] + word[i] + word[i + 2 :],
        word[:i] + word[i + 1 :],
        word[:i] + word[i] + word[i:],
        word[:i] + beside + word[i + 1 :],
    )
    return rng.choice(slips)
