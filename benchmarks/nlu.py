"""How well messages are understood: ``python -m benchmarks.nlu [--json] [--picture FILE]``.

Trains the intent part of ``config.yml`` on ``data/nlu`` and measures it on ``tests/nlu/test_nlu.yml`` and on what real
seekers said (``CHATREC_DATA``/nlu, left out when it is not there). The picture is the confusion matrix of the seekers.
"""

from __future__ import annotations

import argparse
import html
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import yaml
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.core.events import BotUttered, SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, INTENT_RANKING_KEY, PREDICTED_CONFIDENCE_KEY, TEXT
from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.metrics import f1_score

from chatrec.encoder import Encoder
from chatrec.settings import Settings
from components.intent_classifier import EmbeddingIntentClassifier
from components.sentence_encoder import SentenceEncoderFeaturizer, known_words, spelling_of

SEEKER = [
    "ask_recommendation",
    "continue",
    "reformulate",
    "start_over",
    "provide_preference",
    "answer",
    "ask_opinion",
    "seen",
    "accept",
    "reject",
    "inquire",
    "critique_feature",
    "critique_add",
    "critique_compare",
    "neutral",
]
THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
GIBBERISH = [
    "wubba flim dorp",
    "xkcd zzzt blorp",
    "aaaaaaaaaa",
    "1234567890",
    "purple monkey dishwasher seven",
    "the of and to in",
    "brmph grnk",
    "tree window tuesday 42",
    "hjkl; zxcv",
    "0x3f 0x1a null",
    "spoon tax velocity",
    "ooga booga",
    "??!?!?",
    "...",
    "potato potato potato",
]
FOREIGN = [
    "quiero ver una película de terror",
    "ich möchte einen lustigen Film sehen",
    "je cherche un film d'horreur",
    "vorrei vedere un film divertente",
    "poproszę jakiś dobry film",
    "bana bir korku filmi öner",
    "jag vill se en bra film",
]
UNREADABLE = [
    "покажи мне хороший фильм",
    "我想看一部科幻电影",
    "ホラー映画が見たい",
    "أريد مشاهدة فيلم",
    "मुझे एक फिल्म दिखाओ",
    "무서운 영화 추천해줘",
    "👍",
    "😂😂😂",
    "🎬🍿",
    "🤷\u200d♂️",
    ":)",
]


@dataclass(frozen=True)
class Reader:
    """The intent part of the pipeline, trained."""

    tokenizer: WhitespaceTokenizer
    featurizer: SentenceEncoderFeaturizer
    classifier: EmbeddingIntentClassifier

    def read(self, texts: Sequence[str], after: Sequence[str] | None = None) -> tuple[list[str], np.ndarray]:
        """The intent of each text and (n,) its confidence; ``after`` is what the bot said before each."""
        best = [max(scores.items(), key=itemgetter(1)) for scores in self.rankings(texts, after)]
        return [intent for intent, _ in best], np.array([score for _, score in best])

    def rankings(self, texts: Sequence[str], after: Sequence[str] | None = None) -> list[dict[str, float]]:
        """The confidence of every intent, for each text."""
        messages = self.featurizer.process(self.tokenizer.process([Message({TEXT: text}) for text in texts]))
        for message, said in zip(messages, after or [None] * len(messages), strict=True):
            self.classifier.process([message], None if said is None else _conversation(said))
        return [{r[INTENT_NAME_KEY]: r[PREDICTED_CONFIDENCE_KEY] for r in m.get(INTENT_RANKING_KEY)} for m in messages]


def _conversation(said: str) -> DialogueStateTracker:
    return DialogueStateTracker.from_events("seeker", [SessionStarted(), *([BotUttered(said)] if said else [])])


