"""How intents stand typing slips, chatter and light rewording: ``python -m benchmarks robust``.

The messages of ``tests/nlu/test_nlu.yml`` and of the strangers (both halves) are read as written and changed, by the
intent part of ``config.yml``, without a conversation. Slips, chatter and wording are drawn here, from other lists and
by other rules than those that tuning learns from.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.loading import load_data

from benchmarks import Figures, run
from benchmarks.nlu import Reader, train
from benchmarks.strangers import FOLDER
from chatrec.settings import Settings
from chatrec.tomlfile import Table, read_toml

CHANGES = Path(__file__).with_suffix(".toml")
SEED = 20261128
SLIPS, DRAWS = 8, 4  # variants of each message: misspelt, and with chatter or reworded
KEYS = {
    letter: (row, place)
    for row, keys in enumerate(("qwertyuiop", "asdfghjkl", "zxcvbnm"))
    for place, letter in enumerate(keys)
}
ENDS = (".", "!", "?", "…")

Change = Callable[[str, random.Random], str]
Asked = Sequence[tuple[str, str]]  # texts and their intents


def measure(settings: Settings) -> Figures:
    """The share of intents read rightly, of each set and each kind of change."""
    data = load_data(str(settings.root / "data" / "nlu"))
    with tempfile.TemporaryDirectory() as folder:
        reader = train(settings.root, data, Path(folder))
    return {"right": [{"set": name, **figures(reader, asked)} for name, asked in sets(settings).items()]}


def sets(settings: Settings) -> dict[str, Asked]:
    test = load_data(str(settings.root / "tests" / "nlu" / "test_nlu.yml")).intent_examples
    lines = (settings.root / FOLDER / "intents.jsonl").read_text(encoding="utf-8").splitlines()
    strangers = [(row["text"], row["intent"]) for row in map(json.loads, lines)]
    held_out = [(m.get(TEXT), m.get(INTENT)) for m in test]
    return {"held out": held_out, "strangers, development": strangers[::2], "strangers, test": strangers[1::2]}


def figures(reader: Reader, asked: Asked) -> Figures:
    """The share of right intents."""
    words = read_toml(CHANGES)
    chatter: Change = lambda text, rng: beside(text, rng.choice(words.texts("chatter")), rng)  # noqa: E731
    reworded: Change = lambda text, rng: reword(text, words, rng)  # noqa: E731
    return {
        "n": len(asked),
        "as written": _share(_read(reader, asked, lambda text, _: text, 1)[0]),
        **count(*_read(reader, asked, mistype, SLIPS)),
        "chatter": _share(_read(reader, asked, chatter, DRAWS)[0]),
        "reworded": _share(_read(reader, asked, reworded, DRAWS)[0]),
    }


def count(right: np.ndarray, scores: np.ndarray) -> Figures:
    """Of (n, variants) misspelt: the share of all, and of those that are the worst for their message, whose right
    intent has the lowest score."""
    return {"slips": _share(right), "worst slips": _share(right[np.arange(len(right)), scores.argmin(axis=1)])}


def _read(reader: Reader, asked: Asked, change: Change, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, draws) whether each variant's intent is right, and the score of the right one."""
    rng = random.Random(SEED)
    texts = [change(text, rng) for text, _ in asked for _ in range(draws)]
    truth = [intent for _, intent in asked for _ in range(draws)]
    rankings = reader.rankings(texts)
    right = [max(scores, key=scores.get) == intent for scores, intent in zip(rankings, truth, strict=True)]
    scores = [scores[intent] for scores, intent in zip(rankings, truth, strict=True)]
    return np.array(right).reshape(-1, draws), np.array(scores).reshape(-1, draws)


def _share(right: np.ndarray) -> float:
    return round(float(right.mean()), 3)


def mistype(text: str, rng: random.Random) -> str:
    """One or two slips in words of three letters or more: a letter left out, doubled, swapped with the next, or a key
    beside it."""
    for _ in range(rng.choice((1, 2))):
        words = [found.span() for found in re.finditer(r"[A-Za-z]{3,}", text)]
        if words:
            start, end = rng.choice(words)
            place = rng.randrange(start, end)
            text = text[:place] + _slipped(text[place : place + 2], rng) + text[place + 2 :]
    return text


def _slipped(two: str, rng: random.Random) -> str:
    """The first of two characters mistyped."""
    first, rest = two[0], two[1:]
    row, place = KEYS[first.lower()]
    near = [key for key, (r, p) in KEYS.items() if max(abs(r - row), abs(p - place)) == 1]
    beside = rng.choice(near)
    return rng.choice((rest, first + two, rest + first, (beside.upper() if first.isupper() else beside) + rest))


def beside(text: str, chatter: str, rng: random.Random) -> str:
    """The text with a sentence before or behind it; half of those who end theirs without a full stop put one then."""
    if rng.random() < 0.5:
        return f"{chatter} {text}"
    end = "" if text.endswith(ENDS) or rng.random() < 0.5 else "."
    return f"{text}{end} {chatter}"


def reword(text: str, words: Table, rng: random.Random) -> str:
    """Lower case (or, seldom, capitals), no punctuation, short forms, and half the time a filler at one end."""
    short = {long.lower(): words.table("short").text(long) for long in words.table("short").data}
    pattern = r"\b(?:" + "|".join(map(re.escape, sorted(short, key=len, reverse=True))) + r")\b"
    text = re.sub(pattern, lambda found: short[found[0].lower()], text, flags=re.IGNORECASE)
    text = re.sub(r"(?<!\d)[.,;:!?]|[.,;:!?](?!\d)", "", text)
    if rng.random() < 0.5:
        parts = [text, rng.choice(words.texts("fillers"))]
        rng.shuffle(parts)
        text = " ".join(parts)
    return text.upper() if rng.random() < 0.1 else text.lower()


if __name__ == "__main__":
    run("How intents stand typing slips, chatter and light rewording.", measure)
