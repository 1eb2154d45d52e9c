"""A figure as it is told: its value, where the true one is 95 times of a hundred, of how many, and by which interval. Pure."""

from dataclasses import dataclass
from typing import Literal

from typing_extensions import TypedDict

from mainspring.figures.moments import Moments
from mainspring.release.intervals import bounded, share, student

Method = Literal["wilson", "t", "order"]


class Estimate(TypedDict):
    """`count`: of what it was made. `low` and `high`: null where these are too few to say.

    `interval`: `wilson` of shares, and of means between two bounds; `t` of other means; `order` (statistics) of percentiles.
    Each takes jobs for independent, which those of one conversation are not quite.
    """

    value: float
    low: float | None
    high: float | None
    count: int
    interval: Method


@dataclass(frozen=True)
class Bounds:
    """Between which all values of a figure lie, whoever gives them."""

    low: float
    high: float


def of_share(times: int, of: int) -> Estimate | None:
    found = share(times, of)
    return None if found is None else _told(found.value, found.low, found.high, of, "wilson")


def of_mean(figure: Moments, bounds: Bounds | None = None) -> Estimate | None:
    """Without bounds by Student's t; but of ones and zeros, such as `resolved`, by Wilson. None: of nothing."""
    if not figure.count:
        return None
    within = bounds or (Bounds(0, 1) if figure.binary else None)
    if within is not None:
        wide = within.high - within.low
        found = bounded((figure.mean - within.low) / wide, figure.count)
        low, high = (within.low + wide * one for one in (found.low, found.high))
        return _told(figure.mean, low, high, figure.count, "wilson")
    by_t = student(figure.mean, figure.squares, figure.count)
    if by_t is None:
        return _told(figure.mean, None, None, figure.count, "t")
    return _told(figure.mean, by_t.low, by_t.high, figure.count, "t")


def _told(value: float, low: float | None, high: float | None, count: int, interval: Method) -> Estimate:
    return {"value": value, "low": low, "high": high, "count": count, "interval": interval}
