"""Bets against uniform p-values: each pays at most 1 on average if they are uniform, and more if small ones are common."""

import numpy as np

from mainspring.drift.arrays import Floats

# A bet stakes the part `s` of its capital on the density k·p^(k-1), and keeps the rest. Small stakes are for changes
# of a small part of the traffic, small powers for changes that look like nothing seen before.
STAKES = (1.0, 0.5, 0.25, 0.12, 0.06, 0.03)
POWERS = (0.05, 0.12, 0.25, 0.5)
_STAKE, _POWER = (np.array(axis).ravel() for axis in np.meshgrid(STAKES, POWERS, indexing="ij"))
COUNT = len(_STAKE)
_SMALLEST = 1e-12  # what p is taken for at least: it lowers the payoff alone
_NOTHING = -1e300  # logarithm of no capital


def log_payoffs(p: Floats) -> Floats:
    """[n] p-values → [n, COUNT] logarithms of what each bet makes of 1."""
    clipped = np.maximum(p, _SMALLEST)[:, None]
    return np.asarray(np.log1p(_STAKE * (_POWER * clipped ** (_POWER - 1.0) - 1.0)))


def log_sums(values: Floats) -> Floats:
    """[n, k] capitals as logarithms → [n] the logarithms of their sums."""
    most = np.maximum(values.max(axis=1), _NOTHING)
    sums = np.exp(values - most[:, None]).sum(axis=1)
    return np.asarray(most + np.log(np.maximum(sums, _SMALLEST)))


def log_means(values: Floats) -> Floats:
    return np.asarray(log_sums(values) - np.log(values.shape[1]))
