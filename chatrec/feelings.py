"""How somebody feels: heard in what they say, and what it changes, for this conversation only.

A feeling never asks for anything by itself. It moves the order of a list a little, as the catalogue's ``[feelings]``
say, and the tone; it is said, can be taken back, fades, and is written down nowhere. A catalogue without ``[feelings]``
(health) hears none. docs/decisions.md, "Feelings", has the figures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from chatrec import phrases
from chatrec.catalog import Catalog
from chatrec.dialogue import State
from chatrec.errors import BadInput
from chatrec.schema import Feeling
from chatrec.types import Constraint, Mention, Query

NONE, FINE = "", "fine"  # nothing heard; "I'm not tired": what was heard before is taken back
LIKED = 3.0  # times the weight for somebody with likes: these spread the scores about so much further
LASTS = 4 * 3600.0  # seconds after which a feeling has passed
C = 10.0  # inverse strength of regularisation
TELLING = frozenset({"express_mood", "out_of_scope", "neutral"})  # messages that ask for nothing
_CLAUSE = re.compile(r"[^.!?;,\n]+")


@dataclass(frozen=True)
class Listener:
    """Hears feelings in sentence vectors: logistic regression. ``names``: ``NONE`` among them; ``weights``:
    (names, d); ``bias``: (names,)."""

    names: tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(cls, feelings: Sequence[str], vectors: np.ndarray) -> Listener:
        """Learn from the feeling in each sentence and the (n, d) vectors of the sentences.

        Raises:
            BadInput: fewer than two feelings, or no sentence without one.
        """
        if NONE not in feelings or len(set(feelings)) < 3:
            raise BadInput("data/nlu: feelings are learnt from examples of two at least, and of messages without any")
        model = LogisticRegression(C=C, multi_class="multinomial", max_iter=1000).fit(vectors, feelings)
        return cls(tuple(model.classes_), model.coef_.astype(np.float32), model.intercept_.astype(np.float32))

    def hear(self, vectors: np.ndarray) -> tuple[str, float]:
        """The likeliest feeling in any of the (n, d) sentences of a message, and how likely it is."""
        chances = softmax(vectors @ self.weights.T + self.bias, axis=1)
        chances[:, self.names.index(NONE)] = 0.0
        _, best = np.unravel_index(chances.argmax(), chances.shape)
        return self.names[best], float(chances.max())

    def save(self, folder: Path) -> None:
        """Write ``feelings.npz`` and ``feelings.json``."""
        np.savez(folder / "feelings.npz", weights=self.weights, bias=self.bias)
        (folder / "feelings.json").write_text(json.dumps(self.names))

    @classmethod
    def load(cls, folder: Path) -> Listener:
        """What :meth:`save` wrote."""
        kept = np.load(folder / "feelings.npz")
        return cls(tuple(json.loads((folder / "feelings.json").read_text())), kept["weights"], kept["bias"])


def heard(feeling: str, text: str, before: State, catalog: Catalog, at: float) -> str:
    """What a message tells of how the user feels: a feeling that the catalogue knows and that is new to the
    conversation, ``FINE`` when it takes the one before back, else nothing."""
    on = current(before, at)
    if on and (feeling == FINE or (before.felt_last and phrases.takes_back(text))):
        return FINE if catalog.schema.feelings else NONE
    return feeling if feeling in catalog.schema.feelings and feeling != on else NONE


def current(state: State, at: float) -> str:
    """The feeling that still lasts."""
    return state.feeling if at - state.felt < LASTS else NONE


def felt(state: State, feeling: str, catalog: Catalog, at: float) -> State:
    """The state after a message in which that was :func:`heard`. A feeling that only changes the tone does not last."""
    if feeling == FINE:
        return replace(state, feeling=NONE, felt_last=False)
    lasts = feeling != NONE and bool(catalog.schema.feelings[feeling].leaning)
    if lasts:
        return replace(state, feeling=feeling, felt=at, felt_last=True)
    return replace(state, feeling=current(state, at), felt_last=False)


def aside(
    text: str, intent: str, feeling: str, mentions: Sequence[Mention], catalog: Catalog
) -> tuple[str, tuple[Mention, ...]]:
    """The message without what only tells of the feeling, everything else in its place: "I'm sad" is no wish for sad
    films, "feeling romantic" none for romances, and "exhausted" nothing to search by."""
    known = catalog.schema.feelings.get(feeling)
    if known is None:
        return text, tuple(mentions)
    clauses = list(_CLAUSE.finditer(text))
    told = [c.span() for c in clauses if intent in TELLING or not phrases.requests(c.group())]
    leant = {c.slot for c in known.leaning} if len(clauses) == 1 and not phrases.requests(text) else set()
    for start, end in told:
        text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"

    def wished(mention: Mention) -> bool:
        inside = any(start <= mention.start and mention.end <= end for start, end in told)
        slots = {constraint.slot for constraint in mention.constraints}
        return not inside or (mention.entity != "mood" and not (slots and slots <= leant))

    return text, tuple(mention for mention in mentions if wished(mention))


def leaning(query: Query, state: State, catalog: Catalog, at: float) -> Query:
    """The query that leans as the feeling would have it, but in no slot where that goes against what was asked for: of
    westerns the comforting ones, of horror films none."""
    feeling = catalog.schema.feelings.get(current(state, at))
    if feeling is None:
        return query
    left = tuple(c for c in feeling.leaning if not _against(c.slot, query.constraints, feeling, catalog))
    share = len(left) / len(feeling.leaning) if feeling.leaning else 0.0
    heed = LIKED if any(event.kind in ("like", "accept") for event in query.history) else 1.0
    return replace(query, leaning=left, gently=feeling.weight * share * heed)


def _against(slot: str, wishes: Sequence[Constraint], feeling: Feeling, catalog: Catalog) -> bool:
    """Whether the wishes in a slot go against the feeling: a number of their own, or tags that it avoids."""
    asked = [c for c in wishes if c.slot == slot and c.op != "not"]
    avoided = {v for c in feeling.leaning if c.slot == slot and c.op == "not" for v in c.values}
    number = catalog.schema.slots[slot].type == "number"
    return any(number or avoided.intersection(c.values) for c in asked)


def says(query: Query, feeling: str, catalog: Catalog) -> str:
    """What the leaning makes of the list: "shorter and lighter"; empty when nothing is left of it."""
    left = {c.slot for c in query.leaning}
    words = [word for slot, word in catalog.schema.feelings[feeling].says.items() if slot in left]
    return " and ".join(words)
