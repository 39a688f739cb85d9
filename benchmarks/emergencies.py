"""How many emergencies are caught, and how many harmless messages taken for one, on sentences that were not learnt.

``python -m benchmarks.emergencies`` cross-validates over the sentences of the policies: in folds, and leaving out every
emergency in turn, so that none of its examples is known. ``--blind FILE`` measures sentences of a file in Rasa's format
whose intent is ``emergency`` or anything else, with all the policies know. No figure depends on a threshold that was
chosen on the same sentences: the curve is printed whole.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import yaml
from sklearn.model_selection import StratifiedKFold

from chatrec.catalog import catalog_folders
from chatrec.safety import GENERAL, Sentence, Spotter, sentences
from chatrec.settings import Settings
from components.sentence_encoder import encode_once
from components.tuned_encoder import load_tuned

LAYERS = [3, -1]
FOLDS = 5
THRESHOLDS = (-0.4, -0.2, 0.0, 0.1, 0.2, 0.3, 0.4)


def known(settings: Settings) -> tuple[list[Sentence], list[Sentence]]:
    """What the policies know, and the examples of the intents."""
    folders = catalog_folders(settings.catalogs)
    own = list({s.text.lower(): s for s in sentences(folders)}.values())
    told = {sentence.text.lower() for sentence in own}
    intents = [s for path in sorted(Path("data/nlu").rglob("*.yml")) for s in in_file(path)]
    return own, [s for s in intents if s.text.lower() not in told]


def in_file(path: Path) -> Iterator[Sentence]:
    """The sentences of a file in Rasa's format."""
    for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
        for line in entry.get("examples", "").splitlines() if "intent" in entry else ():
            if line.strip():
                yield Sentence(line.strip()[2:], GENERAL if entry["intent"].startswith("emergency") else "")


def in_folds(own: Sequence[Sentence], rest: Sequence[Sentence], vectors: np.ndarray) -> np.ndarray:
    """(n,) the score of every sentence of the policies by a spotter that has not seen it."""
    tells = [bool(s.emergency) for s in own]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(tells, tells)
    return _out_of_sample(folds, own, rest, vectors)


def without_each(own: Sequence[Sentence], rest: Sequence[Sentence], vectors: np.ndarray) -> np.ndarray:
    """(n,) the same, by a spotter that has seen no example of the same emergency; nan for harmless sentences."""
    names = np.array([s.emergency for s in own])
    folds = ((np.flatnonzero(names != name), np.flatnonzero(names == name)) for name in sorted({*names} - {""}))
    return _out_of_sample(folds, own, rest, vectors)


def _out_of_sample(
    folds: Iterator[tuple[np.ndarray, np.ndarray]],
    own: Sequence[Sentence],
    rest: Sequence[Sentence],
    vectors: np.ndarray,
) -> np.ndarray:
    scores = np.full(len(own), np.nan)
    tells = np.array([bool(s.emergency) for s in rest])
    told, more = np.flatnonzero(tells), np.flatnonzero(~tells)
    for learnt, left in folds:
        rows = np.concatenate([vectors[learnt], vectors[len(own) + told]])
        sure = [*(own[i] for i in learnt), *(rest[i] for i in told)]
        spotter = Spotter.fit_on_hard(sure, rows, [rest[i] for i in more], vectors[len(own) + more])
        scores[left] = spotter.scores([own[i].text for i in left], vectors[left])
    return scores


def curve(scores: np.ndarray, tells: np.ndarray) -> dict[str, dict[str, float]]:
    """Threshold -> share of emergencies caught, share of harmless sentences taken for one."""
    caught, false = scores[tells], scores[~tells & ~np.isnan(scores)]
    share = lambda values, t: round(float((values > t).mean()), 4) if len(values) else None  # noqa: E731
    return {f"{t:g}": {"caught": share(caught, t), "false": share(false, t)} for t in THRESHOLDS}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blind", type=Path)
    parser.add_argument("--each", action="store_true", help="also leave out every emergency in turn (minutes)")
    options = parser.parse_args()
    settings = Settings.read()
    own, rest = known(settings)
    blind = list(in_file(options.blind)) if options.blind else []
    encoder = load_tuned(settings)
    learnt, left = (
        encode_once(encoder, texts, LAYERS, settings.cache)
        for texts in ([s.text for s in (*own, *rest)], [s.text for s in blind])
    )
    found = {}
    if blind:
        spotter = Spotter.fit([*own, *rest], learnt)
        texts, tells = [s.text for s in blind], np.array([bool(s.emergency) for s in blind])
        scores = spotter.scores(texts, left)
        found["blind"] = {"emergencies": int(tells.sum()), "harmless": int((~tells).sum()), **curve(scores, tells)}
        wrong = [(round(float(s), 2), text) for s, text, t in zip(scores, texts, tells, strict=True) if (s > 0) != t]
        found["wrong at 0"] = sorted(wrong)
    else:
        tells = np.array([bool(s.emergency) for s in own])
        counts = {"emergencies": int(tells.sum()), "harmless": int((~tells).sum())}
        found["folds"] = counts | curve(in_folds(own, rest, learnt), tells)
        if options.each:
            found["without each emergency"] = curve(without_each(own, rest, learnt), tells)
    print(json.dumps(found, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
