"""What the signals say before the tower reads: of everybody from what others did, and nothing of what is ruled out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_films import encoder, films

from chatrec.learning import fold_number
from chatrec.settings import Settings
from chatrec.training.beside import Beside, Sources, foreseen, learn_beside
from chatrec.training.examples import Example
from chatrec.types import Constraint, Event, Query, Reading

FILMS = films()
IDS = [item.item_id for item in FILMS.items]


def histories(people: int) -> dict[str, list[Event]]:
    return {
        f"u{u}": [Event(item, "rating", float(n), 5.0 if (u + n) % 3 else 2.0) for n, item in enumerate(IDS)]
        for u in range(people)
    }


@pytest.fixture(scope="module")
def beside(tmp_path_factory) -> Beside:
    return learn_beside(Sources(FILMS, histories(12), []), encoder(), Settings(cache=tmp_path_factory.mktemp("cache")))


def example(owner: str, target: str, **query) -> Example:
    asked = Query("films", **query)
    return Example(Reading(""), (FILMS.index(target),), owner=owner, query=asked)


def test_a_prior_is_what_the_signals_score_up_to_a_constant_and_rules_out_what_the_query_does(beside, tmp_path):
    asked = example("u1", "heat", exclude=frozenset({"alien"}), history=(Event("ronin", "like", 1.0),))
    (found,) = foreseen([asked], FILMS, beside.without, tmp_path / "priors.npy")
    scores = beside.without(FILMS, "u1").score(asked.query, np.arange(len(FILMS)))
    kept = np.arange(len(FILMS)) != FILMS.index("alien")
    assert found.prior[FILMS.index("alien")] == -np.inf
    np.testing.assert_allclose(found.prior[kept], scores[kept] - scores[kept].max(), rtol=1e-3, atol=1e-2)
    assert replace(found, prior=None) == asked


def test_what_is_asked_for_and_ruled_out_at_once_teaches_nothing_and_the_order_stays(beside, tmp_path):
    asked = [example(f"u{n}", "heat") for n in range(8)]
    asked.insert(3, example("u9", "heat", constraints=(Constraint("genre", "not", ("Crime",)),)))
    found = foreseen(asked, FILMS, beside.without, tmp_path / "priors.npy")
    assert [e.owner for e in found] == [f"u{n}" for n in range(8)]
    assert foreseen([], FILMS, beside.without, tmp_path / "none.npy") == []


def test_nobody_is_foreseen_from_their_own_acts(tmp_path):
    """What one person alone has met is known to none of those who are foreseen with them, and to all others."""
    only, others = IDS[-1], {user: events[:-1] for user, events in histories(12).items()}
    met = {"loner": [Event(item_id, "like", float(n)) for n, item_id in enumerate((IDS[0], only))]}
    told = learn_beside(Sources(FILMS, others | met, []), encoder(), Settings(cache=tmp_path / "cache"))
    at = np.array([FILMS.index(only)])
    known = {owner: told.without(FILMS, owner).signals(Query("films"), at)["rated"][0] for owner in others | met}
    assert known["loner"] == 0.0
    assert {owner for owner, rated in known.items() if rated == 0.0} == {
        owner for owner in known if fold_number(owner) == fold_number("loner")
    }
    assert max(known.values()) > 0.0
