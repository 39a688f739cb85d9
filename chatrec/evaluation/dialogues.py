"""Recommendation from dialogue: how high a scorer puts the items that people went on to name.

A case is one recommendation turn: what was said before, which items were already named, which were named next.
Published figures differ several-fold by whether repeated items count (He et al., "Large language models as zero-shot
conversational recommenders", CIKM 2023), so every figure comes twice: ``all`` as recorded, and ``new`` with items
already named dropped from the targets and from the answer.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from scipy.sparse import csr_matrix

from chatrec.candidates import dialogue_text, positions
from chatrec.catalog import Catalog
from chatrec.encoder import Encoder
from chatrec.errors import BadInput
from chatrec.evaluation import beyond
from chatrec.evaluation.beyond import Ground
from chatrec.linker import Linker
from chatrec.rows import read_items
from chatrec.schema import Schema, Slot
from chatrec.types import Constraint, Query, Turn

Scorer = Callable[[Query], np.ndarray]
"""A query to indices of the catalogue, best first, without the query's ``exclude``. Never sees a target."""

FILMS = Schema(
    name="films",
    noun="film",
    plural="films",
    columns={"id": "item_id", "title": "title", "text": "description", "year": "year"},
    slots={
        "genre": Slot("genre", "tags", ("genres",), "genre"),
        "person": Slot("person", "people", ("directors", "cast"), "person"),
        "year": Slot("year", "number", ("year",), "year"),
    },
    labels={"directors": "directed by", "cast": "with"},
    describe=("genres", "directors", "cast"),
)
NAMED = "named"  # the column that takes how often the fit cases name an item
CUTOFFS = (1, 10, 50)


@dataclass(frozen=True)
class Case:
    """One recommendation turn. ``mentioned`` and ``targets`` are item ids in the order they were named."""

    case_id: str
    turns: tuple[Turn, ...]
    mentioned: tuple[str, ...]
    speaker: Literal["user", "bot"]
    targets: tuple[str, ...]


def load_films(path: Path, schema: Schema = FILMS) -> Catalog:
    """The catalogue of a data set; an item without a title goes by its id. Raises: BadInput with file and line."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    raw = _titled(raw, schema)
    return Catalog(schema, read_items(raw, path, schema), hashlib.sha256(raw).hexdigest()[:12])


def _titled(raw: bytes, schema: Schema) -> bytes:
    """A file that begins with id and title, rows without a title given their id for one. Done on the bytes, so that
    the line numbers of what is really wrong stay those of the file."""
    first = f"{schema.columns['id']},{schema.columns['title']},".encode()
    if not raw.removeprefix(codecs.BOM_UTF8).startswith(first):
        return raw
    return re.sub(rb'^([^,"\r\n]+), *(?:"" *)?,', rb"\1,\1,", raw, flags=re.MULTILINE)


def load_cases(path: Path, speakers: Sequence[str] = ("bot",)) -> tuple[Case, ...]:
    """The cases of a JSONL file whose items those speakers named. Raises: BadInput with file and line."""
    try:
        lines = path.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n")  # JSON texts may hold other line ends
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    cases = tuple(_case(line, f"{path}:{n}") for n, line in enumerate(lines, 1) if line.strip())
    if not cases:
        raise BadInput(f"{path}:1: no cases")
    return tuple(case for case in cases if case.speaker in speakers)


def _case(line: bytes, where: str) -> Case:
    try:
        data = json.loads(line.decode("utf-8"))
        case = Case(
            str(data["case_id"]),
            tuple(Turn(str(turn["speaker"]), turn["text"]) for turn in data["turns"]),
            _ids(data["mentioned"]),
            str(data["speaker"]),
            _ids(data["targets"]),
        )
    except json.JSONDecodeError as error:
        raise BadInput(f"{where}: not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{where}: not UTF-8; save the file as UTF-8") from None
    except KeyError as error:
        raise BadInput(f"{where}: {error.args[0]!r} is missing") from None
    except TypeError:
        raise BadInput(f"{where}: not a case: turns, mentioned and targets must be lists") from None
    texts = [t.text for t in case.turns] + [*case.mentioned, *case.targets]
    if not case.targets or not all(isinstance(text, str) for text in texts):
        raise BadInput(f"{where}: a case needs at least one target; texts and item ids are strings")
    if {case.speaker, *(t.speaker for t in case.turns)} - {"user", "bot"}:
        raise BadInput(f"{where}: a speaker is 'user' or 'bot'")
    return case


def _ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError  # a string would fall into letters
    return tuple(value)


def with_popularity(catalog: Catalog, fit: Sequence[Case]) -> Catalog:
    """The catalogue with popularity: how often the fit cases name an item. Ids it does not know count for nothing."""
    named = Counter(target for case in fit for target in case.targets)
    items = tuple(
        replace(item, attributes=MappingProxyType({**item.attributes, NAMED: float(named[item.item_id])}))
        for item in catalog.items
    )
    schema = replace(catalog.schema, columns={**catalog.schema.columns, "popularity": NAMED})
    return Catalog(schema, items, catalog.version)


def query_of(case: Case, catalog: Catalog, new: bool) -> Query:
    """What a scorer gets to see of a case: the turns, and the items already named as items to be like."""
    exclude = frozenset(case.mentioned if new else ())
    return Query(catalog.schema.name, case.turns, anchors=case.mentioned, exclude=exclude)


def worded(catalog: Catalog, words: Schema) -> Catalog:
    """The catalogue with another schema's words for values and moods, so that people are understood as they speak."""
    slots = {
        name: replace(words.slots[name], columns=slot.columns) if name in words.slots else slot
        for name, slot in catalog.schema.slots.items()
    }
    schema = replace(catalog.schema, slots=slots, moods=words.moods)
    return Catalog(schema, catalog.items, catalog.version)


