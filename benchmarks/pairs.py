"""Which reasons people find better, judged blind: ``python -m benchmarks.pairs make FOLDER`` and ``tally FOLDER``.

``make`` writes ``pairs.md`` with 50 requests, each with one recommended item and two reasons in random order: ours, and
one from a template that looks at no evidence; and ``key.json``, which the judge does not see. The judge writes
``answers.json``: ``{"1": "A", "2": "B", "3": "=", …}``. ``tally`` counts, and says how likely that is by chance.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from scipy.stats import binomtest

from benchmarks import Figures
from benchmarks.reasons import Explained, explained, favourites
from chatrec.bootstrap import recommenders_of
from chatrec.catalog import Catalog, load_catalogs
from chatrec.encoder import load_encoder
from chatrec.errors import BadInput
from chatrec.facts import in_words
from chatrec.settings import Settings

PAIRS, SEED = 50, 41
TEMPLATES = (
    "We think you will like {title}, based on your preferences.",
    "{title} is a popular choice that many people enjoy.",
    "{title} is a great {noun} that matches your taste.",
    "Recommended for you: {title}, one of our top {plural}.",
    "Because of your interests, we picked {title} for you.",
)


def make(folder: Path, settings: Settings) -> None:
    """Write the pairs and their key."""
    rng, encoder, recommend = random.Random(SEED), load_encoder(settings), recommenders_of(settings)
    recommenders = [recommend(catalog, encoder) for catalog in load_catalogs(settings.catalogs).values()]
    texts, key = [], {}
    for number in range(1, PAIRS + 1):
        recommender = recommenders[number % len(recommenders)]
        catalog, one = recommender.catalog, rng.choice(list(explained(recommender, 1, rng))[:5])
        template = TEMPLATES[number % len(TEMPLATES)]
        names = {"title": one.item.title, "noun": catalog.schema.noun, "plural": catalog.schema.plural}
        reasons = {"ours": one.sentence, "template": template.format(**names)}
        order = rng.sample(sorted(reasons), 2)
        key[str(number)] = dict(zip("AB", order, strict=True))
        texts.append(_pair(number, one, catalog, [reasons[name] for name in order]))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pairs.md").write_text(f"{INTRODUCTION}\n\n" + "\n\n".join(texts) + "\n", encoding="utf-8")
    (folder / "key.json").write_text(json.dumps(key, indent=1) + "\n")


INTRODUCTION = """# Which reason is better?

You are the user whose wishes stand above each pair. Which of the two sentences would help you more to decide about the
item that is recommended? Write A, B, or = for no difference, into answers.json: {"1": "A", "2": "=", ...}."""


def _pair(number: int, one: Explained, catalog: Catalog, reasons: list[str]) -> str:
    wishes = in_words(one.query.constraints, catalog) or "nothing in particular"
    near = [catalog.heading(catalog.item(i)) for i in one.query.anchors]
    liked = [catalog.heading(catalog.item(i)) for i in sorted(favourites(one.query.history))]
    lines = [f"## {number}", f"You look for {catalog.schema.plural}: {wishes}."]
    lines += [f"Something like {', '.join(near)}."] if near else []
    lines += [f"You liked {', '.join(liked)}."] if liked else []
    return "\n".join([*lines, f"Recommended: {catalog.heading(one.item)}", f"- A: {reasons[0]}", f"- B: {reasons[1]}"])


def tally(folder: Path) -> Figures:
    """How often ours was preferred. Raises: BadInput when an answer is missing or none."""
    key = json.loads((folder / "key.json").read_text())
    answers = json.loads((folder / "answers.json").read_text())
    wrong = [number for number in key if answers.get(number) not in ("A", "B", "=")]
    if wrong:
        raise BadInput(f"{folder / 'answers.json'}: no A, B or = for {', '.join(wrong)}")
    chosen = [key[number].get(answers[number], "no difference") for number in key]
    ours, template = chosen.count("ours"), chosen.count("template")
    chance = binomtest(ours, ours + template).pvalue if ours + template else 1.0
    return {
        "pairs": len(key),
        "ours": ours,
        "template": template,
        "no_difference": chosen.count("no difference"),
        "p_value": float(f"{chance:.2g}"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("make", "tally"))
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "make":
        make(arguments.folder, Settings.read())
    else:
        print(json.dumps(tally(arguments.folder), indent=1))


if __name__ == "__main__":
    main()
