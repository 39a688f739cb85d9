"""How long ranking with the language model takes: ``python -m benchmarks.ranking [--json]``.

Ways to rank for the same prompts, taken in turns so that all of them see the same machine:

- the tower: the fine-tuned model reads the query once and scores the whole catalogue (:class:`QueryTower`);
- packed: the prompt is read once and all candidates behind it, in one packed pass (:class:`LikelihoodRanker`);
- a loop: one forward pass per candidate, which reads the prompt again each time;
- writing: the model is shown the candidates and writes the ranking, which is then parsed, as in Sun et al., "Is ChatGPT
  good at search?", EMNLP 2023. It may write as many tokens as the candidates' titles have, and no more.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import torch
from scipy.stats import spearmanr

from benchmarks import Figures, conversations, run, spread
from chatrec import dialogue
from chatrec.bootstrap import Engine, build
from chatrec.catalog import fold
from chatrec.lm import LanguageModel, load_lm
from chatrec.rank import LikelihoodRanker, TowerRanker, prompt
from chatrec.recommender import Recommender
from chatrec.settings import Settings
from chatrec.tower import QueryTower
from chatrec.types import Query, RankedList, Reading, Turn

CATALOG = "movies"
CANDIDATES = 20
SIZES = (1_000, 10_000, 100_000)  # items of made-up catalogues, to see how the tower's cost grows
PROMPTS = 10  # one a script; writing takes nearly all of the time
DEPTHS = (1, 2, 3)  # requests into the conversation at which a script is ranked for
TALK = ("request", "critique")  # the kinds of turns that say what is wanted


class Task(NamedTuple):
    """A prompt, what it came from, and the headings of the candidates to rank."""

    query: Query
    prompt: str
    indices: np.ndarray
    headings: list[str]


class Written(NamedTuple):
    """What is left of a written ranking: places of candidates in its order, and lines that name none, or one again."""

    order: list[int]
    invented: int
    repeated: int


def tasks(built: Engine) -> list[Task]:
    """One task a script, at growing depth, with the bot's own lists in between."""
    scripts = [[w for t in s["turns"] for k, w in t.items() if k in TALK] for s in conversations()[:PROMPTS]]
    return [_task(built, said[: DEPTHS[i % len(DEPTHS)]]) for i, said in enumerate(scripts)]


def _task(built: Engine, said: Sequence[str]) -> Task:
    recommender, catalog = built.recommender(CATALOG), built.catalog(CATALOG)
    state, turns = dialogue.State(CATALOG), ()
    for text in said:
        linked = built.linker(CATALOG).link(text)
        state = dialogue.understand(state, "ask_recommendation", text, linked, catalog).state
        query, _ = recommender.relax(dialogue.query(state, (*turns, Turn("user", text)), (), ()))
        turns = (*query.turns, Turn("bot", _listing(recommender, query)))
    head = recommender.generator.generate(query, CANDIDATES)
    headings = [catalog.heading(catalog.items[int(i)]) for i in head.indices]
    return Task(query, prompt(query, catalog), head.indices, headings)


def _listing(recommender: Recommender, query: Query) -> str:
    ranked: RankedList = recommender.recommend(query)
    return "\n".join(f"{r.rank}. {recommender.catalog.heading(r.item)}: {r.reason}" for r in ranked.items)


def one_by_one(lm: LanguageModel, task: Task) -> np.ndarray:
    """(n,) log-likelihoods, one pass each."""
    return np.concatenate([lm.log_likelihoods(task.prompt, [f" {heading}"]) for heading in task.headings])


def packed(lm: LanguageModel, task: Task) -> np.ndarray:
    """(n,) log-likelihoods, all in one pass."""
    return lm.log_likelihoods(task.prompt, [f" {heading}" for heading in task.headings])


def written(lm: LanguageModel, task: Task) -> Written:
    """The ranking that the model writes."""
    told = "\n".join(f"- {heading}" for heading in task.headings)
    asked = f"Candidates:\n{told}\n\n{task.prompt}\nAll {len(task.headings)} candidates, the best first:\n1."
    longest = "\n".join(f"{i}. {heading}" for i, heading in enumerate(task.headings, 1))
    text = lm.generate(asked, max_tokens=len(lm.tokenizer(longest)["input_ids"]))
    return read(f"1.{text}", task.headings)


def read(text: str, headings: Sequence[str]) -> Written:
    """Parse a numbered list of headings, case and accents aside; the year may be missing."""
    places = {fold(name): i for i, h in enumerate(headings) for name in (h, re.sub(r" \(\d{4}\)$", "", h))}
    lines = [m[1] for m in re.finditer(r"^\s*\d+\.\s*(.+?)\s*$", text, re.MULTILINE)]
    found = [places.get(fold(line)) for line in lines]
    named = [place for place in found if place is not None]
    order = list(dict.fromkeys(named))
    return Written(order, len(found) - len(named), len(named) - len(order))


