"""How many stars somebody will give: matrix factorisation, averaged over samples from its posterior.

Salakhutdinov & Mnih, "Bayesian probabilistic matrix factorization using Markov chain Monte Carlo", ICML 2008, with a
mean, and with user and item biases as two more columns of the factors. Rendle et al., "On the difficulty of evaluating
baselines" (2019), found it ahead of most that came later. Means and precisions of the factors are learned as well, so
there is nothing to tune.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse


@dataclass(frozen=True)
class Factors:
    """Samples of user factors, (samples, users, width), and of item factors, (samples, items, width)."""

    mean: float
    low: float
    high: float
    users: np.ndarray
    items: np.ndarray

    @classmethod
    def fit(cls, stars: sparse.csr_matrix, width: int = 10, sweeps: int = 80, burn: int = 20, seed: int = 0) -> Factors:
        """``stars``: (users, items), the ratings that are known; a rating is never 0."""
        rng = np.random.default_rng(seed)
        mean = float(stars.data.mean())
        rows = stars.copy().tocsr()
        rows.data = rows.data - mean
        columns = rows.T.tocsr()
        users = rng.normal(0, 0.1, (stars.shape[0], width))
        items = rng.normal(0, 0.1, (stars.shape[1], width))
        owner = np.repeat(np.arange(stars.shape[0]), np.diff(rows.indptr))
        kept = []
        for sweep in range(sweeps):
            error = rows.data - np.einsum("nf,nf->n", users[owner], items[rows.indices])
            noise = rng.gamma(1 + len(error) / 2, 1 / (1 + np.square(error).sum() / 2))
            users[:, 0], items[:, 1] = 1.0, 1.0  # column 0 is the items' bias, column 1 the users'
            users = _sample(rows, items, users, noise, fixed=0, rng=rng)
            items = _sample(columns, users, items, noise, fixed=1, rng=rng)
            if sweep >= burn:
                kept.append((users.astype(np.float32), items.astype(np.float32)))
        return cls(mean, float(stars.data.min()), float(stars.data.max()), *map(np.stack, zip(*kept, strict=True)))

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """(n,) stars for n pairs of a user and an item, within the range of the stars that are known."""
        found = sum(np.einsum("nf,nf->n", u[users], v[items]) for u, v in zip(self.users, self.items, strict=True))
        return np.clip(self.mean + found / len(self.users), self.low, self.high)


def _sample(known: sparse.csr_matrix, other: np.ndarray, mine: np.ndarray, noise: float, fixed: int, rng) -> np.ndarray:
    """New factors of each row given the other side's. Column ``fixed`` is 1 throughout."""
    free = [column for column in range(mine.shape[1]) if column != fixed]
    mean, precision = _hyper(mine[:, free], rng)
    fresh = np.ones_like(mine)
    for row, (start, end) in enumerate(zip(known.indptr, known.indptr[1:], strict=False)):
        met = other[known.indices[start:end]]
        x = met[:, free]
        left = precision + noise * (x.T @ x)
        right = precision @ mean + noise * (x.T @ (known.data[start:end] - met[:, fixed]))
        root = np.linalg.cholesky(left)
        half = linalg.solve_triangular(root, right, lower=True, check_finite=False)
        fresh[row, free] = linalg.solve_triangular(
            root.T, half + rng.normal(size=len(free)), lower=False, check_finite=False
        )
    return fresh


def _hyper(mine: np.ndarray, rng) -> tuple[np.ndarray, np.ndarray]:
    """A mean and a precision matrix of the rows, from their Gaussian-Wishart posterior with a vague prior."""
    n, width = mine.shape
    centre = mine.mean(axis=0)
    spread = (mine - centre).T @ (mine - centre) + np.eye(width) + n / (n + 2) * 2 * np.outer(centre, centre)
    root = np.linalg.cholesky(np.linalg.inv(spread))
    noise = np.tril(rng.normal(size=(width, width)), -1)
    noise[np.diag_indices(width)] = np.sqrt(rng.chisquare(n + width - np.arange(width)))
    precision = root @ noise @ noise.T @ root.T
    away = np.linalg.solve(np.linalg.cholesky((n + 2) * precision).T, rng.normal(size=width))
    return n * centre / (n + 2) + away, precision
