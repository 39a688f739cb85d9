"""What there is to beat: RecBole's classes with RecBole's settings (Zhao et al., "RecBole", CIKM 2021).

Each function learns from histories, oldest event first, and returns a scorer. SASRec is trained at all steps of a
sequence at once, as its authors do, which is many times faster than RecBole's one step at a time.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np
import torch

from chatrec.collaborative import Ease, History, Neighbours, interactions
from chatrec.evaluation.history import Scorer
from chatrec.sequence import Recipe, batches, padded

PUBLISHED = {
    "USER_ID_FIELD": "user",
    "ITEM_ID_FIELD": "item",
    "NEG_PREFIX": "neg_",
    "LIST_SUFFIX": "_list",
    "ITEM_LIST_LENGTH_FIELD": "length",
    "MAX_ITEM_LIST_LENGTH": 50,
    "device": torch.device("cpu"),
    "reg_weight": 250.0,
    "k": 100,
    "shrink": 0.0,
    "knn_method": "item",
    "hidden_size": 64,
    "inner_size": 256,
    "n_layers": 2,
    "n_heads": 2,
    "hidden_dropout_prob": 0.5,
    "attn_dropout_prob": 0.5,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "initializer_range": 0.02,
    "loss_type": "CE",
    "embedding_size": 64,
    "require_pow": False,
}
RATE, PAIRS = 1e-3, 2048  # RecBole's learning rate and batch

Epoch = Callable[[int, Scorer], None]
"""Called after each epoch with its number, from 1, and the model as it is."""


class Config(dict):
    device = PUBLISHED["device"]


def peer(module: str, name: str, known: Sequence[History], items: int, **changes: object):
    """A model of RecBole's over these histories. In RecBole 0 is nobody and nothing, so all indices are one higher."""
    found = interactions([np.array([], dtype=int), *(np.asarray(h) + 1 for h in known)], items + 1)
    sizes = {"user": len(known) + 1, "item": items + 1}
    dataset = SimpleNamespace(num=sizes.__getitem__, inter_matrix=lambda form: found.asformat(form))
    kind = getattr(importlib.import_module(f"recbole.model.{module}"), name)
    return kind(Config(PUBLISHED | changes), dataset)


def recbole_pop(known: Sequence[History], items: int) -> Scorer:
    model = peer("general_recommender.pop", "Pop", known, items)
    for history in known:  # it counts an item once a batch
        model.calculate_loss({"item": torch.from_numpy(history + 1)})
    counts = model.item_cnt[1:].numpy().ravel().astype(np.float32)
    return lambda histories: np.tile(counts, (len(histories), 1))


def recbole_knn(known: Sequence[History], items: int) -> Scorer:
    return Neighbours(peer("general_recommender.itemknn", "ItemKNN", known, items).w.tocsr()[1:, 1:]).score


def recbole_ease(known: Sequence[History], items: int) -> Scorer:
    weights = peer("general_recommender.ease", "EASE", known, items).item_similarity
    return Ease(np.asarray(weights)[1:, 1:], decay=1.0).score


def lightgcn(known: Sequence[History], items: int, epochs: int, seed: int, after: Epoch | None = None) -> Scorer:
    """LightGCN. A history it was not trained with gets the mean of its items' vectors for a user's."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = peer("general_recommender.lightgcn", "LightGCN", known, items, reg_weight=1e-5)
    users, films = np.repeat(np.arange(len(known)), [len(h) for h in known]) + 1, np.concatenate(known) + 1
    held = interactions(known, items).toarray() > 0
    places = {np.asarray(h).tobytes(): user for user, h in enumerate(known)}

    @torch.inference_mode()
    def score(histories: Sequence[History]) -> np.ndarray:
        people, things = (vectors[1:].numpy() for vectors in model.forward())
        rows = [
            people[places[h.tobytes()]] if h.tobytes() in places else things[h].mean(axis=0)
            for h in map(np.asarray, histories)
        ]
        return np.stack(rows) @ things.T

    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    for epoch in range(epochs):
        mixed = rng.permutation(len(users))
        for start in range(0, len(users), PAIRS):
            user, film = users[mixed[start : start + PAIRS]], films[mixed[start : start + PAIRS]]
            other = rng.integers(1, items + 1, len(user))
            while (wrong := held[user - 1, other - 1]).any():
                other[wrong] = rng.integers(1, items + 1, int(wrong.sum()))
            batch = {"user": user, "item": film, "neg_item": other}
            optimizer.zero_grad()
            model.calculate_loss({name: torch.from_numpy(values) for name, values in batch.items()}).backward()
            optimizer.step()
        if after:
            after(epoch + 1, score)
    return score


def sasrec(known: Sequence[History], items: int, epochs: int, seed: int, after: Epoch | None = None) -> Scorer:
    """SASRec with the softmax over all items."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    length = PUBLISHED["MAX_ITEM_LIST_LENGTH"]
    model = peer("sequential_recommender.sasrec", "SASRec", known, items)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    kept = [np.asarray(history) for history in known if len(history) > 1]

    @torch.inference_mode()
    def score(histories: Sequence[History]) -> np.ndarray:
        model.eval()
        recent = [np.asarray(h)[-length:] + 1 for h in histories]
        lengths = torch.tensor([len(h) for h in recent])
        states = model.forward(padded(recent, 0), lengths)
        return (states @ model.item_embedding.weight[1:].T).numpy()

    for epoch in range(epochs):
        model.train()
        for pieces in batches(kept, Recipe(window=length), rng):
            steps = padded([history[a:b] + 1 for history, a, b in pieces], 0)
            targets = torch.from_numpy(np.concatenate([history[a + 1 : b + 1] + 1 for history, a, b in pieces]))
            places = torch.arange(steps.shape[1]).expand_as(steps)
            x = model.dropout(model.LayerNorm(model.item_embedding(steps) + model.position_embedding(places)))
            states = model.trm_encoder(x, model.get_attention_mask(steps), output_all_encoded_layers=True)[-1]
            optimizer.zero_grad()
            model.loss_fct(states[steps > 0] @ model.item_embedding.weight.T, targets).backward()
            optimizer.step()
        if after:
            after(epoch + 1, score)
    return score
