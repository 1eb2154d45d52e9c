"""What was measured item by item, and its sums by source: a figure is a function of these sums, so that one source can
be left out of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Sums = Floats  # a row a source, a column each sum
ONE_BY_ONE = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One item's score of each version. `source`: items that share one are not independent; empty: it shares none.

    `units`: what the scores are sums over, such as tokens: a figure is the sum of scores by the sum of units.
    `champion_units`: where the champion's are others, such as seconds of its own; None: the same.
    """

    source: str
    challenger: float
    champion: float | None = None
    units: float = 1.0
    champion_units: float | None = None

    @property
    def sound(self) -> bool:
        """The challenger's number is one."""
        return math.isfinite(self.challenger) and math.isfinite(self.units)

    @property
    def paired(self) -> bool:
        units = self.units if self.champion_units is None else self.champion_units
        return self.champion is not None and math.isfinite(self.champion) and units > 0


def places(sources: Sequence[str]) -> tuple[NDArray[np.intp], int]:
    """The row of each item, and how many rows there are: a source without a name is one of its own."""
    known: dict[str, int] = {}
    rows = []
    for number, source in enumerate(sources):
        key = f"\0{number}" if source == ONE_BY_ONE else source
        rows.append(known.setdefault(key, len(known)))
    return np.array(rows, dtype=np.intp), len(known)


def summed(sources: Sequence[str], columns: Floats) -> Sums:
    """`columns`: a row an item. The same by source."""
    rows, count = places(sources)
    made = np.zeros((count, columns.shape[1]))
    np.add.at(made, rows, columns)
    return made
