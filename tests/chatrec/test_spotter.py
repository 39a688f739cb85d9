"""What the spotter learns from sentences that it chooses among."""

from __future__ import annotations

import numpy as np

from chatrec.safety import Sentence, Spotter

TELLS = [Sentence(f"i can't breathe {word}", "intent/general") for word in ("now", "at all", "any more", "today")]
CALM = [Sentence(f"a film about {word}") for word in ("breathing", "space", "cooking", "the sea")]


def vectors(angles: list[float]) -> np.ndarray:
    return np.array([[np.cos(a), np.sin(a)] for a in angles], dtype=np.float32)


def test_where_no_policy_has_harmless_sentences_the_examples_of_the_intents_are_enough():
    spotter = Spotter.fit_on_hard(TELLS, vectors([0.0, 0.1, 0.2, 0.3]), CALM, vectors([1.3, 1.4, 1.5, 1.6]))
    texts = ["i can't breathe here", "a film about tea"]
    assert (spotter.scores(texts, vectors([0.15, 1.45])) > 0).tolist() == [True, False]


def test_of_what_is_offered_only_what_comes_near_an_emergency_is_learnt():
    known, rows = [*TELLS, *CALM], vectors([0.0, 0.1, 0.2, 0.3, 1.3, 1.4, 1.5, 1.6])
    near, far = Sentence("i can't breathe in that film for laughing"), Sentence("a film about cooking and the sea")
    alone, beside = Spotter.fit(known, rows), vectors([0.25, 1.5])
    chosen = Spotter.fit_on_hard(known, rows, [near, far], beside)
    assert chosen.scores([near.text], beside[:1]) < alone.scores([near.text], beside[:1])
    only = Spotter.fit([*known, near], np.concatenate([rows, beside[:1]]))
    texts = [near.text, far.text]
    np.testing.assert_allclose(chosen.scores(texts, beside), only.scores(texts, beside), atol=1e-5)
