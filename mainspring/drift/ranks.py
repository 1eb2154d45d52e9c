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

from dataclasses import dataclass

import numpy as np

from mainspring.drift.arrays import Floats

DIGITS = 5  # scores are compared at so many: what is equal but for the rounding of products is a tie
_SCALE = 10.0**DIGITS  # one score is rounded with it as np.round does it, at a fifth of the time


def in_order(scores: Floats) -> Floats:
    return np.sort(np.round(scores, DIGITS))


@dataclass
class Bag:
    """`scores`: in_order(); at most `limit` of them between requests."""

    scores: Floats
    limit: int = 4096

    def take(self, score: float, tie: float, drop: float) -> float:
        """The p-value of `score`, which joins the bag. `tie`, `drop`: uniform in [0, 1), used for nothing else."""
        rounded = np.rint(score * _SCALE) / _SCALE
        low, high = (int(self.scores.searchsorted(rounded, side)) for side in ("left", "right"))
        scores, count = self.scores, len(self.scores) + 1
        grown = np.empty(count)  # np.insert takes five times as long
        grown[:low], grown[low], grown[low + 1 :] = scores[:low], rounded, scores[low:]
        if count > self.limit:
            dropped = int(drop * count)
            grown = np.concatenate([grown[:dropped], grown[dropped + 1 :]])
        self.scores = grown
        return (count - high - 1 + tie * (high + 1 - low)) / count

    def above(self, score: float) -> float:
        """The share of the bag that is at least `score`, which does not join it."""
        return 1 - float(np.searchsorted(self.scores, np.round(score, DIGITS), "left")) / len(self.scores)