def wishes(turns: Sequence[Turn], linker: Linker, catalog: Catalog) -> tuple[Constraint, ...]:
    """What the user's turns ask for, oldest first, all of it soft: people in recorded dialogues settle for less."""
    linked = (mention for turn in turns if turn.speaker == "user" for mention in linker.link(turn.text))
    asked = (constraint for mention in linked for constraint in mention.constraints)
    return tuple(replace(c, soft=True, sign="") for c in asked if c.slot in catalog.schema.slots)


def popularity(catalog: Catalog) -> Scorer:
    """The most named first, whatever is said."""
    order = np.argsort(-catalog.popularity, kind="stable")
    return lambda query: _without(order, query, catalog)


def copier(catalog: Catalog) -> Scorer:
    """What was named before, latest first: what a metric that counts repeats gives away for nothing."""
    return lambda query: _without(positions(catalog, dict.fromkeys(reversed(query.anchors))), query, catalog)


def dense(catalog: Catalog, encoder: Encoder, vectors: np.ndarray, turns: int = 4) -> Scorer:
    """The items whose vectors, (N, d), are closest to the last turns."""

    def rank(query: Query) -> np.ndarray:
        said = " ".join(turn.text for turn in query.turns[-turns:])
        return _without(np.argsort(-(vectors @ encoder.encode([said])[0]), kind="stable"), query, catalog)

    return rank


def comention(catalog: Catalog, fit: Sequence[Case]) -> Scorer:
    """What the fit dialogues name together with the items already named; equals in order of popularity."""
    score = _comentions(catalog, fit)
    return _by(catalog, lambda query: score(query) + 1e-6 * catalog.popularity)


def mentions(catalog: Catalog, encoder: Encoder, vectors: np.ndarray) -> Scorer:
    """Closest to the last turns and to the mean vector of the items already named, both cosines counting alike."""
    return _by(catalog, _close_to_both(catalog, encoder, vectors))


def fusion(catalog: Catalog, encoder: Encoder, vectors: np.ndarray, fit: Sequence[Case]) -> Scorer:
    """The plain sum of popularity, dense, mentions and comention, each with mean 0 and spread 1 over the catalogue."""
    both, together = _close_to_both(catalog, encoder, vectors), _comentions(catalog, fit)

    def score(query: Query) -> np.ndarray:
        said = vectors @ encoder.encode([dialogue_text(query.turns)])[0]
        return sum(_standardised(part) for part in (catalog.popularity, said, both(query), together(query)))

    return _by(catalog, score)


def _by(catalog: Catalog, score: Callable[[Query], np.ndarray]) -> Scorer:
    return lambda query: _without(np.argsort(-score(query), kind="stable"), query, catalog)


def _close_to_both(catalog: Catalog, encoder: Encoder, vectors: np.ndarray) -> Callable[[Query], np.ndarray]:
    def score(query: Query) -> np.ndarray:
        near = vectors[positions(catalog, query.anchors)]
        mean = near.mean(axis=0) if len(near) else np.zeros(vectors.shape[1])
        return vectors @ (encoder.encode([dialogue_text(query.turns)])[0] + mean)

    return score


def _comentions(catalog: Catalog, fit: Sequence[Case]) -> Callable[[Query], np.ndarray]:
    """Query -> (N,) log of how often the fit dialogues name an item beside those already named."""
    cells = [(n, i) for n, named in enumerate(sessions(fit)) for i in positions(catalog, named).tolist()]
    where = np.array(cells, dtype=np.int64).reshape(-1, 2)
    named = csr_matrix((np.ones(len(where), np.float32), where.T), shape=(len(where) + 1, len(catalog)))

    def score(query: Query) -> np.ndarray:
        before = positions(catalog, dict.fromkeys(query.anchors))
        found = named.T @ named[:, before].sum(axis=1)
        together = np.asarray(found)[:, 0]
        together[before] -= np.asarray(named.sum(axis=0))[0, before]  # an item is not named beside itself
        return np.log1p(together)

    return score


