"""Has the mixture of what is known changed? A martingale on which cluster each request is in.

The score of a request is the number of its cluster, so its conformal p-value (ranks.py; here the bag is a count a
cluster and nothing need be dropped) says little more than the cluster: p falls in the bin of its cluster, whose width is
that cluster's part of the reference. The bets are the bins' frequencies so far over their widths, each learned from the
p-values before, beginning anew every few requests. If p is uniform each pays 1 on average.
"""

import numpy as np

from mainspring.drift import bets
from mainspring.drift.arrays import Counts, Floats, State
from mainspring.drift.starts import log_prior, log_waiting

EVERY = 16  # requests from one beginning to the next
BEGINNINGS = 64  # that bet at once; the oldest stops
_BELIEF = 10.0  # requests that the reference's frequencies count for in a bet


class Mixture:
    def __init__(self, widths: Floats, calibrating: Counts) -> None:
        """`widths`: of the bins, in clusters' order, summing to 1. `calibrating`: clusters of those to compare with."""
        self._widths = widths
        self._edges = np.cumsum(widths)[:-1]
        self._members = np.bincount(calibrating, minlength=len(widths))
        self._seen = 0
        self._stopped = -np.inf
        self._capital = np.empty(0)
        self._began: Counts = np.empty(0, np.int64)
        self._counts: Floats = np.empty((0, len(widths)))

    def take(self, cluster: int, tie: float) -> float:
        """Logarithm of the capital after a request of this cluster."""
        if self._seen % EVERY == 0:
            self._begin()
        self._members[cluster] += 1
        above = self._members[:cluster].sum()
        p = (above + tie * self._members[cluster]) / self._members.sum()
        bin_ = int(np.searchsorted(self._edges, p, "right"))
        so_far = self._counts.sum(axis=1) + _BELIEF
        expected = (self._counts[:, bin_] + _BELIEF * self._widths[bin_]) / so_far
        self._capital = self._capital + np.log(expected / self._widths[bin_])
        self._counts[:, bin_] += 1
        self._seen += 1
        return self.log_value

    def _begin(self) -> None:
        number = self._seen // EVERY
        if len(self._capital) == BEGINNINGS:
            self._stopped = float(np.logaddexp(self._stopped, self._capital[0]))
            self._capital, self._began, self._counts = self._capital[1:], self._began[1:], self._counts[1:]
        self._capital = np.append(self._capital, log_prior(number))
        self._began = np.append(self._began, self._seen)
        self._counts = np.concatenate([self._counts, np.zeros((1, len(self._widths)))])

    @property
    def log_value(self) -> float:
        if not len(self._capital):
            return 0.0
        waiting = log_waiting((self._seen - 1) // EVERY + 1)
        return bets.log_sum(np.append(self._capital, [self._stopped, waiting]))

    @property
    def since(self) -> int:
        return int(self._began[self._capital.argmax()]) if len(self._capital) else 0

    def moved(self) -> Floats:
        """[clusters] how many times as common each is since the likely change as in the reference."""
        if not len(self._capital):
            return np.ones(len(self._widths))
        counts = self._counts[self._capital.argmax()]
        return np.asarray((counts + _BELIEF * self._widths) / (counts.sum() + _BELIEF) / self._widths)

    @property
    def share(self) -> float:
        """Of the requests since then, how many are in a cluster beyond its part (total variation)."""
        return float(np.maximum(self.moved() * self._widths - self._widths, 0).sum())

    def state(self) -> State:
        return {
            "widths": self._widths,
            "members": self._members.copy(),
            "seen": np.array(self._seen),
            "stopped": np.array(self._stopped),
            "capital": self._capital,
            "began": self._began,
            "counts": self._counts.copy(),
        }

    @classmethod
    def restore(cls, state: State) -> "Mixture":
        mixture = cls(state["widths"], np.empty(0, np.int64))
        mixture._members = state["members"].copy()
        mixture._seen, mixture._stopped = int(state["seen"]), float(state["stopped"])
        mixture._capital, mixture._began = state["capital"].copy(), state["began"].copy()
        mixture._counts = state["counts"].copy()
        return mixture