def timed(work: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Seconds that the call took, and what it returned."""
    start = time.perf_counter()
    found = work(*arguments)
    return time.perf_counter() - start, found


def measure(settings: Settings) -> Figures:
    """All figures, by name; seconds."""
    with tempfile.TemporaryDirectory() as folder:
        built = build(replace(settings, db=f"sqlite:///{Path(folder) / 'chatrec.db'}"))
        found = tasks(built)
        recommender = built.recommender(CATALOG)
        built.store.close()
    lm, catalog = load_lm(settings), recommender.catalog
    tower = recommender.ranker.tower if isinstance(recommender.ranker, TowerRanker) else None
    packed(lm, found[0])  # the first pass of a process is slower than all that follow
    rows = [_compare(lm, LikelihoodRanker(lm, catalog), tower, task) for task in found]
    grown = {"tower_by_size_of_catalogue": _growth(tower, found)} if tower else {}
    memory = {"memory_of_the_process_mb": round(psutil.Process().memory_info().rss / 1e6)}
    return _figures(rows, found, lm, tower) | grown | memory


def _growth(tower: QueryTower, found: Sequence[Task]) -> list[Figures]:
    """Seconds of one pass over catalogues of random items."""
    rows = []
    for size in SIZES:
        vectors = np.random.default_rng(0).standard_normal((size, tower.tower.config.encoder_dim)).astype(np.float32)
        grown = QueryTower(tower.tower, vectors)
        readings = [Reading(task.prompt) for task in found]
        seconds = [timed(grown.score, reading)[0] for reading in (readings[0], *readings)][1:]
        rows.append({"items": size, **spread(seconds)})
    return rows


def _compare(lm: LanguageModel, fresh: LikelihoodRanker, tower: QueryTower | None, task: Task) -> dict[str, Any]:
    """Seconds of each way, and what came out. ``fresh`` has read no item before, so it needs a second pass, without
    the conversation, for the items' plain likelihoods; for items that it knows it needs none."""
    ours, together = timed(packed, lm, task)
    loop, apart = timed(one_by_one, lm, task)
    writing, reading = timed(written, lm, task)
    first, _ = timed(fresh.information, task.query, task.indices)
    again, _ = timed(fresh.information, task.query, task.indices)
    seconds = {
        "ours": ours,
        "loop": loop,
        "hundred": loop * 100 / len(task.headings),
        "writing": writing,
        "unknown": first,
        "known": again,
    }
    if tower:
        said = dialogue.reading(task.query, fresh.catalog)
        tower.score(said)
        seconds["tower"] = timed(tower.score, said)[0]
    return seconds | {"agreement": float(spearmanr(together, apart)[0]), "reading": reading}


WAYS = {
    "tower": "the tower, whole catalogue",
    "ours": "one packed pass, 20 candidates",
    "loop": "one pass per candidate, 20",
    "hundred": "one pass per candidate, 100 (5 x 20)",
    "writing": "writing the ranking of 20",
    "known": "likelihoods, items known",
    "unknown": "likelihoods, all items new",
}


def _figures(
    rows: Sequence[dict[str, Any]], found: Sequence[Task], lm: LanguageModel, tower: QueryTower | None
) -> Figures:
    base = "tower" if tower else "ours"
    readings = [row["reading"] for row in rows]
    lines = sum(len(r.order) + r.invented + r.repeated for r in readings)
    wanted = sum(len(task.headings) for task in found)
    tokens = [len(lm.tokenizer(task.prompt)["input_ids"]) for task in found]
    return {
        "model": lm.name,
        "precision": str(lm.model.dtype).removeprefix("torch."),
        "torch_threads": torch.get_num_threads(),
        "prompts": len(found),
        "candidates": CANDIDATES,
        "prompt_tokens": f"{min(tokens)} to {max(tokens)}, median {int(np.median(tokens))}",
        "ways": [_way(name, title, rows, base) for name, title in WAYS.items() if name in rows[0]],
        "rank_correlation_of_packed_and_loop": round(float(np.mean([row["agreement"] for row in rows])), 4),
        "written": {
            "candidates_named": f"{sum(len(r.order) for r in readings)} of {wanted}",
            "lines_that_name_no_candidate": f"{sum(r.invented for r in readings)} of {lines}",
            "lines_that_repeat_one": f"{sum(r.repeated for r in readings)} of {lines}",
        },
    }


def _way(name: str, title: str, rows: Sequence[dict[str, Any]], base: str) -> Figures:
    """``ratio``: how many times as long as the first way, the median over prompts."""
    ratio = float(np.median([row[name] / row[base] for row in rows]))
    return {"way": title, **spread([row[name] for row in rows]), "ratio": round(ratio, 1)}


if __name__ == "__main__":
    run(__doc__.splitlines()[0], measure)
