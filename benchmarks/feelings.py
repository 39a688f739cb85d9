"""How often a feeling is heard, how often one is heard that isn't there, and what hearing one does to a list.

``python -m benchmarks.feelings`` learns from ``data/nlu`` as ``rasa train`` does and hears what is in
``tests/nlu/feelings.jsonl``, written before the examples were, and what strangers typed (``tests/nlu/strangers``).
``--lists`` also asks the engine for lists with and without every feeling, for the strangers' requests about films.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import yaml

from chatrec import dialogue, feelings
from chatrec.bootstrap import Engine, engine
from chatrec.dialogue import State
from chatrec.feelings import FINE, NONE, Listener
from chatrec.settings import ROOT, Settings
from chatrec.types import Event, Query
from components.sentence_encoder import encode_once
from components.tuned_encoder import load_tuned

LAYERS = [3, -1]
THRESHOLDS = (0.2, 0.3, 0.4, 0.5)
WEIGHTS = (0.3, 0.6, 1.0)
LIKES = (0, 1, 3)  # that the user has, drawn from the best known films
KNOWN = 400
WELL, TALK = ROOT / "tests/nlu/feelings.jsonl", ROOT / "tests/nlu/strangers/intents.jsonl"


def examples() -> Iterator[tuple[str, str]]:
    """(text, feeling) of every example under data/nlu."""
    for path in sorted((ROOT / "data" / "nlu").rglob("*.yml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            feeling = (entry.get("metadata") or {}).get("feeling", NONE)
            for line in entry.get("examples", "").splitlines() if "intent" in entry else ():
                yield re.sub(r"\[([^\]]*)\](?:\([^)]*\)|{[^}]*})", r"\1", line.strip()[2:]), feeling


def hearing(settings: Settings) -> None:
    """Print how much is heard at several thresholds."""
    encoder = load_tuned(settings)

    def encoded(texts: list[str]) -> np.ndarray:
        return encode_once(encoder, texts, LAYERS, settings.cache)

    texts, told = zip(*examples(), strict=True)
    listener = Listener.fit(told, encoded(list(texts)))
    own = [json.loads(line) for line in WELL.read_text(encoding="utf-8").splitlines()]
    talk = [json.loads(line) for line in TALK.read_text(encoding="utf-8").splitlines()]
    talk = [row for row in talk if row["intent"] != "express_mood"]
    heard = [listener.hear(row[None]) for row in encoded([r["text"] for r in own])]
    strange = [listener.hear(row[None]) for row in encoded([r["text"] for r in talk])]
    truth = np.array([row["feeling"] for row in own])
    print(f"{len(texts)} examples, {sum(f != NONE for f in told)} with a feeling")
    print("threshold  right  another  heard in none  in strangers' messages")
    for threshold in THRESHOLDS:
        found = np.array([name if chance > threshold else NONE for name, chance in heard])
        some = truth != NONE
        false = sum(chance > threshold and name != FINE for name, chance in strange)
        right, wrong = np.mean(found[some] == truth[some]), np.mean((found != NONE)[some] & (found != truth)[some])
        print(
            f"{threshold:9}  {right:5.2f}  {wrong:7.2f}  {sum(found[~some] != NONE)} of {sum(~some)}"
            f"       {false} of {len(strange)}"
        )


def asked(built: Engine, likes: int) -> dict[str, Query]:
    """The strangers' requests about films, each by somebody with so many likes."""
    catalog, linker, rng = built.catalog("movies"), built.linker("movies"), random.Random(0)
    known = [catalog.items[i].item_id for i in np.argsort(-catalog.popularity)[:KNOWN]]
    rows = [json.loads(line) for line in TALK.read_text(encoding="utf-8").splitlines()]
    found = {}
    for text in (r["text"] for r in rows if r["intent"] in dialogue.ASKING and r["catalog"] == "movies"):
        state = dialogue.understand(State("movies"), "ask_recommendation", text, linker.link(text), catalog).state
        liked = tuple(Event(item_id, "like", float(n)) for n, item_id in enumerate(rng.sample(known, likes)))
        found[text] = replace(dialogue.query(state, (), liked), exclude=frozenset(e.item_id for e in liked))
    return found


def lists(built: Engine, likes: int) -> None:
    """Print how much of its leaning a list of films meets without and with a feeling, and how many films stay."""
    catalog, recommender, plain = built.catalog("movies"), built.recommender("movies"), asked(built, likes)
    before = {text: [r.item.item_id for r in recommender.recommend(query).items] for text, query in plain.items()}
    print(f"{likes} likes\nfeeling    weight  requests  met before  met after  films that stay, of 5")
    for name, feeling in catalog.schema.feelings.items():
        for weight in WEIGHTS if feeling.leaning else ():
            met, stay = [], []
            for text, query in plain.items():
                leaning = feelings.leaning(query, State("movies", feeling=name, felt=0.0), catalog, 0.0)
                if not leaning.leaning:
                    continue
                query = replace(leaning, gently=weight * leaning.gently / feeling.weight)
                after = [r.item.item_id for r in recommender.recommend(query).items]
                masks = [catalog.mask(c) for c in leaning.leaning]
                shares = [
                    np.mean([m[catalog.index(i)] for m in masks for i in ids]) for ids in (before[text], after) if ids
                ]
                met.append(shares)
                stay.append(len({*before[text]} & {*after}))
            was, now = np.mean(met, axis=0)
            print(f"{name:9}  {weight:6}  {len(met):8}  {was:10.2f}  {now:9.2f}  {np.mean(stay):.1f}")


def main() -> None:
    parser = argparse.ArgumentParser("benchmarks.feelings", description=__doc__)
    parser.add_argument("--lists", action="store_true", help="what a feeling does to lists of films as well")
    if parser.parse_args().lists:
        for likes in LIKES:
            lists(engine(), likes)
    hearing(Settings.read())


if __name__ == "__main__":
    main()
