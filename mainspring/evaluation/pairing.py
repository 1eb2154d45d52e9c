"""From scores item by item to a metric: the challenger, the champion, and their difference on the same items. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mainspring.evaluation.intervals import FEWEST, Value, of_difference, of_share, quantile, spread
from mainspring.evaluation.items import Item, Sums, places, summed
from mainspring.evaluation.results import Better, Estimate, Measured

Floats = NDArray[np.float64]
FEW = 5  # sources that are not as the others: with fewer, how alike items of one source are cannot be seen
WHY = f"items from fewer than {FEWEST} sources say nothing of how much sources differ"


@dataclass(frozen=True)
class Scale:
    """What a metric is called, counted in, and which way is better. `top`: each item's score by unit is between 0 and it;
    None: there is no bound."""

    name: str
    unit: str
    better: Better = "higher"
    top: float | None = None


def measured(scale: Scale, items: Sequence[Item], level: float, **details: Any) -> Measured:
    """Scores by unit, with intervals of the `level`. Items without a finite number of the champion are left out where
    there are others; those without one of the challenger are left out, and counted as `broken`."""
    sound = [one for one in items if one.sound and one.units > 0]
    paired = [one for one in sound if one.paired]
    used, told = paired or sound, dict(details)
    if broken := sum(not one.sound for one in items):
        told["broken"] = broken
    if len(used) < len(sound):
        told["unpaired"] = len(sound) - len(used)
    if not used:
        return nothing(scale, **told)
    own = np.array([[one.challenger, one.units] for one in used])
    other = np.array([_champions(one) for one in used]) if paired else None
    sources = [one.source for one in used]
    three = (
        _alone(scale, sources, own, level),
        None if other is None else _alone(scale, sources, other, level),
        None if other is None else _apart(scale, sources, own, other, level),
    )
    return of_three(scale, three, sources, told)


def nothing(scale: Scale, **details: Any) -> Measured:
    """Of no items."""
    return Measured(scale.name, scale.unit, scale.better, None, details=details)


def of_three(
    scale: Scale,
    three: tuple[Estimate, Estimate | None, Estimate | None],
    sources: Sequence[str],
    told: dict[str, Any],
) -> Measured:
    """`three`: of the challenger, of the champion, of their difference. `sources`: of the items that were used."""
    clusters = places(sources)[1]
    if clusters < FEWEST:
        told.setdefault("why", WHY)
    return Measured(scale.name, scale.unit, scale.better, *three, len(sources), clusters, told)


def _champions(item: Item) -> tuple[float, float]:
    units = item.units if item.champion_units is None else item.champion_units
    return float("nan") if item.champion is None else item.champion, units


def ratio(sums: Sums) -> Floats:
    """Scores by units."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[:, 0] / sums[:, 1])


def ratios_apart(sums: Sums) -> Floats:
    """The first ratio minus the second."""
    return ratio(sums[:, :2]) - ratio(sums[:, 2:])


def _alone(scale: Scale, sources: Sequence[str], own: Floats, level: float) -> Estimate:
    sums = summed(sources, own)
    found = spread(ratio, sums, sums[:, 1])
    if scale.top is None or found.error is None:
        return found.interval(level)
    rate, rest = found.value / scale.top, sums[:, 1] * scale.top - sums[:, 0]
    unlike = int(min(np.count_nonzero(sums[:, 0]), np.count_nonzero(rest)))
    worth = _Worth(
        found.error / scale.top, found.freedom, len(own), len(sums), unlike, _counted(own, scale.top)
    )
    of, z = worth.independent(rate * (1 - rate), level)
    low, high = of_share(rate, of, z)
    return Estimate(found.value, low * scale.top, high * scale.top)


def _apart(scale: Scale, sources: Sequence[str], own: Floats, other: Floats, level: float) -> Estimate:
    both = np.hstack([own, other])
    sums = summed(sources, both)
    found = spread(ratios_apart, sums, sums[:, 1] + sums[:, 3])
    if scale.top is None or found.error is None:
        return found.interval(level)
    apart, units = (own[:, 0] - other[:, 0]) / scale.top, own[:, 1].sum()
    gained, lost = (float(np.maximum(side, 0).sum() / units) for side in (apart, -apart))
    unlike = int(np.count_nonzero(summed(sources, np.abs(apart)[:, None])))
    counted = _counted(own, scale.top) and _counted(other, scale.top)
    worth = _Worth(found.error / scale.top, found.freedom, len(own), len(sums), unlike, counted)
    of, z = worth.independent(gained + lost - (gained - lost) ** 2, level)
    low, high = of_difference(gained, lost, of, z)
    return Estimate(found.value, low * scale.top, high * scale.top)


def _counted(columns: Floats, top: float) -> bool:
    """Each item is right or wrong, and nothing between."""
    return bool(np.all((columns[:, 1] == 1) & ((columns[:, 0] == 0) | (columns[:, 0] == top))))


@dataclass(frozen=True)
class _Worth:
    """How many independent items those of a bounded score are worth (Korn, Graubard, Survey Methodology 1998).

    `unlike`: sources that are not as all others. `counted`: items are right or wrong.
    """

    error: float
    freedom: float
    items: int
    clusters: int
    unlike: int
    counted: bool

    def independent(self, variance: float, level: float) -> tuple[float, float]:
        """So many, and the quantile for them. `variance`: of one item, were it right or wrong.

        Where each has a source of its own they are what they are. With few sources that are unlike the others nobody can
        say how alike the items of one are, so that a source counts as an item.
        """
        if self.counted and self.clusters == self.items:
            return self.items, quantile(level, math.inf)
        if self.error == 0 or self.unlike < FEW:
            return min(self.clusters, self.freedom + 1), quantile(level, self.freedom)
        found = variance / self.error**2
        return min(found, self.items) if self.counted else found, quantile(level, self.freedom)


def jackknifed(
    value: Value, own: Sums, other: Sums | None, level: float
) -> tuple[Estimate, Estimate | None, Estimate | None]:
    """Of any figure that is a function of sums by source: the challenger's, the champion's and the difference.

    `own`, `other`: sums of the same columns, a row a source, of the same items.
    """
    sizes = np.ones(len(own))
    first = spread(value, own, sizes).interval(level)
    if other is None:
        return first, None, None
    width = own.shape[1]

    def apart(sums: Sums) -> Floats:
        return value(sums[:, :width]) - value(sums[:, width:])

    both = spread(apart, np.hstack([own, other]), sizes)
    return first, spread(value, other, sizes).interval(level), both.interval(level)
