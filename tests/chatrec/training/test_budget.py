"""What noise costs: the promise is kept and hardly more, and what is no budget is refused."""

from __future__ import annotations

import pytest

from chatrec.errors import BadInput
from chatrec.training.budget import check, spending


@pytest.mark.parametrize("epsilon", [8.0, 2.0])
def test_the_accountant_finds_the_promise_kept_and_hardly_anything_left(epsilon):
    found = spending(epsilon, users=800, rate=0.5, steps=4)
    assert 0.93 * epsilon < found.epsilon <= epsilon
    assert found.delta < 1 / 800


def test_a_smaller_budget_and_more_steps_cost_more_noise():
    plain, strict, longer = (spending(e, 800, 0.5, steps).noise for e, steps in ((8, 4), (2, 4), (8, 16)))
    assert strict > plain and longer > plain


@pytest.mark.parametrize("epsilon", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_budget_is_refused_in_one_line(epsilon):
    with pytest.raises(BadInput, match=r"^--epsilon \S+: give a number above 0[^\n]*$"):
        check(epsilon)


def test_too_few_users_and_too_little_budget_are_refused():
    with pytest.raises(BadInput, match="^49 users are too few"):
        spending(8, users=49, rate=0.5, steps=4)
    with pytest.raises(BadInput, match="too little for 60 users"):
        spending(1e-3, users=60, rate=0.5, steps=4)
