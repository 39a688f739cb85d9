"""What the fine-tuned encoder is worth to people who wrote no example: ``python -m benchmarks tuning``.

Three of the writers of ``data/nlu/voices`` are held out. The encoder is fine-tuned without them, the intents are learnt
without them, from its vectors and from those of the encoder as it came, and both read what the three wrote.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from benchmarks import Figures, run
from benchmarks.nlu import calibration_error, train
from chatrec.encoder import Encoder, load_encoder
from chatrec.settings import Settings
from components.noise import Noise
from components.tuning import Lessons, tune, turns_of

HELD_OUT = ("abroad", "dry", "plain")


def measure(settings: Settings) -> Figures:
    """The figures of both, and of each writer."""
    files = sorted((settings.root / "data" / "nlu").rglob("*.yml"))
    known = [m for path in files if path.stem not in HELD_OUT for m in _examples(path)]
    asked = {path.stem: _examples(path) for path in files if path.stem in HELD_OUT}
    plain, tuned = load_encoder(settings), load_encoder(settings)
    lessons = Lessons.of(known, turns_of(settings.root / "config.yml"))
    body = tune(tuned, lessons, Noise.read(settings.root))
    body.merge_and_unload()
    return {
        "examples": len(known),
        "as it came": _read(settings, plain, known, asked),
        "fine-tuned": _read(settings, tuned, known, asked),
    }


def _examples(path: Path) -> list[Message]:
    return load_data(str(path)).intent_examples


def _read(settings: Settings, encoder: Encoder, known: list[Message], asked: dict[str, list[Message]]) -> Figures:
    copies = TrainingData([Message(dict(message.data)) for message in known])  # features stay on the examples
    with tempfile.TemporaryDirectory() as folder:
        reader = train(settings.root, copies, Path(folder), encoder)
    figures, rights, sure = {}, [], []
    for writer, examples in asked.items():
        intents, confidence = reader.read([m.get(TEXT) for m in examples])
        right = np.array(intents) == np.array([m.get(INTENT) for m in examples])
        figures[writer] = round(float(right.mean()), 3)
        rights.append(right)
        sure.append(confidence)
    right, confidence = np.concatenate(rights), np.concatenate(sure)
    error = round(calibration_error(confidence, right), 3)
    return {"n": len(right), "accuracy": round(float(right.mean()), 3), **figures, "calibration error": error}


if __name__ == "__main__":
    run("What the fine-tuned encoder is worth to people who wrote no example.", measure)
