"""Examples as people mistype, pad and reword them, for :mod:`components.tuning` to learn to read past it.

Typing slips follow Belinkov & Bisk ("Synthetic and natural noise both break neural machine translation", ICLR 2018).
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.loading import load_data

from chatrec.simulation.words import slip
from chatrec.tomlfile import read_toml

NOISE, CHATTER = Path("data/tuning/noise.toml"), Path("data/nlu/chatter.yml")
_PUNCTUATION = re.compile(r"(?<!\d)[.,;:!?]|[.,;:!?](?!\d)")
_ENDS = ".!?…"
_WORD = re.compile(r"[A-Za-z]{3,}")


@dataclass(frozen=True)
class Noise:
    """What is put into texts: ``chatter`` about nothing and what stands ``between`` it and them, ``fillers``, and
    ``short`` forms of words in lower case."""

    chatter: tuple[str, ...]
    between: tuple[str, ...]
    fillers: tuple[str, ...]
    short: Mapping[str, str]

    @classmethod
    def read(cls, root: Path) -> Noise:
        """From the files under ``data``. Raises: BadInput for one that is missing or lacks a list."""
        file, chatter = read_toml(root / NOISE), load_data(str(root / CHATTER)).intent_examples
        short = file.table("short")
        return cls(
            tuple(m.get(TEXT) for m in chatter),
            file.texts("between", None),
            file.texts("fillers", None),
            {long.lower(): short.text(long) for long in short.data},
        )

    def changed(self, text: str, rng: random.Random) -> str:
        """The text with one to three kinds of noise."""
        kinds = (self._padded, self._reworded, self._mistyped)
        for kind in sorted(rng.sample(range(3), rng.choice((1, 1, 2, 3)))):
            text = kinds[kind](text, rng)
        return text

    def _padded(self, text: str, rng: random.Random) -> str:
        return _joined(text, rng.choice(self.chatter), rng.choice(self.between) if rng.random() < 0.5 else "", rng)

    def _reworded(self, text: str, rng: random.Random) -> str:
        """Some of: short forms, a filler, no punctuation. The encoder reads no case."""
        if rng.random() < 0.6:
            pattern = r"\b(?:" + "|".join(map(re.escape, sorted(self.short, key=len, reverse=True))) + r")\b"
            text = re.sub(pattern, lambda found: self.short[found[0].lower()], text, flags=re.IGNORECASE)
        if rng.random() < 0.4:
            text = _joined(text, rng.choice(self.fillers), "", rng)
        return _PUNCTUATION.sub("", text) if rng.random() < 0.6 else text

    def _mistyped(self, text: str, rng: random.Random) -> str:
        """One or two slips, in long texts up to three."""
        for _ in range(rng.choice((1, 1, 2, 2, 3) if len(text) > 40 else (1, 1, 2))):
            words = list(_WORD.finditer(text))
            if words:
                start, end = rng.choice(words).span()
                text = text[:start] + slip(text[start:end], rng) + text[end:]
        return text


def _joined(text: str, other: str, between: str, rng: random.Random) -> str:
    """One behind the other, as one sentence."""
    first, last = rng.sample((text, other), 2)
    return f"{first.rstrip(_ENDS)}{between} {last}"
