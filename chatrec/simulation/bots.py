"""Who simulated users talk to: anything that answers a text with messages as the web chat sends them.

``ChatClient`` is the real one. Two dull ones stand beside it: they know the catalogue, and nothing of talking.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_matrix

from chatrec.catalog import Catalog, fold
from chatrec.types import Constraint

LISTED = 5
K1, B = 1.2, 0.75  # the usual constants of BM25


class Bot(Protocol):
    """One conversation."""

    def say(self, text: str) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True)
class Heard:
    """An answer as its reader takes it in. ``cards``: item ids of the list; ``relaxed``: wishes that the bot said it
    let go; ``again``: it said that the items were shown before."""

    text: str
    cards: tuple[str, ...] = ()
    buttons: tuple[Mapping[str, str], ...] = ()
    relaxed: tuple[Constraint, ...] = ()

    @classmethod
    def of(cls, messages: Sequence[Mapping[str, Any]]) -> Heard:
        lists = [m["custom"] for m in messages if (m.get("custom") or {}).get("kind") == "list"]
        return cls(
            text="\n".join(m["text"] for m in messages if m.get("text")),
            cards=tuple(card["item_id"] for shown in lists for card in shown["items"]),
            buttons=tuple(button for m in messages for button in m.get("buttons") or ()),
            relaxed=tuple(Constraint.from_json(c) for shown in lists for c in shown.get("relaxed", ())),
        )


class PopularityBot:
    """Whatever is said: the best known items that it has not shown."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog, self._order = catalog, list(np.argsort(-catalog.popularity, kind="stable"))

    def say(self, text: str) -> Sequence[Mapping[str, Any]]:
        shown, self._order = self._order[:LISTED], self._order[LISTED:]
        return listing(shown, self._catalog)


class KeywordIndex:
    """BM25 over the line that describes an item (Robertson and Zaragoza, "The probabilistic relevance framework: BM25
    and beyond", 2009)."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        counts = [Counter(_terms(catalog.describe(item))) for item in catalog.items]
        self._terms = {term: i for i, term in enumerate(dict.fromkeys(term for c in counts for term in c))}
        rows = np.repeat(np.arange(len(counts)), [len(c) for c in counts])
        columns = np.array([self._terms[term] for c in counts for term in c])
        found = np.array([n for c in counts for n in c.values()], dtype=np.float64)
        lengths = np.array([sum(c.values()) for c in counts], dtype=np.float64)
        documents = np.bincount(columns)
        rarity = np.log(1 + (len(counts) - documents + 0.5) / (documents + 0.5))
        norm = K1 * (1 - B + B * lengths / lengths.mean())[rows]
        weights = rarity[columns] * found * (K1 + 1) / (found + norm)
        self._weights = csr_matrix((weights, (rows, columns)))

    def scores(self, text: str) -> np.ndarray:
        """(N,) float64."""
        known = [self._terms[term] for term in _terms(text) if term in self._terms]
        return np.asarray(self._weights[:, known].sum(axis=1))[:, 0]


class KeywordBot:
    """A search engine fed with all that its user typed; what fits equally well comes in the order of fame, and what
    was shown does not come back."""

    def __init__(self, index: KeywordIndex) -> None:
        self._index, self._said, self._shown = index, "", np.zeros(len(index.catalog), dtype=bool)

    def say(self, text: str) -> Sequence[Mapping[str, Any]]:
        self._said += f" {text}"
        scores = self._index.scores(self._said) + 1e-6 * self._index.catalog.popularity
        best = np.argsort(np.where(self._shown, np.inf, -scores), kind="stable")[:LISTED]
        self._shown[best] = True
        return listing([int(i) for i in best], self._index.catalog)


def listing(indices: Sequence[int], catalog: Catalog) -> Sequence[Mapping[str, Any]]:
    """A message that lists these items."""
    items = [{"rank": rank, "item_id": catalog.items[i].item_id} for rank, i in enumerate(indices, 1)]
    return [{"text": "", "custom": {"kind": "list", "catalog": catalog.schema.name, "items": items}}]


def _terms(text: str) -> list[str]:
    return re.findall(r"\w+", fold(text))
