"""Times in classes whose bounds are fixed and grow by a constant factor: counts of any hours add up, and percentiles of
the sum are as exact as those of one. Pure.

A time of class i lies in (GROWTH^(i-1), GROWTH^i]; read as 2 GROWTH^i / (GROWTH + 1) it is wrong by ERROR at most.
Masson, Rim, Lee: DDSketch, a fast and fully-mergeable quantile sketch with relative-error guarantees, VLDB 2019.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from mainspring.figures.estimates import Estimate
from mainspring.release.intervals import Z

ERROR = 0.02  # of a percentile, relative
GROWTH = (1 + ERROR) / (1 - ERROR)
DIGITS = 6  # behind the point, of what is told
LEAST, MOST = 1e-4, 1e6  # seconds: what is less or more counts as this

Counts = Mapping[str, int]  # by class, as JSON has it


def quantiles(counts: Counts, shares: Mapping[str, float]) -> dict[str, Estimate]:
    """By name, the seconds that so large a share of the times does not exceed. Empty: of nothing.

    The interval has the error of a class in it.
    """
    if not counts:
        return {}
    classes = sorted(counts, key=int)
    ordered = _Ordered(classes, list(accumulate(map(counts.__getitem__, classes))))
    return {name: _quantile(ordered, share) for name, share in shares.items()}


@dataclass(frozen=True)
class _Ordered:
    """`until`: how many times there are in these classes and all before them."""

    classes: list[str]
    until: list[int]

    def at(self, place: float) -> float:
        """The time at that place, from 0, of all of them in order."""
        index = int(self.classes[bisect_right(self.until, place)])
        return 2 * GROWTH**index / (GROWTH + 1)


def _quantile(of: _Ordered, share: float) -> Estimate:
    total = of.until[-1]
    place, half = share * (total - 1), Z * math.sqrt(total * share * (1 - share))
    low, high = place - half, place + half
    known = low >= 0 and high <= total - 1
    return {
        "value": round(of.at(place), DIGITS),
        "low": round(of.at(low) * (1 - ERROR), DIGITS) if known else None,
        "high": round(of.at(high) * (1 + ERROR), DIGITS) if known else None,
        "count": total,
        "interval": "order",
    }
