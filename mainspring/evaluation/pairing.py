"""From scores item by item to a metric: the challenger, the champion, and their difference on the same items. Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mainspring.evaluation.bounded import Scale, alone, differing, ratio
from mainspring.evaluation.intervals import FEWEST, Value, spread
from mainspring.evaluation.items import Floats, Item, Sums, places
from mainspring.evaluation.results import Estimate, Measured

__all__ = ["WHY", "Scale", "jackknifed", "measured", "nothing", "of_three", "ratio"]
WHY = f"items from fewer than {FEWEST} sources say nothing of how much sources differ"


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
        alone(scale, sources, own, level),
        None if other is None else alone(scale, sources, other, level),
        None if other is None else differing(scale, sources, own, other, level),
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
