"""What somebody turns to next, on MovieLens 100K, next to six peers: ``python -m benchmarks.history [--quick]``.

The last event of each user is found among all films from those before it, see :mod:`chatrec.evaluation.history`. The
peers are RecBole's classes with RecBole's settings (Zhao et al., "RecBole", CIKM 2021), and EASE with recency weights.
All see the same split. What is trained in epochs is first trained without each user's last two events, to choose the
number of epochs on the one before the last, and then again without the last one only. RecBole's SASRec is trained at
all steps of a sequence at once, as its authors do, which is many times faster than one step at a time.

Cold users: only their first three events are known. Films and ratings come with RecBole's wheel.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from rich.console import Console

from benchmarks import Figures, machine, show
from chatrec.collaborative import Ease, History, Neighbours, interactions, popularity
from chatrec.encoder import encode_items, load_encoder
from chatrec.evaluation import history as ev
from chatrec.sequence import Recipe, SequenceModel, batches, padded
from chatrec.settings import Settings

SEEDS = (0, 1, 2)
MEASURES = ("hr@10", "ndcg@10", "hr@20", "mrr", "coverage", "mean_popularity")
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

Epoch = Callable[[int, ev.Scorer], None]
"""Called after each epoch with its number, from 1, and the model as it is."""


class Config(dict):
    device = PUBLISHED["device"]


def movielens() -> ev.Log:
    """MovieLens 100K as it comes with RecBole."""
    spec = importlib.util.find_spec("recbole")
    folder = Path(spec.submodule_search_locations[0]) / "dataset_example" / "ml-100k"
    films, ratings = (_rows(folder / f"ml-100k.{kind}") for kind in ("item", "inter"))
    texts = {film: f"{title} ({year}). {', '.join(genres.split())}" for film, title, year, genres in films}
    return ev.make_log(((user, film, float(at), float(stars)) for user, film, stars, at in ratings), texts)


def _rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def peer(module: str, name: str, known: Sequence[History], items: int, **changes: object):
    """A model of RecBole's over these histories. In RecBole 0 is nobody and nothing, so all indices are one higher."""
    found = interactions([np.array([], dtype=int), *(np.asarray(h) + 1 for h in known)], items + 1)
    sizes = {"user": len(known) + 1, "item": items + 1}
    dataset = SimpleNamespace(num=sizes.__getitem__, inter_matrix=lambda form: found.asformat(form))
    kind = getattr(importlib.import_module(f"recbole.model.{module}"), name)
    return kind(Config(PUBLISHED | changes), dataset)


def recbole_pop(known: Sequence[History], items: int) -> ev.Scorer:
    model = peer("general_recommender.pop", "Pop", known, items)
    for history in known:  # it counts an item once a batch
        model.calculate_loss({"item": torch.from_numpy(history + 1)})
    counts = model.item_cnt[1:].numpy().ravel().astype(np.float32)
    return lambda histories: np.tile(counts, (len(histories), 1))


def recbole_knn(known: Sequence[History], items: int) -> ev.Scorer:
    return Neighbours(peer("general_recommender.itemknn", "ItemKNN", known, items).w.tocsr()[1:, 1:]).score


def recbole_ease(known: Sequence[History], items: int) -> ev.Scorer:
    weights = peer("general_recommender.ease", "EASE", known, items).item_similarity
    return Ease(np.asarray(weights)[1:, 1:], decay=1.0).score


def lightgcn(known: Sequence[History], items: int, epochs: int, seed: int, after: Epoch | None = None) -> ev.Scorer:
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


def sasrec(known: Sequence[History], items: int, epochs: int, seed: int, after: Epoch | None = None) -> ev.Scorer:
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


def chosen_epochs(train: Callable, log: ev.Log, most: int, every: int) -> int:
    """The number of epochs with the best NDCG@10 on the event before the last, which training doesn't see."""
    known, cases, found = log.known(2), ev.held_out(log, 2), {}
    counts = popularity(known, len(log.items))

    def after(epoch: int, score: ev.Scorer) -> None:
        if epoch % every == 0:
            found[epoch] = ev.evaluate(cases, score, counts)["ndcg@10"]
            print(f"{train.__name__} {epoch} {found[epoch]:.4f}", file=sys.stderr, flush=True)

    train(known, len(log.items), most, 0, after)
    return max(found, key=found.get)


