"""Figures with their 95% intervals. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z = 1.959964  # of the normal distribution, two-sided 95%


@dataclass(frozen=True)
class Figure:
    """`low` to `high`: where the true value is, 95 times of a hundred. `count`: of what it was made."""

    value: float
    low: float
    high: float
    count: int


def share(times: int, of: int) -> Figure | None:
    """By Wilson's interval (JASA 1927), which holds for rare things too. None: of nothing."""
    if of == 0:
        return None
    rate, spread = times / of, Z * Z / of
    middle = (rate + spread / 2) / (1 + spread)
    half = Z * math.sqrt(rate * (1 - rate) / of + spread / (4 * of)) / (1 + spread)
    return Figure(rate, max(0.0, middle - half), min(1.0, middle + half), of)


def median(values: Sequence[float]) -> Figure | None:
    """By order statistics, whatever the distribution. None: too few for an interval."""
    ordered, count = sorted(values), len(values)
    half = Z * math.sqrt(count) / 2
    low, high = math.floor(count / 2 - half), math.ceil(count / 2 + half)
    if low < 0 or high >= count:
        return None
    return Figure(_middle(ordered), ordered[low], ordered[high], count)


def mean(values: Sequence[float]) -> Figure | None:
    """By the central limit theorem. None: too few for it."""
    count = len(values)
    if count < 30:
        return None
    value = math.fsum(values) / count
    variance = math.fsum((one - value) ** 2 for one in values) / (count - 1)
    half = Z * math.sqrt(variance / count)
    return Figure(value, value - half, value + half, count)


def _middle(ordered: Sequence[float]) -> float:
    count = len(ordered)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
