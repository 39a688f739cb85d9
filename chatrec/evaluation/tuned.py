"""The recommender as it is measured on recorded dialogues: what a model brings, and what fit dialogues add to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from chatrec.candidates import CandidateGenerator
from chatrec.catalog import Catalog
from chatrec.encoder import Encoder
from chatrec.evaluation.dialogues import Case, Scorer, dialogue_of, wishes
from chatrec.fusion import Fusion, learn_fusion
from chatrec.knowledge import Known, learn_knowledge
from chatrec.learning import SIGNALS, cross_fitted, fingerprint, fold_number, of_dialogues, requests, talks, title_keys
from chatrec.linker import Linker
from chatrec.model import Model
from chatrec.settings import Settings
from chatrec.types import Constraint, Query, Turn


def scorer(model: Model, fit: Sequence[Case], catalog: Catalog, encoder: Encoder, settings: Settings) -> Scorer:
    """The model over that catalogue. Fit dialogues that it was not trained on add to what it knows and move its
    weights, as far as they speak against what it has learnt."""
    linker = Linker(catalog)
    known, fusion = _brought(model, catalog)
    fresh = [case for case in fit if not model.learnt or fingerprint(case) not in model.learnt.knowledge.heard]

    def generator(cases: Iterable[Case], weights: Fusion | None) -> CandidateGenerator:
        told = known + heard(list(cases), catalog, encoder)
        return CandidateGenerator(catalog, encoder, settings.cache, known=told, fusion=weights)

    def without(number: int) -> CandidateGenerator:
        return generator((case for case in fresh if fold_number(dialogue_of(case)) != number), fusion)

    examples = list(cross_fitted(list(of_dialogues(fresh, catalog, linker)), without))
    fusion = learn_fusion(examples, SIGNALS, prior=fusion) if examples else fusion
    return _by(model, generator(fresh, fusion), linker)


def heard(cases: Sequence[Case], catalog: Catalog, encoder: Encoder) -> Known:
    """What those dialogues say about the catalogue's items."""
    told = talks(cases, catalog), requests(cases, catalog, encoder)
    return learn_knowledge((), *told, title_keys(catalog)).on(catalog)


def _brought(model: Model, catalog: Catalog) -> tuple[Known, Fusion | None]:
    if model.learnt is None:
        return learn_knowledge().on(catalog), None
    return model.learnt.knowledge.on(catalog), model.learnt.dialogues


def _by(model: Model, generator: CandidateGenerator, linker: Linker) -> Scorer:
    ranker, catalog = model.ranker(generator), generator.catalog

    @lru_cache(maxsize=4096)
    def wished(turn: Turn) -> tuple[Constraint, ...]:
        return wishes([turn], linker, catalog)

    def rank(query: Query) -> np.ndarray:
        asked = replace(query, constraints=tuple(wish for turn in query.turns for wish in wished(turn)))
        return ranker.rank(asked, generator.generate(asked, len(catalog))).indices

    return rank
