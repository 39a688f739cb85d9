"""Whether a message tells of an emergency, and of which: learnt from the sentences of the policies.

A support vector machine on two kernels: how close two sentences are by their sentence vectors (Gaussian), and which
words and pairs of words they share (tf-idf). The first carries over to other wordings, the second keeps "a film about"
and "years ago" apart from what happens now. docs/decisions.md, "Emergencies", has the figures.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import SVC

from chatrec.catalog import Catalog
from chatrec.errors import BadInput
from chatrec.policy import read_policy

WIDTH = 3.0  # of the Gaussian: exp(-WIDTH (1 - cosine))
WORDS = 0.5  # what shared words count beside it
COST = 5.0  # of a training sentence on the wrong side
VOTES = 4  # nearest examples of an emergency that speak for it
JOINED = "and {}"  # how a wish is told that looks most like an emergency …
FRAMES = ("{}", "{} please", "make it {}", "and {} too")  # … and in what other ways
WISHES = 1200  # values of a catalogue that are learnt from, about, and as many other words for them
LIKED = "I liked {} and {}"
TITLES = 300  # of a catalogue that are learnt from
CLOSE = -0.5  # a harmless sentence that scores higher is worth learning
GENERAL = "general"  # an emergency that no policy has a name for


@dataclass(frozen=True)
class Sentence:
    """``emergency``: ``catalogue/name`` of the policy that has it, ``general``, or empty when it is harmless."""

    text: str
    emergency: str = ""


def sentences(folders: Iterable[Path]) -> list[Sentence]:
    """What the policies of catalogues, each in its folder, say is an emergency and what is not.

    Raises:
        BadInput: a broken policy.
    """
    found = []
    for folder in folders:
        policy = read_policy(folder)
        for name, emergency in policy.emergencies.items():
            found += [Sentence(text, f"{folder.name}/{name}") for text in emergency.examples]
            found += [Sentence(text) for text in emergency.harmless]
        found += [Sentence(text) for text in policy.harmless]
    return found


def wished(catalog: Catalog) -> list[Sentence]:
    """What people wish for in a catalogue: its values and the words for them, and items that they liked; none of
    it an emergency. Of a catalogue with emergencies only the values: "my chest is on fire" may be a word for heartburn,
    and is for a doctor to tell."""
    slots = [slot for slot in catalog.schema.slots.values() if slot.type == "tags"]
    values = [value for slot in slots for value in catalog.values(slot.name)]
    others = [] if catalog.policy.emergencies else [w for s in slots for own in s.synonyms.values() for w in own]
    kept = list(dict.fromkeys([*values[:: _stride(values)], *others[:: _stride(others)]]))
    known = [item.title for item in catalog.items[:: max(1, len(catalog) // TITLES)]]
    wishes = [frame.format(word.lower()) for word, own in zip(kept, cycle(FRAMES)) for frame in (JOINED, own)]
    liked = [LIKED.format(*pair) for pair in zip(known, known[1:], strict=False)]
    return [Sentence(text) for text in (*wishes, *liked)]


def _stride(words: Sequence[str]) -> int:
    return max(1, len(words) // WISHES)


class Spotter:
    """Knows emergencies by the sentences it has learnt. Vectors are (n, d) float32, rows of one length."""

    def __init__(self, words: TfidfVectorizer, rows: Rows, weights: np.ndarray, bias: float) -> None:
        self._words, self._rows, self._weights, self._bias = words, rows, weights, bias
        self._members = defaultdict(list)
        for i, name in enumerate(rows.names):
            if name:
                self._members[name].append(i)

    @classmethod
    def fit(cls, known: Sequence[Sentence], vectors: np.ndarray) -> Spotter:
        """Learn from sentences and their vectors.

        Raises:
            BadInput: no emergency among them, or nothing else.
        """
        names = [sentence.emergency for sentence in known]
        tells = np.array([bool(name) for name in names])
        if tells.all() or not tells.any():
            raise BadInput("policy.toml: emergencies are learnt from examples of them and of harmless sentences")
        words = _vectorizer().fit([sentence.text for sentence in known])
        rows = Rows(_unit(vectors), words.transform([s.text for s in known]), tuple(names))
        machine = SVC(C=COST, kernel="precomputed", class_weight="balanced").fit(rows.alike(rows), tells)
        weights = np.zeros(len(known), dtype=np.float32)
        weights[machine.support_] = machine.dual_coef_[0]
        kept = np.flatnonzero((weights != 0) | tells)
        return cls(words, rows.take(kept), weights[kept], float(machine.intercept_[0]))

    @classmethod
    def fit_on_hard(
        cls, known: Sequence[Sentence], vectors: np.ndarray, more: Sequence[Sentence], others: np.ndarray
    ) -> Spotter:
        """The same, and of the harmless sentences ``more`` those that come close to an emergency; all of them where
        nothing else is harmless."""
        if all(sentence.emergency for sentence in known):
            return cls.fit([*known, *more], np.concatenate([vectors, others]))
        first = cls.fit(known, vectors)
        hard = np.flatnonzero(first.scores([s.text for s in more], others) > CLOSE) if more else []
        if not len(hard):
            return first
        return cls.fit([*known, *(more[i] for i in hard)], np.concatenate([vectors, others[hard]]))

    def scores(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """(n,) float32: above 0 the texts are nearer to emergencies, below to harmless sentences."""
        return self._alike(texts, vectors) @ self._weights + self._bias

    def names(self, texts: Sequence[str], vectors: np.ndarray) -> list[str]:
        """The emergency that each text is likest to, whether or not it is one."""
        alike = self._alike(texts, vectors)
        names = list(self._members)
        nearest = [np.sort(alike[:, self._members[name]], axis=1)[:, -VOTES:].mean(axis=1) for name in names]
        return [names[i] for i in np.argmax(nearest, axis=0)]

    def save(self, folder: Path) -> None:
        """Write ``spotter.npz`` and ``spotter.json``."""
        shared = self._rows.words
        np.savez(
            folder / "spotter.npz",
            vectors=self._rows.vectors.astype(np.float16),
            data=shared.data.astype(np.float32),
            indices=shared.indices,
            indptr=shared.indptr,
            idf=self._words.idf_,
            weights=self._weights,
            bias=self._bias,
        )
        vocabulary = {word: int(i) for word, i in self._words.vocabulary_.items()}
        (folder / "spotter.json").write_text(json.dumps({"names": self._rows.names, "words": vocabulary}))

    @classmethod
    def load(cls, folder: Path) -> Spotter:
        """What :meth:`save` wrote."""
        kept, told = np.load(folder / "spotter.npz"), json.loads((folder / "spotter.json").read_text())
        words = _vectorizer(told["words"])
        words.idf_ = kept["idf"]
        shape = len(kept["weights"]), len(told["words"])
        shared = csr_matrix((kept["data"], kept["indices"], kept["indptr"]), shape=shape)
        rows = Rows(kept["vectors"].astype(np.float32), shared, tuple(told["names"]))
        return cls(words, rows, kept["weights"], float(kept["bias"]))

    def _alike(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        return Rows(_unit(vectors), self._words.transform(texts), ()).alike(self._rows)


@dataclass(frozen=True)
class Rows:
    """Sentences as the kernels read them: (n, d) unit vectors, (n, words) tf-idf, and what each is."""

    vectors: np.ndarray
    words: csr_matrix
    names: tuple[str, ...]

    def take(self, which: np.ndarray) -> Rows:
        return Rows(self.vectors[which], self.words[which], tuple(self.names[i] for i in which))

    def alike(self, other: Rows) -> np.ndarray:
        """(n, m) float32: how alike each of these is to each of the others."""
        near = np.exp(WIDTH * (self.vectors @ other.vectors.T - 1))
        return near + WORDS * (self.words @ other.words.T).toarray().astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9)).astype(np.float32)


def _vectorizer(vocabulary: Mapping[str, int] | None = None) -> TfidfVectorizer:
    pattern = r"\b\w[\w']*\b"
    return TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=pattern, vocabulary=vocabulary, dtype=np.float32
    )
