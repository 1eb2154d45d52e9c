"""Which side of the split each row falls on: groups, and what is linked to them, stay whole. Pure.

By a hash, so that the same group falls on the same side in every dataset, as long as nothing links it to others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]
TRAIN, HELD_OUT, FREE = 0, 1, 2
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True)
class Sides:
    """`held_out`: of each row; `torn`: it is linked to both sides of an earlier split, and belongs on neither."""

    held_out: NDArray[np.bool_]
    torn: NDArray[np.bool_]


def sides(
    groups: Numbers, pins: NDArray[np.int8], links: NDArray[np.int64], kept: NDArray[np.bool_], share: float
) -> Sides:
    """`groups` and `pins` (TRAIN, HELD_OUT or FREE): of each row; `links` [n, 2]: rows that have to be on one side.

    Only rows that are `kept` count as one side or the other; those that are not may still link.
    """
    together = _components(groups, links)
    many = int(together.max(initial=-1)) + 1
    least = np.full(many, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(least, together, groups)
    aside = _mixed(least) < np.uint64(min(share, 0.5) * 2**64)
    alive = np.zeros(many, np.bool_)
    alive[together[kept]] = True
    _give_each_side_some(aside, alive, least)
    has = [np.zeros(many, np.bool_) for _ in (TRAIN, HELD_OUT)]
    for side in (TRAIN, HELD_OUT):
        has[side][together[pins == side]] = True
    aside = (aside & ~has[TRAIN]) | (has[HELD_OUT] & ~has[TRAIN])
    held_out, torn = aside[together], (has[TRAIN] & has[HELD_OUT])[together] & (pins == FREE)
    held_out[pins != FREE] = pins[pins != FREE] == HELD_OUT
    return Sides(held_out, torn)


def _components(groups: Numbers, links: NDArray[np.int64]) -> NDArray[np.int64]:
    """[rows]: the number of what each row belongs to."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    distinct, of_row = np.unique(groups, return_inverse=True)
    one, other = of_row[links[:, 0]], of_row[links[:, 1]]
    edges = coo_array((np.ones(len(links), np.int8), (one, other)), shape=(len(distinct), len(distinct)))
    found: NDArray[np.int64] = connected_components(edges, directed=False)[1]
    return found[of_row]


def _give_each_side_some(aside: NDArray[np.bool_], alive: NDArray[np.bool_], least: Numbers) -> None:
    """Of few groups chance may put all on one side: then the one with the least hash changes over."""
    living = np.flatnonzero(alive)
    if len(living) > 1 and len(set(aside[living].tolist())) == 1:
        first = living[np.argmin(least[living])]
        aside[first] = not aside[first]


def _mixed(numbers: Numbers) -> Numbers:
    """The least of several hashes is no longer spread evenly: the finalizer of SplitMix64 (Steele, Lea, Flood 2014)."""
    with np.errstate(over="ignore"):
        numbers = (numbers ^ (numbers >> np.uint64(30))) * _FIRST
        numbers = (numbers ^ (numbers >> np.uint64(27))) * _SECOND
    return numbers ^ (numbers >> np.uint64(31))