def ours(log: ev.Log, text: np.ndarray, recipe: Recipe, seeds: Sequence[int]) -> dict[str, ev.Scorer]:
    """The blend, its sequence model alone, and what is left of the blend when a signal is taken away."""
    items = len(log.items)
    fits = ev.linear_signals(items) | {
        "sequence": lambda known: SequenceModel.fit(known, items, text, recipe, seeds).score
    }
    fits = {name: _remembered(fit) for name, fit in fits.items()}
    whole = ev.fit_hybrid(log, fits)
    found = {"blend (ours)": whole.score, "sequence (ours)": whole.signals["sequence"]}
    for name in fits:
        rest = {other: fit for other, fit in fits.items() if other != name}
        found[f"blend without {name}"] = ev.fit_hybrid(log, rest).score
    return found


def _remembered(fit: ev.Fit) -> ev.Fit:
    """The same, which fits once for the same histories."""
    done: dict[int, ev.Scorer] = {}

    def again(known: Sequence[History]) -> ev.Scorer:
        size = sum(len(history) for history in known)
        if size not in done:
            done[size] = fit(known)
        return done[size]

    return again


def peers(log: ev.Log, seeds: Sequence[int], quick: bool) -> dict[str, list[ev.Scorer]]:
    """What there is to beat: one scorer, or one a seed."""
    known, items = log.known(1), len(log.items)
    found = {
        "Pop (RecBole)": [recbole_pop(known, items)],
        "ItemKNN (RecBole)": [recbole_knn(known, items)],
        "EASE (RecBole)": [recbole_ease(known, items)],
        "EASE-recency": [Ease.fit(known, items).score],
    }
    for name, train, most, every in (("LightGCN", lightgcn, 100, 10), ("SASRec", sasrec, 50, 5)):
        epochs = 2 if quick else chosen_epochs(train, log, most, every)
        found[f"{name} (RecBole, {epochs} epochs)"] = [train(known, items, epochs, seed) for seed in seeds]
    return found


def measure(settings: Settings, quick: bool = False) -> Figures:
    """All figures, by name; means over seeds."""
    log = movielens()
    text = encode_items(load_encoder(settings), log.texts, settings.cache)
    seeds, recipe = SEEDS[: 1 if quick else None], Recipe(epochs=2) if quick else Recipe()
    sampling = {"sweeps": 10, "burn": 5} if quick else {}
    rivals = peers(log, seeds, quick)
    mine = [ours(log, text, recipe, [seed]) for seed in seeds]
    each = {f"{name}, one seed": [scorers[name] for scorers in mine] for name in ("blend (ours)", "sequence (ours)")}
    together = {name: [scorer] for name, scorer in ours(log, text, recipe, seeds).items()} if not quick else {}
    counts = popularity(log.known(1), len(log.items))
    groups = {"all_known": ev.held_out(log, 1), "three_known": ev.held_out(log, 1, ev.FEW)}
    every = rivals | each | together
    tables = {
        group: [_row(name, [ev.evaluate(cases, s, counts) for s in scorers]) for name, scorers in every.items()]
        for group, cases in groups.items()
    }
    best = {name: max(row[name] for row in tables["all_known"] if row["scorer"] in rivals) for name in MEASURES[:2]}
    final = [row for row in tables["all_known"] if row["scorer"] in ("blend (ours)", "blend (ours), one seed")][-1]
    return {
        "users": len(log.users),
        "films": len(log.items),
        "seeds": len(seeds),
        **tables,
        "ratio_to_best_peer_of_each_measure": {name: round(final[name] / of, 3) for name, of in best.items()},
        "rmse_of_random_fifth": round(float(np.mean([ev.rmse(log, seed, **sampling) for seed in seeds])), 4),
    }


def _row(name: str, runs: Sequence[Mapping[str, float]]) -> Figures:
    """Means over seeds, and the deviation of HR@10 between them where there are several."""
    means = {measure: round(float(np.mean([run[measure] for run in runs])), 4) for measure in MEASURES}
    return {"scorer": name, **means, "sd": round(float(np.std([run["hr@10"] for run in runs])), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed and few epochs: does it run?")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    settings = Settings.read()
    figures = {"machine": machine(settings), **measure(settings, arguments.quick)}
    if arguments.json:
        json.dump(figures, sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        show(figures, Console())


if __name__ == "__main__":
    main()
