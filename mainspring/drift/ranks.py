"""Conformal p-values: where a score ranks among those before it, in memory that does not grow.

**Why they are exact.** Let the scores be exchangeable (nothing changed). p is the share of the bag, the newest
included, that scores higher, plus a random part U of those equal: given the bag as a set the newest is equally likely to
be any of it, so p is uniform. The p-values are also independent of each other (Vovk, Gammerman, Shafer, Algorithmic
Learning in a Random World, 2005, theorem 8.1), and stay so when the bag is kept small by dropping members *at random,
the newest among them*: let F_t be the bag at t as a set, which member is dropped after t, and all that comes later.
Which of the set is the newest is independent of which one is drawn to be dropped, so given F_t the newest is still
equally likely to be any of the set and p_t is uniform; p_(t+1), p_(t+2), … are functions of F_t. Hence each p-value is
independent of all later ones. Sparing the newest would break this: what was dropped would tell what the newest is not.
"""

import numpy as np

from mainspring.drift.arrays import Floats, State

DIGITS = 5  # scores are compared at so many: what is equal but for the rounding of products is a tie


class Bag:
    """Scores in order; at most `limit` between requests."""

    def __init__(self, scores: Floats, limit: int = 4096) -> None:
        self._limit = limit
        self._sorted = np.sort(np.round(scores, DIGITS))

    def take(self, score: float, tie: float, drop: float) -> float:
        """The p-value of `score`, which joins the bag. `tie`, `drop`: uniform in [0, 1), used for nothing else."""
        rounded = np.round(score, DIGITS)
        low = int(np.searchsorted(self._sorted, rounded, "left"))
        self._sorted = np.insert(self._sorted, low, rounded)
        high = int(np.searchsorted(self._sorted, rounded, "right"))
        count = len(self._sorted)
        if count > self._limit:
            self._sorted = np.delete(self._sorted, int(drop * count))
        return (count - high + tie * (high - low)) / count

    def state(self) -> State:
        return {"sorted": self._sorted, "limit": np.array(self._limit)}

    @classmethod
    def restore(cls, state: State) -> "Bag":
        return cls(state["sorted"], int(state["limit"]))
