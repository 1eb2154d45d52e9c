"""Rows that share a number of some band, compared: the earlier one of two that are alike stays.

Rows of one number are compared with the first few of them that are alike to none before: so many rows of one template, each
a little different, cost as many comparisons as there are rows, and not their square.
"""

from collections.abc import Callable
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from mainspring.curation.duplicates.bands import Bands
from mainspring.curation.fates import Fates

FIRST_FEW = 6
REMEMBERED = 1_000_000  # comparisons, of some 80 bytes


class Alike(Enum):
    """SAME: one of two is enough. CLOSE: both are of use, on one side of the split. NO: neither."""

    SAME = auto()
    CLOSE = auto()
    NO = auto()


Compare = Callable[[int, int], Alike]


class Comparing:
    """Of one step: what it found removes rows and links them."""

    def __init__(self, fates: Fates, step: str, reason: str, compare: Compare) -> None:
        self._fates, self._step, self._reason, self._compare = fates, step, reason, compare
        self._stays = fates.stays
        self._links: list[tuple[int, int]] = []
        self._gone: list[int] = []
        self._seen: set[int] = set()

    def through(self, bands: Bands, tell: Callable[[float], None]) -> None:
        """`tell`: the fraction that is done, after each band; what it raises ends this."""
        for number in range(len(bands)):
            for rows in _buckets(bands.read(number), self._stays):
                self._within(rows)
            tell((number + 1) / len(bands))
        self._fates.remove(np.array(self._gone, np.int64), self._step, self._reason)
        self._fates.link(np.array(self._links, np.int64).reshape(-1, 2))

    def _within(self, rows: list[int]) -> None:
        firsts: list[int] = []
        for row in rows:
            if self._stays[row] and not self._is_one_of(row, firsts) and len(firsts) < FIRST_FEW:
                firsts.append(row)

    def _is_one_of(self, row: int, firsts: list[int]) -> bool:
        for first in firsts:
            pair = first << 32 | row
            if pair in self._seen:
                continue
            if len(self._seen) < REMEMBERED:
                self._seen.add(pair)
            found = self._compare(first, row)
            if found is not Alike.NO:
                self._links.append((first, row))
            if found is Alike.SAME:
                self._gone.append(row)
                self._stays[row] = False
                return True
        return False


def _buckets(band: NDArray[np.uint64], stays: NDArray[np.bool_]) -> list[list[int]]:
    """The rows of each number that more than one of those that stay has; in the order of their first rows."""
    rows = np.flatnonzero(stays)
    order = rows[np.argsort(band[rows], kind="stable")]
    if len(order) < 2:
        return []
    bounds = np.flatnonzero(band[order][1:] != band[order][:-1]) + 1
    starts, ends = np.concatenate(([0], bounds)), np.concatenate((bounds, [len(order)]))
    several = ends - starts > 1
    return [order[start:end].tolist() for start, end in zip(starts[several], ends[several], strict=True)]
