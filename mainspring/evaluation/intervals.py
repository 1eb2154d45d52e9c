"""Intervals of figures that are functions of sums by source, and of shares. Pure.

Sources are what is drawn, so it is they that vary: an interval comes from leaving out one after the other. This is the
cluster-robust variance that errs on the safe side with few sources (the jackknife, CV3: MacKinnon, Nielsen, Webb,
Journal of Applied Econometrics 2023), for means and ratios alike; see Miller, Adding error bars to evals, 2024, for why.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mainspring.evaluation.items import Sums
from mainspring.evaluation.results import Estimate

FEWEST = 5  # sources: fewer say nothing of how much they differ
Value = Callable[[Sums], NDArray[np.float64]]


@dataclass(frozen=True)
class Spread:
    """`value` with its standard error, None where too few sources say it, and the `freedom` of Student's t for it."""

    value: float
    error: float | None
    freedom: float

    def interval(self, level: float) -> Estimate:
        if self.error is None:
            return Estimate(self.value)
        half = quantile(level, self.freedom) * self.error
        return Estimate(self.value, self.value - half, self.value + half)


def spread(value: Value, sums: Sums, sizes: NDArray[np.float64]) -> Spread:
    """`value` takes rows of sums to a figure a row. `sizes`: how large each source is.

    Sources that are large beside the others count for more, so that there are fewer to learn the variance from than their
    number says: the freedom is that of Kish's effective number.
    """
    total, count = sums.sum(axis=0), len(sums)
    found = float(value(total[None, :])[0])
    if count < FEWEST:
        return Spread(found, None, 0.0)
    without = value(total - sums)
    squares = float(np.sum((without - found) ** 2)) * (count - 1) / count
    freedom = float(sizes.sum() ** 2 / np.sum(sizes**2)) - 1
    sound = math.isfinite(squares) and freedom >= 2
    return Spread(found, math.sqrt(squares) if sound else None, freedom)


@cache
def quantile(level: float, freedom: float) -> float:
    """Of Student's t, two-sided."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))


def of_share(rate: float, of: float, z: float) -> tuple[float, float]:
    """Wilson's interval (JASA 1927) of a share of `of` independent things, which need not be a whole number."""
    wider = z * z / of
    middle = (rate + wider / 2) / (1 + wider)
    half = z * math.sqrt(max(0.0, rate * (1 - rate)) / of + wider / (4 * of)) / (1 + wider)
    return max(0.0, middle - half), min(1.0, middle + half)


def of_difference(gained: float, lost: float, of: float, z: float) -> tuple[float, float]:
    """Of `of` independent pairs a share was `gained` and a share `lost`: the interval of the one minus the other.

    Tango's score interval (Statistics in Medicine 1998), which holds for few pairs and where none of them differ.
    """
    point = gained - lost

    def edge(low: float, high: float, target: float) -> float:
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if _score(middle, gained, lost, of) > target else (low, middle)
        return (low + high) / 2

    return edge(-1.0, point, z), edge(point, 1.0, -z)


def _score(margin: float, gained: float, lost: float, of: float) -> float:
    """How far the pairs are from a difference of `margin`, in standard errors under it. Falls with the margin."""
    linear = -(gained + lost) + (2 - gained + lost) * margin
    root = math.sqrt(max(0.0, linear * linear + 8 * lost * margin * (1 - margin)))
    variance = (2 * (root - linear) / 4 + margin * (1 - margin)) / of
    distance = gained - lost - margin
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)
