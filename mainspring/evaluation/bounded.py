"""Intervals of one metric by unit, and of the difference of two: of scores that have bounds, such as right and wrong, too,
where a few that differ from many that do not say little of how scores spread. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mainspring.evaluation.intervals import Spread, of_difference, of_share, quantile, spread
from mainspring.evaluation.items import Floats, Sums, summed
from mainspring.evaluation.results import Better, Estimate

FEW = 5  # sources that are not as the others: with fewer, how alike items of one source are cannot be seen


@dataclass(frozen=True)
class Scale:
    """What a metric is called, counted in, and which way is better. `top`: each item's score by unit is between 0 and it;
    None: there is no bound."""

    name: str
    unit: str
    better: Better = "higher"
    top: float | None = None


def ratio(sums: Sums) -> Floats:
    """Scores by units."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[:, 0] / sums[:, 1])


def ratios_apart(sums: Sums) -> Floats:
    """The first ratio minus the second."""
    return ratio(sums[:, :2]) - ratio(sums[:, 2:])


def alone(scale: Scale, sources: Sequence[str], own: Floats, level: float) -> Estimate:
    sums = summed(sources, own)
    found = spread(ratio, sums, sums[:, 1])
    if scale.top is None or found.error is None:
        return found.interval(level)
    rate, rest = found.value / scale.top, sums[:, 1] * scale.top - sums[:, 0]
    unlike = int(min(np.count_nonzero(sums[:, 0]), np.count_nonzero(rest)))
    worth = _Worth(found, scale.top, len(own), len(sums), unlike, _counted(own, scale.top))
    if (known := worth.independent(rate * (1 - rate), level)) is None:
        return _within(found.interval(level), 0.0, scale.top)
    low, high = of_share(rate, *known)
    return Estimate(found.value, low * scale.top, high * scale.top)


def differing(scale: Scale, sources: Sequence[str], own: Floats, other: Floats, level: float) -> Estimate:
    both = np.hstack([own, other])
    sums = summed(sources, both)
    found = spread(ratios_apart, sums, sums[:, 1] + sums[:, 3])
    if scale.top is None or found.error is None:
        return found.interval(level)
    apart, units = (own[:, 0] - other[:, 0]) / scale.top, own[:, 1].sum()
    gained, lost = (float(np.maximum(side, 0).sum() / units) for side in (apart, -apart))
    unlike = int(np.count_nonzero(summed(sources, np.abs(apart)[:, None])))
    counted = _counted(own, scale.top) and _counted(other, scale.top)
    worth = _Worth(found, scale.top, len(own), len(sums), unlike, counted)
    if (known := worth.independent(gained + lost - (gained - lost) ** 2, level)) is None:
        return _within(found.interval(level), -scale.top, scale.top)
    low, high = of_difference(gained, lost, *known)
    return Estimate(found.value, low * scale.top, high * scale.top)


def _within(one: Estimate, floor: float, top: float) -> Estimate:
    assert one.low is not None
    assert one.high is not None
    return Estimate(one.value, max(floor, one.low), min(top, one.high))


def _counted(columns: Floats, top: float) -> bool:
    """Each item is right or wrong, and nothing between."""
    return bool(np.all((columns[:, 1] == 1) & ((columns[:, 0] == 0) | (columns[:, 0] == top))))


@dataclass(frozen=True)
class _Worth:
    """How many independent items those of a bounded score are worth (Korn, Graubard, Survey Methodology 1998).

    `unlike`: sources that are not as all others. `counted`: items are right or wrong.
    """

    found: Spread
    top: float
    items: int
    clusters: int
    unlike: int
    counted: bool

    def independent(self, variance: float, level: float) -> tuple[float, float] | None:
        """So many, and the quantile for them. `variance`: of one item. None: that of their spread says it better.

        Where each has a source of its own they are what they are. With few sources that are unlike the others nobody can
        say how alike the items of one are, so that a source counts as an item.
        """
        if self.counted and self.clusters == self.items:
            return self.items, quantile(level, math.inf)
        z = quantile(level, self.found.freedom)
        if not self.found.error or self.unlike < FEW:
            return min(self.clusters, self.found.freedom + 1), z
        return (min(variance / (self.found.error / self.top) ** 2, self.items), z) if self.counted else None
