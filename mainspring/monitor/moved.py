"""Which of the latest requests are strange beside the reference, and how many more they are than usual. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mainspring.drift.sphere import unit

_NEAREST = 5
_USUAL = 0.05  # of the reference's own requests are as strange as the strange ones


@dataclass(frozen=True)
class Moved:
    """`strange`: places among the latest, the most typical of them first. `share`: of the latest, beyond what is usual."""

    strange: list[int]
    share: float


def moved(reference: NDArray[np.float32], latest: NDArray[np.float32]) -> Moved:
    """Rows are vectors; at least forty of the reference."""
    known, rest = unit(reference[::2]), unit(reference[1::2])
    limit = float(np.quantile(_distance(rest, known), 1 - _USUAL))
    rows = unit(latest)
    far = np.flatnonzero(_distance(rows, known) > limit)
    share = max(0.0, (len(far) / max(1, len(rows)) - _USUAL) / (1 - _USUAL))
    typical = rows[far] @ unit(rows[far].mean(axis=0, keepdims=True))[0] if len(far) else np.zeros(0)
    return Moved([int(far[place]) for place in np.argsort(-typical, kind="stable")], round(share, 3))


def _distance(rows: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 - the mean cosine to the nearest five."""
    near = np.sort(rows @ known.T, axis=1)[:, -_NEAREST:]
    return np.asarray(1 - near.mean(axis=1))