def train(root: Path, data: TrainingData, folder: Path, encoder: Encoder | None = None) -> Reader:
    """Train on ``data`` with the options of ``config.yml``, and with another encoder than the bot's if one is given;
    features stay on the examples."""
    steps = {step.pop("name"): step for step in yaml.safe_load((root / "config.yml").read_text())["pipeline"]}
    storage, context = LocalModelStorage(folder), ExecutionContext(GraphSchema({}), "benchmark")
    parts = []
    for part in (WhitespaceTokenizer, SentenceEncoderFeaturizer, EmbeddingIntentClassifier):
        options = steps.get(part.__name__) or steps.get(f"{part.__module__}.{part.__name__}") or {}
        parts.append(part.create({**part.get_default_config(), **options}, storage, Resource(part.__name__), context))
    tokenizer, featurizer, classifier = parts
    featurizer._encoder = encoder or featurizer._encoder
    featurizer.process_training_data(tokenizer.process_training_data(data))
    classifier.train(data)
    featurizer.spelling = spelling_of(data, known_words(featurizer._encoder))
    return Reader(tokenizer, featurizer, classifier)


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error over ten bins (Guo et al., ICML 2017)."""
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [(bins == b).mean() * abs(confidence[bins == b].mean() - right[bins == b].mean()) for b in np.unique(bins)]
    return float(sum(gaps))


def held_out(reader: Reader, data: TrainingData) -> dict[str, Any]:
    """Accuracy on the test set and what each fallback threshold would cost there."""
    texts, truth = [m.get(TEXT) for m in data.intent_examples], [m.get(INTENT) for m in data.intent_examples]
    intents, confidence = reader.read(texts)
    right = np.array(intents) == np.array(truth)
    odd = {"gibberish": GIBBERISH, "foreign": FOREIGN, "unreadable": UNREADABLE}
    read = {name: reader.read(odd[name]) for name in odd}
    curve = []
    for threshold in THRESHOLDS:
        low = confidence < threshold
        away = {n: np.mean([i == "out_of_scope" or s < threshold for i, s in zip(*read[n], strict=True)]) for n in read}
        rates = {"right_lost": low[right].mean(), "wrong_caught": low[~right].mean(), **away}
        curve.append({"threshold": threshold, **{name: round(float(rate), 3) for name, rate in rates.items()}})
    return {
        "n": len(texts),
        "accuracy": round(float(right.mean()), 3),
        "calibration_error": round(calibration_error(confidence, right), 3),
        "fallback": curve,
    }


@dataclass(frozen=True)
class Seekers:
    """Real utterances with seeker intents, many with several; ``said`` is what the bot said before."""

    texts: list[str]
    said: list[str]
    intents: list[list[str]]

    @classmethod
    def load(cls, path: Path) -> Seekers:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        own = [[i for i in row["intents"] if i in SEEKER] for row in rows]
        kept = [(row, intents) for row, intents in zip(rows, own, strict=True) if intents]
        texts, said = ([html.unescape(row[key]) for row, _ in kept] for key in ("text", "previous_bot_text"))
        return cls(texts, said, [intents for _, intents in kept])

    def truth(self, predicted: Sequence[str]) -> list[str]:
        """An utterance counts as the predicted intent when that is among its own, else as the first of its own."""
        return [p if p in intents else intents[0] for p, intents in zip(predicted, self.intents, strict=True)]


def seekers(asked: Seekers, predicted: Sequence[str]) -> dict[str, Any]:
    """The share whose predicted intent is among theirs, and F1."""
    truth = asked.truth(predicted)
    each = f1_score(truth, predicted, labels=SEEKER, average=None, zero_division=0)
    return {
        "n": len(truth),
        "share": round(float(np.mean(np.array(truth) == predicted)), 3),
        "macro_f1": round(float(np.mean(each)), 3),
        "f1": dict(zip(SEEKER, np.round(each, 2).tolist(), strict=True)),
    }


def draw(asked: Seekers, predicted: Sequence[str], path: Path) -> None:
    """Write the confusion matrix: a row for each true intent, shares of the row by colour, counts as numbers."""
    columns = [*SEEKER, "others"]
    counts = np.zeros((len(SEEKER), len(columns)), dtype=int)
    for true, found in zip(asked.truth(predicted), predicted, strict=True):
        counts[SEEKER.index(true), columns.index(found if found in SEEKER else "others")] += 1
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(9, 8), layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, counts[row, column], ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(SEEKER)), SEEKER)
    axes.set(xlabel="understood as", ylabel="published label", title=f"Real seekers' utterances, n = {counts.sum()}")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def latency(reader: Reader, texts: Sequence[str]) -> dict[str, float]:
    """Milliseconds a message, one after the other."""
    reader.read(texts[:5])
    times = []
    for text in texts:
        start = time.perf_counter()
        reader.read([text])
        times.append(1000 * (time.perf_counter() - start))
    return {"p50_ms": round(float(np.median(times)), 1), "p95_ms": round(float(np.quantile(times, 0.95)), 1)}


def measure(settings: Settings, picture: Path | None = None) -> dict[str, Any]:
    """All figures, by name; the seekers' confusion matrix goes to ``picture``."""
    data, test = load_data(str(settings.root / "data/nlu")), load_data(str(settings.root / "tests/nlu/test_nlu.yml"))
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        reader = train(settings.root, data, Path(folder))
        seconds = time.perf_counter() - start
    figures = {
        "examples": len(data.intent_examples),
        "train_seconds": round(seconds, 1),
        "held_out": held_out(reader, test),
        "latency": latency(reader, [m.get(TEXT) for m in test.intent_examples]),
    }
    path = settings.data / "nlu" / "seeker_intents_dev.jsonl"
    if not path.exists():
        return figures | {"seekers": f"left out: no {path.name} under CHATREC_DATA"}
    asked = Seekers.load(path)
    predicted = reader.read(asked.texts, asked.said)[0]
    if picture:
        draw(asked, predicted, picture)
    alone = seekers(asked, reader.read(asked.texts)[0])
    return figures | {"seekers": seekers(asked, predicted), "seekers_without_the_bots_turn": alone}


def show(figures: Any, indent: int = 0) -> None:
    """Print nested figures as an indented list."""
    for key, value in figures.items():
        if isinstance(value, dict):
            print(f"{' ' * indent}{key}")
            show(value, indent + 2)
        elif isinstance(value, list):
            print(f"{' ' * indent}{key}")
            for row in value:
                print(f"{' ' * indent}  " + "  ".join(f"{k} {v}" for k, v in row.items()))
        else:
            print(f"{' ' * indent}{key:20s} {value}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--picture", type=Path, help="write the seekers' confusion matrix to this file")
    arguments = parser.parse_args()
    figures = measure(Settings.read(), arguments.picture)
    if arguments.json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        show(figures)
