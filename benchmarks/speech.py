"""How well and how fast recordings are understood: the 17 of ``shared/data/speech``.

Word error rate: substitutions, insertions and deletions over the words of the transcript, all files together. Both
sides are normalised as usual: lower case, no punctuation but apostrophes, hyphens as spaces, numbers as words ("7" is
"seven"), "mr" as "mister". Real-time factor: seconds of work over seconds of sound, the weights loaded.
"""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Sequence

from benchmarks import Figures, run
from chatrec.catalog import load_catalogs
from chatrec.errors import BadInput
from chatrec.settings import Settings
from chatrec.speech import SURE, Recognizer, load_recognizer

SMALL = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
SMALL += ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS = {"mr": "mister", "mrs": "missus", "dr": "doctor"}


def normalised(text: str) -> list[str]:
    """The words of a text as they are compared."""
    spelled = re.sub(r"\d+", lambda found: f" {in_words(int(found.group()))} ", text.lower().replace("’", "'"))
    return [WORDS.get(word, word) for word in re.sub(r"[^a-z' ]", " ", spelled).split()]


def in_words(number: int) -> str:
    """A number as it is said: "one hundred twenty"; from 1,000 upwards figure by figure."""
    if number < 20:
        return SMALL[number]
    if number < 100:
        return f"{TENS[number // 10 - 2]} {SMALL[number % 10] if number % 10 else ''}".strip()
    if number < 1000:
        return f"{SMALL[number // 100]} hundred {in_words(number % 100) if number % 100 else ''}".strip()
    return " ".join(SMALL[int(figure)] for figure in str(number))


def errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """The least number of words to substitute, insert and delete (Levenshtein, 1965)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        above, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (word != other)))
    return row[-1]


def measure(settings: Settings) -> Figures:
    """Figures with the catalogues' words as prompt, and without. Raises: BadInput when the recordings are not there."""
    folder = settings.data / "speech"
    if not (folder / "manifest.csv").exists():
        raise BadInput(f"{folder}: no manifest.csv there; CHATREC_DATA names the folder of the data sets")
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        spoken = [((folder / row["file"]).read_bytes(), row["file"], row["text"]) for row in csv.DictReader(file)]
    catalogs = load_catalogs(settings.catalogs)
    return {
        "with the catalogues' words": of(load_recognizer(settings, catalogs), spoken),
        "without": of(load_recognizer(settings, {}), spoken),
    }


def of(recognizer: Recognizer, spoken: Sequence[tuple[bytes, str, str]]) -> Figures:
    """Word error rate, real-time factor, and what asking back when unsure would catch."""
    recognizer.hear(spoken[0][0])  # the first run is slower
    wrong = words = 0
    seconds, lasted, rows = 0.0, 0.0, []
    for data, name, text in spoken:
        start = time.perf_counter()
        heard = recognizer.hear(data)
        seconds, lasted = seconds + time.perf_counter() - start, lasted + heard.seconds
        said = normalised(text)
        missed = errors(said, normalised(heard.text))
        wrong, words = wrong + missed, words + len(said)
        if missed or not heard.sure:
            rows.append({"file": name, "errors": missed, "confidence": heard.confidence, "heard": heard.text})
    return {
        "word error rate": f"{wrong / words:.3f} ({wrong} of {words} words)",
        "real-time factor": f"{seconds / lasted:.2f}",
        "asked back": f"{sum(row['confidence'] < SURE for row in rows)} of {len(spoken)}",
        "not as written": rows,
    }


if __name__ == "__main__":
    run("How well and how fast recordings are understood.", measure)
