"""Intents by logistic regression on sentence vectors and words: quickly trained, with confidences to rely on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import (
    INTENT,
    INTENT_NAME_KEY,
    INTENT_RANKING_KEY,
    METADATA,
    METADATA_INTENT,
    PREDICTED_CONFIDENCE_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from chatrec.errors import BadInput
from components.bot_turn import TURNS, last_turn
from components.sentence_encoder import MEANT
from components.trained import Trained, vectors

WEIGHTS, LABELS = "weights.npz", "labels.json"
SLOTS = 2**15  # that words and pairs of words are hashed to
THEMES = 150  # directions that their weights may lie in (latent semantic analysis), so that they don't overfit


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class EmbeddingIntentClassifier(Trained, IntentClassifier):
    """Logistic regression on the dense features of the text, its words and pairs of words; sets the intent and the full
    ranking.

    A message of several sentences is the mean of what its sentences say. In "Hi! Thanks, that was great. Any others?"
    the greeting and the thanks give way to the request.

    What the bot did before counts as well (``bot_turn.TURNS``): Rasa hands the tracker to ``process``. Half of the
    examples are learnt without it, so that a message without a conversation is understood too; those that say their
    turn themselves are always learnt with it.

    Configuration:
        after: for an intent, the turns that its examples come after, one after the other, unless an example's own
            ``metadata: {after: ...}`` says it. Other intents come after any turn.
        C: inverse strength of regularisation.
        tolerance: the slope at which the solver stops; below 0.3 no prediction changes any more.
        words: what words count beside the vector; 0 leaves them out.
        sharpness: factor on the scores before the softmax. Regularised scores are too careful; with it, a confidence
            of 0.8 is right 80 times in 100 (temperature scaling; Guo et al., ICML 2017).
        yielding: intents that give way when another sentence says something else.
        urgent: intents that one sentence is enough for, whatever the others say.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            "after": {},
            "C": 10.0,
            "words": 1.0,
            "tolerance": 0.3,
            "sharpness": 1.5,
            "yielding": ["greet", "goodbye", "thank", "affirm", "deny", "neutral", "out_of_scope"],
            "urgent": ["emergency"],
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        super().__init__(config, model_storage, resource)
        self.labels: list[str] = []
        self.weights: np.ndarray = np.zeros((0, 0))  # (intents, D + turns)
        self.words: np.ndarray = np.zeros((0, 0))  # (intents, SLOTS)
        self.bias: np.ndarray = np.zeros(0)  # (intents,)

    def recall(self, folder: Path) -> None:
        self.labels = json.loads((folder / LABELS).read_text())
        with np.load(folder / WEIGHTS) as arrays:
            self.weights, self.bias = arrays["weights"], arrays["bias"]
            self.words = arrays["words"].astype(np.float32)

    def train(self, training_data: TrainingData) -> Resource:
        """Fit on the examples and write arrays and labels to the model.

        Raises:
            BadInput: fewer than two intents, or an ``after`` that is no turn.
        """
        examples = [m for m in training_data.intent_examples if len(vectors(m)[1])]
        intents = [m.get(INTENT) for m in examples]
        if len(set(intents)) < 2:
            raise BadInput("data/nlu: an intent classifier needs examples of at least two intents")
        wholes, words = np.concatenate([vectors(m)[1] for m in examples]), _words([m.get(TEXT) for m in examples])
        themes = TruncatedSVD(THEMES, random_state=0).fit(words)
        told = np.hstack([self.config["words"] * themes.transform(words).astype(wholes.dtype), wholes])
        rows = _beside(told, _told(turns_before(examples, self.config["after"]), examples))
        middle = rows.mean(axis=0)  # the solver gets there sooner from the middle; the solution is the same
        model = LogisticRegression(
            C=self.config["C"], multi_class="multinomial", max_iter=1000, tol=self.config["tolerance"]
        )
        model.fit(rows - middle, intents)
        model.intercept_ -= model.coef_ @ middle
        two = len(model.classes_) == 2  # then scikit-learn keeps the second intent's half only
        weights = np.concatenate([-model.coef_, model.coef_]) if two else model.coef_
        many = len(themes.components_)
        self.labels = list(model.classes_)
        self.weights = weights[:, many:]
        self.words = (
            (self.config["words"] * weights[:, :many] @ themes.components_).astype(np.float16).astype(np.float32)
        )
        self.bias = np.concatenate([-model.intercept_, model.intercept_]) if two else model.intercept_
        self._persist()
        return self._resource

    def _persist(self) -> None:
        with self._storage.write_to(self._resource) as folder:
            np.savez(folder / WEIGHTS, weights=self.weights, words=self.words.astype(np.float16), bias=self.bias)
            (folder / LABELS).write_text(json.dumps(self.labels))

    def process(self, messages: list[Message], tracker: DialogueStateTracker | None = None) -> list[Message]:
        """Set intent and ranking, best first. Without features all intents are equally likely, so that the fallback
        takes over. The messages come next in the tracker's conversation."""
        before = last_turn(tracker)
        for message in messages:
            sentences = vectors(message)[0]
            shares = self.probabilities(sentences, before, _texts(message, len(sentences)))
            ranking = [
                {INTENT_NAME_KEY: self.labels[i], PREDICTED_CONFIDENCE_KEY: float(shares[i])}
                for i in np.argsort(-shares, kind="stable")
            ]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self.process(training_data.training_examples)
        return training_data

    def probabilities(
        self, sentences: np.ndarray, before: str | None = None, texts: Sequence[str] | None = None
    ) -> np.ndarray:
        """(intents,) how likely each intent of a message is; ``sentences`` is (n, D), n may be 0, and ``texts`` are
        theirs; ``before`` is the bot's turn, None if unknown."""
        if not len(sentences):
            return np.full(len(self.labels), 1 / len(self.labels))
        scores = _beside(sentences, before and [before] * len(sentences)) @ self.weights.T + self.bias
        if texts:
            scores += _words(texts) @ self.words.T
        shares: np.ndarray = softmax(self.config["sharpness"] * scores, axis=1)
        best = np.array([self.labels[i] for i in shares.argmax(axis=1)])
        for chosen in (np.isin(best, self.config["urgent"]), ~np.isin(best, self.config["yielding"])):
            if chosen.any():
                return shares[chosen].mean(axis=0)
        return shares.mean(axis=0)


