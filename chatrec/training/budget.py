"""What a promise of privacy costs in noise: differential privacy of each user, accounted for by Opacus.

A model is (epsilon, delta)-private when, with all that one user ever did or without it, anything that can be said of
the model is at most e^epsilon times as likely, but for a chance of delta (Dwork & Roth, "The algorithmic foundations of
differential privacy", 2014). Sums are noised, of what users drawn by chance contribute; how that adds up over the steps
is bounded by the accountant of Gopi et al., "Numerical composition of differential privacy", NeurIPS 2021.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

from opacus.accountants import PRVAccountant

from chatrec.errors import BadInput

FEWEST_USERS = 50
COUNTS = 2.5  # standard deviation of the noise on the counts, of which one user can change 1
EXACT = 0.02  # share by which there may be more noise than is needed
LEAST, MOST = 0.3, 1e3  # noise that is looked at


@dataclass(frozen=True)
class Spending:
    """Noise that keeps a promise. ``rate``: the chance of each user to be drawn in a step; ``noise``: its standard
    deviation, of what one user can change in a step; ``counts``: the same for the counts, which are read once."""

    users: int
    delta: float
    rate: float
    steps: int
    noise: float
    counts: float = COUNTS

    @property
    def epsilon(self) -> float:
        """What all steps and the counts spend, at most."""
        return _epsilon(self.noise, self.rate, self.steps, self.delta, self.counts)


def check(epsilon: float) -> None:
    """Raises: BadInput for what is no budget."""
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise BadInput(f"--epsilon {epsilon:g}: give a number above 0; 8 protects a little, 1 well")


def spending(epsilon: float, users: int, rate: float, steps: int) -> Spending:
    """The least noise that keeps the promise, delta being less than one in so many users.

    Raises: BadInput for a budget that is none or of which the counts alone take too much, or too few users.
    """
    check(epsilon)
    if users < FEWEST_USERS:
        raise BadInput(f"{users} users are too few to learn from privately; at least {FEWEST_USERS}")
    delta = users**-1.1
    counts = max(COUNTS, 4 * COUNTS / epsilon)
    low, high = LEAST, 2.0
    while _epsilon(high, rate, steps, delta, counts) > epsilon:
        if high > MOST:
            raise BadInput(f"--epsilon {epsilon:g}: too little for {users} users; give more")
        low, high = high, 2 * high
    while high > low * (1 + EXACT):
        middle = math.sqrt(low * high)
        kept = _epsilon(middle, rate, steps, delta, counts) <= epsilon
        low, high = (low, middle) if kept else (middle, high)
    return Spending(users, delta, rate, steps, high, counts)


def _epsilon(noise: float, rate: float, steps: int, delta: float, counts: float) -> float:
    accountant = PRVAccountant()
    accountant.history = [(counts, 1.0, 1), (noise, rate, steps)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it takes the logarithm of 0 where nothing hangs on it
        return float(accountant.get_epsilon(delta, eps_error=0.05))
