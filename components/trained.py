"""What a component that learns from the examples has to do for Rasa, once for all of them."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from chatrec.catalog import catalog_folders

T = TypeVar("T", bound="Trained")


class Trained(GraphComponent):
    """Learns from the sentence vectors, and keeps what it learnt in its folder of the model."""

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self.config = config
        self._storage = model_storage
        self._resource = resource

    @classmethod
    def required_components(cls) -> list[type]:
        return [DenseFeaturizer]

    @classmethod
    def create(
        cls: type[T],
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> T:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls: type[T],
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> T:
        made = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            made.recall(folder)
        return made

    @abstractmethod
    def recall(self, folder: Path) -> None:
        """Read what :meth:`train` wrote."""

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        return training_data


def digest_of_catalogs(folder: Path, *names: str) -> str:
    """Tells these files of all catalogues under a folder from other versions of them."""
    files = [own / name for own in catalog_folders(folder) for name in names]
    contents = (f"{file.parent.name}/{file.name}".encode() + file.read_bytes() for file in files if file.exists())
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:8]


def vectors(message: Message) -> tuple[np.ndarray, np.ndarray]:
    """(sentences, D) one row for each sentence, and (1, D) the whole message; both with no rows if nothing was read."""
    tokens, whole = message.get_dense_features(TEXT)
    if tokens is None or whole is None:
        return np.zeros((0, 0)), np.zeros((0, 0))
    first = {row.tobytes(): i for i, row in reversed(list(enumerate(tokens.features)))}
    return tokens.features[sorted(first.values())], whole.features
