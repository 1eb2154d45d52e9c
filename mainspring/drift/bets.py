"""Bets against uniform p-values: each pays at most 1 on average if they are uniform, and more if small ones are common."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mainspring.drift.arrays import Counts, Floats


@dataclass(frozen=True, eq=False)
class Bets:
    """[bets] each: a bet stakes the part `stakes` of its capital on the density k·p^(k-1), k of `powers`, and keeps the
    rest."""

    stakes: Floats
    powers: Floats

    def __len__(self) -> int:
        return len(self.stakes)

    def log_payoffs(self, p: Floats) -> Floats:
        """[n] p-values → [n, bets] logarithms of what each makes of 1."""
        powers, own = self._distinct
        densities = powers * np.maximum(p, _SMALLEST)[:, None] ** (powers - 1.0)
        return np.asarray(np.log1p(self.stakes * (densities[:, own] - 1.0)))

    @cached_property
    def _distinct(self) -> tuple[Floats, Counts]:
        """The powers, each once, as they are few and costly to raise to; and which of them is whose."""
        powers, own = np.unique(self.powers, return_inverse=True)
        return powers, own


_SMALLEST = 1e-12  # what p is taken for at least: it lowers the payoff alone
_NOTHING = -1e300  # logarithm of no capital
# Small stakes are for changes of a small part of the traffic, small powers for changes that look like nothing seen before.
_GRID = np.meshgrid((1.0, 0.5, 0.25, 0.12, 0.06, 0.03), (0.05, 0.12, 0.25, 0.5), indexing="ij")
WIDE = Bets(*(axis.ravel() for axis in _GRID))
# For a score that was learned in a window, whose p-values are small for many and tiny for few: each bet less is capital more.
NARROW = Bets(np.array([1.0, 0.6, 0.3, 0.12]), np.array([0.3, 0.45, 0.45, 0.45]))


def log_sums(values: Floats) -> Floats:
    """[n, k] capitals as logarithms → [n] the logarithms of their sums."""
    most = np.maximum(values.max(axis=1), _NOTHING)
    sums = np.exp(values - most[:, None]).sum(axis=1)
    return np.asarray(most + np.log(np.maximum(sums, _SMALLEST)))


def log_means(values: Floats) -> Floats:
    return np.asarray(log_sums(values) - np.log(values.shape[1]))
