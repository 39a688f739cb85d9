"""Intents by logistic regression on sentence vectors: trains in seconds, and its confidence can be trusted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import (
    INTENT,
    INTENT_NAME_KEY,
    INTENT_RANKING_KEY,
    PREDICTED_CONFIDENCE_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from chatrec.errors import BadInput

WEIGHTS, LABELS = "weights.npz", "labels.json"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class EmbeddingIntentClassifier(GraphComponent, IntentClassifier):
    """Logistic regression on the dense features of the text; sets the intent and the full ranking.

    A message of several sentences is the mean of what its sentences say. In "Hi! Thanks, that was great. Any others?"
    the greeting and the thanks give way to the request.

    Configuration:
        C: inverse strength of regularisation.
        sharpness: factor on the scores before the softmax. Regularised scores are too careful; with it, a confidence
            of 0.8 is right 80 times in 100 (temperature scaling; Guo et al., ICML 2017).
        yielding: intents that give way when another sentence says something else.
        urgent: intents that one sentence is enough for, whatever the others say.
    """

    @classmethod
    def required_components(cls) -> list[type]:
        return [DenseFeaturizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            "C": 10.0,
            "sharpness": 1.5,
            "yielding": ["greet", "goodbye", "thank", "affirm", "deny", "neutral", "out_of_scope"],
            "urgent": ["emergency"],
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self.config = config
        self._storage = model_storage
        self._resource = resource
        self.labels: list[str] = []
        self.weights: np.ndarray = np.zeros((0, 0))  # (intents, D)
        self.bias: np.ndarray = np.zeros(0)  # (intents,)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> EmbeddingIntentClassifier:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> EmbeddingIntentClassifier:
        classifier = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            classifier.labels = json.loads((folder / LABELS).read_text())
            with np.load(folder / WEIGHTS) as arrays:
                classifier.weights, classifier.bias = arrays["weights"], arrays["bias"]
        return classifier

    def train(self, training_data: TrainingData) -> Resource:
        """Fit on the examples and write arrays and labels to the model.

        Raises:
            BadInput: fewer than two intents.
        """
        rows = [(_features(m)[1], m.get(INTENT)) for m in training_data.intent_examples]
        rows = [(vector, intent) for vector, intent in rows if len(vector)]
        if len({intent for _, intent in rows}) < 2:
            raise BadInput("data/nlu: an intent classifier needs examples of at least two intents")
        vectors, intents = np.concatenate([vector for vector, _ in rows]), [intent for _, intent in rows]
        model = LogisticRegression(C=self.config["C"], multi_class="multinomial", max_iter=1000).fit(vectors, intents)
        two = len(model.classes_) == 2  # then scikit-learn keeps the second intent's half only
        self.labels = list(model.classes_)
        self.weights = np.concatenate([-model.coef_, model.coef_]) if two else model.coef_
        self.bias = np.concatenate([-model.intercept_, model.intercept_]) if two else model.intercept_
        self._persist()
        return self._resource

    def _persist(self) -> None:
        with self._storage.write_to(self._resource) as folder:
            np.savez(folder / WEIGHTS, weights=self.weights, bias=self.bias)
            (folder / LABELS).write_text(json.dumps(self.labels))

    def process(self, messages: list[Message]) -> list[Message]:
        """Set intent and ranking, best first. Without features all intents are equally likely, so that the fallback
        takes over."""
        for message in messages:
            shares = self.probabilities(_features(message)[0])
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

    def probabilities(self, sentences: np.ndarray) -> np.ndarray:
        """(intents,) how likely each intent of a message is; ``sentences`` is (n, D), n may be 0."""
        if not len(sentences):
            return np.full(len(self.labels), 1 / len(self.labels))
        scores = sentences @ self.weights.T + self.bias
        shares: np.ndarray = softmax(self.config["sharpness"] * scores, axis=1)
        best = np.array([self.labels[i] for i in shares.argmax(axis=1)])
        for chosen in (np.isin(best, self.config["urgent"]), ~np.isin(best, self.config["yielding"])):
            if chosen.any():
                return shares[chosen].mean(axis=0)
        return shares.mean(axis=0)


def _features(message: Message) -> tuple[np.ndarray, np.ndarray]:
    """(sentences, D) one row for each sentence, and (1, D) the whole message; both with no rows if nothing was read."""
    tokens, whole = message.get_dense_features(TEXT)
    if tokens is None or whole is None:
        return np.zeros((0, 0)), np.zeros((0, 0))
    return np.unique(tokens.features, axis=0), whole.features