def _texts(message: Message, count: int) -> list[str]:
    """The texts of the sentences that :func:`vectors` gives; each the whole one, should their number differ."""
    whole, *sentences = message.get(MEANT) or (message.get(TEXT) or "",)
    texts = list(dict.fromkeys(sentences))
    return texts if len(texts) == count else [whole] * count


def _words(texts: Sequence[str]) -> csr_matrix:
    """(n, SLOTS) float32, rows of length 1: which words and pairs of words a text has."""
    pattern = r"\b\w[\w']*\b"
    hashed = HashingVectorizer(
        n_features=SLOTS, ngram_range=(1, 2), token_pattern=pattern, alternate_sign=False, dtype=np.float32
    )
    return hashed.transform(texts)


def turns_before(examples: Sequence[Message], after: Mapping[str, Sequence[str]]) -> list[str]:
    """The turn of the bot that each example comes after; where there are several, they take turns.

    Raises:
        BadInput: one that is no turn.
    """
    chosen, count = [], Counter[str]()
    for example in examples:
        intent = example.get(INTENT)
        own = _own_turn(example) or after.get(intent) or TURNS
        turns = [own] if isinstance(own, str) else own
        if unknown := set(turns) - set(TURNS):
            raise BadInput(f"{intent}: after must be of {', '.join(TURNS)}, not {', '.join(map(str, unknown))}")
        chosen.append(turns[count[intent] % len(turns)])
        count[intent] += 1
    return chosen


def _own_turn(example: Message) -> str | Sequence[str] | None:
    return ((example.get(METADATA) or {}).get(METADATA_INTENT) or {}).get("after")


def _told(turns: Sequence[str], examples: Sequence[Message]) -> list[str | None]:
    """The turns of the examples that say theirs, and of half of the others: of an intent's first four, not of its next
    four, and so on."""
    told, count = [], Counter[str]()
    for turn, example in zip(turns, examples, strict=True):
        own, intent = bool(_own_turn(example)), example.get(INTENT)
        told.append(turn if own or count[intent] // len(TURNS) % 2 == 0 else None)
        count[intent] += not own
    return told


def _beside(rows: np.ndarray, turns: Sequence[str | None] | None) -> np.ndarray:
    """(n, D + turns): the rows, and beside each a 1 for the bot's turn; zeros where it is unknown."""
    ones = np.array([[float(t == turn) for turn in TURNS] for t in turns or ()], dtype=rows.dtype)
    return np.hstack([rows, ones if turns else np.zeros((len(rows), len(TURNS)), rows.dtype)])