def sessions(cases: Sequence[Case]) -> list[tuple[str, ...]]:
    """The items that each dialogue names, in order. The id of a case is the dialogue's, a colon, and the turn's."""
    named: dict[str, dict[str, None]] = {}
    for case in cases:
        named.setdefault(dialogue_of(case), {}).update(dict.fromkeys((*case.mentioned, *case.targets)))
    return [tuple(items) for items in named.values()]


def dialogue_of(case: Case) -> str:
    return case.case_id.partition(":")[0]


def _standardised(part: np.ndarray) -> np.ndarray:
    return (part - part.mean()) / max(float(part.std()), 1e-9)


def _without(order: np.ndarray, query: Query, catalog: Catalog) -> np.ndarray:
    return order[~np.isin(order, positions(catalog, query.exclude))]


def evaluate(cases: Sequence[Case], catalog: Catalog, scorer: Scorer, ground: Ground) -> dict[str, dict[str, Any]]:
    """``{"all": {"recall@1", "recall@10", "recall@50", "ndcg@10", "mrr", "n", ...}, "new": {...}}``, means over cases,
    with what :mod:`chatrec.evaluation.beyond` says of the lists; the profile of a case are the items already named.

    A case with several targets counts the share found. An item that the catalogue lacks is never found.
    """
    return {name: _evaluate(list(answers(cases, catalog, scorer, name == "new")), ground) for name in ("all", "new")}


def _evaluate(answered: Sequence[Answer], ground: Ground) -> dict[str, Any]:
    profiles, gains = [a.profile for a in answered], np.array([a.figures["ndcg@10"] for a in answered])
    told_apart = beyond.groups(profiles, ground.counts)
    return {
        **summary([a.figures for a in answered]),
        **beyond.figures([a.front for a in answered], profiles, ground),
        "groups": beyond.gaps(gains, told_apart),
    }


@dataclass(frozen=True)
class Answer:
    """To one case: its figures, (10,) the items in front, and (m,) those already named."""

    figures: dict[str, float]
    front: np.ndarray
    profile: np.ndarray


def answers(cases: Sequence[Case], catalog: Catalog, scorer: Scorer, new: bool) -> Iterator[Answer]:
    """A scorer's answer to one case after the other; cases without a target left are passed over."""
    for case in cases:
        targets = set(case.targets) - set(case.mentioned if new else ())
        if targets:
            order = scorer(query_of(case, catalog, new))
            hits = [catalog.items[int(i)].item_id in targets for i in order]
            profile = positions(catalog, dict.fromkeys(case.mentioned))
            yield Answer(figures(hits, len(targets)), order[: beyond.DEPTH], profile)


def background(catalog: Catalog, fit: Sequence[Case], vectors: np.ndarray) -> Ground:
    """How many of the fit dialogues name each item; ``vectors``: (N, d) of length 1."""
    told = sessions(fit)
    named = positions(catalog, (item for items in told for item in items))
    return Ground(np.bincount(named, minlength=len(catalog)), len(told), vectors)


def summary(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means over cases, and their number."""
    names = [f"recall@{k}" for k in CUTOFFS] + ["ndcg@10", "mrr"]
    means = {name: float(np.mean([f[name] for f in figures])) if figures else 0.0 for name in names}
    return {**means, "n": len(figures)}


def figures(hits: Sequence[bool], targets: int) -> dict[str, float]:
    """Of one ranking: ``hits[r]`` says whether rank r + 1 holds a target; ``targets`` is how many there are."""
    found = np.flatnonzero(np.asarray(hits, dtype=bool))
    gain = float(np.sum(1 / np.log2(found[found < 10] + 2)))
    ideal = float(np.sum(1 / np.log2(np.arange(min(targets, 10)) + 2)))
    recalls = {f"recall@{k}": float(np.sum(found < k)) / targets for k in CUTOFFS}
    return {**recalls, "ndcg@10": gain / ideal, "mrr": 1 / (found[0] + 1) if len(found) else 0.0}


def report(
    cases: Sequence[Case], catalog: Catalog, model: Scorer, baselines: dict[str, Scorer], ground: Ground
) -> dict[str, Any]:
    """What ``chatrec evaluate dialogues --json`` prints. Raises: BadInput when no target is in the catalogue."""
    if not any(len(positions(catalog, case.targets)) for case in cases):
        raise BadInput("no target of the cases is in the catalogue; do the two files belong together?")
    return {
        "model": evaluate(cases, catalog, model, ground),
        "baselines": {name: evaluate(cases, catalog, scorer, ground) for name, scorer in baselines.items()},
    }
