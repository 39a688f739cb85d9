"""A trained ranker as it serves: the fine-tuned tower, what is known of items, and what each signal counts.

models/recommender/<name>/   tower.json, heads.safetensors, adapter/; knowledge.npz;
                             requests.json, silence.json, dialogues.json

People who ask a bot state wishes and have a history; people who talk to each other drift; and some say nothing. So the
weights of the signals are learnt for each: the bot ranks by ``requests``, and by ``silence`` while nobody has said what
they want; ``dialogues`` fits talk between people. A model that was trained without behaviour or dialogues has no such
files, and the candidates keep the weights chosen by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from chatrec.candidates import CandidateGenerator
from chatrec.catalog import Catalog
from chatrec.encoder import Encoder
from chatrec.fusion import Fusion
from chatrec.knowledge import Knowledge
from chatrec.nearest import Search, exact
from chatrec.rank import FUSED, WEIGHT, KeepOrder, Ranker, TowerRanker
from chatrec.settings import Settings
from chatrec.tower import QueryTower, Trained, load_tower

KNOWLEDGE, REQUESTS, DIALOGUES = "knowledge.npz", "requests.json", "dialogues.json"
SILENCE = "silence.json"
EXPOSURE = 0.2  # what an item pays for each logarithm of how many have rated it; docs/decisions.md has the price
FAMILIAR = 0.05  # share of a catalogue that must be known, so that what was learnt elsewhere holds for it


@dataclass(frozen=True)
class Learnt:
    """What is learnt beside the tower."""

    knowledge: Knowledge
    requests: Fusion
    dialogues: Fusion
    silence: Fusion | None = None

    def generator(
        self, catalog: Catalog, encoder: Encoder, cache: Path, exposure: float = EXPOSURE, search: Search = exact
    ) -> CandidateGenerator:
        """Candidates by what was learnt where the catalogue is familiar, else by weights chosen by hand. ``exposure``:
        how far those are moved up that fewer people have met; who learns from the scores takes 0."""
        known = self.knowledge.on(catalog)
        if known.found.mean() < FAMILIAR:
            return CandidateGenerator(catalog, encoder, cache, search=search)
        fusion, silence = _evened(self.requests, exposure), self.silence and _evened(self.silence, exposure)
        return CandidateGenerator(catalog, encoder, cache, known=known, fusion=fusion, silence=silence, search=search)

    def save(self, folder: Path) -> None:
        self.knowledge.save(folder / KNOWLEDGE)
        self.requests.save(folder / REQUESTS)
        self.dialogues.save(folder / DIALOGUES)
        if self.silence:
            self.silence.save(folder / SILENCE)

    @classmethod
    def load(cls, folder: Path) -> Learnt | None:
        """None when the model has none. Raises: BadInput when a file is broken."""
        if not (folder / KNOWLEDGE).exists():
            return None
        fusions = (Fusion.load(folder / name) for name in (REQUESTS, DIALOGUES))
        silence = Fusion.load(folder / SILENCE) if (folder / SILENCE).exists() else None
        return cls(Knowledge.load(folder / KNOWLEDGE), *fusions, silence)


def _evened(fusion: Fusion, exposure: float) -> Fusion:
    """The weights, that of how many have rated an item lowered. One signal among the others, so reasons are checked by
    scores that hold it, and no wish is weighed against it."""
    return replace(fusion, weights={**fusion.weights, "rated": fusion.weights.get("rated", 0.0) - exposure})


@dataclass(frozen=True)
class Model:
    """Safe to use from several threads, for any number of catalogues."""

    name: str
    tower: Trained
    learnt: Learnt | None = None

    def generator(self, catalog: Catalog, encoder: Encoder, cache: Path, search: Search = exact) -> CandidateGenerator:
        """Candidates as the bot ranks them: by what was learnt where the catalogue is familiar, else by hand."""
        if self.learnt is None:
            return CandidateGenerator(catalog, encoder, cache, search=search)
        return self.learnt.generator(catalog, encoder, cache, search=search)

    def ranker(self, generator: CandidateGenerator) -> Ranker:
        """The tower where other people's behaviour is known to the model; in a catalogue it has never seen, nothing
        but the signals: learnt from films, it takes products for films (docs/decisions.md, "Catalogues")."""
        if self.learnt is not None and generator.fusion is None:
            return KeepOrder()
        weight = FUSED if generator.fusion else WEIGHT
        if generator.fusion and self.tower.config.beside:
            weight = float(self.tower.scale.detach().exp())
        tower = QueryTower(self.tower, generator.vectors)
        return TowerRanker(tower, generator.catalog, weight, generator.large)


def load_model(folder: Path, settings: Settings, load: Callable[[Path, Settings], Trained] = load_tower) -> Model:
    """``load``: what makes its tower. Raises: ModelMissing, BadInput when the folder holds none or a damaged one."""
    return Model(folder.name, load(folder, settings), Learnt.load(folder))
