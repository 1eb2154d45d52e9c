"""Has the mixture of what is known changed? A martingale on which cluster each request is in.

The score of a request is the number of its cluster, so its conformal p-value (ranks.py; here the bag is a count a
cluster and nothing need be dropped) says little more than the cluster: p falls in the bin of its cluster, whose width is
that cluster's part of the reference. The bets are the bins' frequencies so far over their widths, each learned from the
p-values before, beginning anew every few requests. If p is uniform each pays 1 on average.
"""

from dataclasses import dataclass

import numpy as np

from mainspring.drift.arrays import Counts, Floats
from mainspring.drift.bets import log_sums
from mainspring.drift.starts import log_prior, log_waiting

EVERY = 16  # requests from one beginning to the next
BEGINNINGS = 64  # that bet at once; the oldest stops
_BELIEFS = np.array(
    [5.0, 50.0]
)  # requests that the reference's frequencies count for in a bet: for large changes, small


@dataclass
class Mixture:
    """`widths`: [clusters] of the bins, summing to 1. `members`: [clusters] in the bag. Of each beginning that still
    bets, in order: `began`: [n] its first request; `counts`: [n, clusters] p-values since; `capital`: [n, beliefs]
    logarithms. `stopped`: what the others had."""

    widths: Floats
    members: Counts
    began: Counts
    counts: Floats
    capital: Floats
    seen: int = 0
    stopped: float = -np.inf

    @classmethod
    def begin(cls, widths: Floats, calibrating: Counts) -> "Mixture":
        """`calibrating`: the clusters of those to compare with."""
        members = np.bincount(calibrating, minlength=len(widths))
        nothing = np.empty(0, np.int64), np.empty((0, len(widths))), np.empty((0, len(_BELIEFS)))
        return cls(widths, members, *nothing)

    def take(self, cluster: int, tie: float) -> float:
        """Logarithm of the capital after a request of this cluster."""
        if self.seen % EVERY == 0:
            self._begin()
        self.members[cluster] += 1
        above = self.members[:cluster].sum()
        p = (above + tie * self.members[cluster]) / self.members.sum()
        bin_ = int(np.searchsorted(np.cumsum(self.widths)[:-1], p, "right"))
        width = self.widths[bin_]
        so_far, of_all = self.counts[:, bin_, None], self.counts.sum(axis=1)[:, None]
        self.capital = self.capital + np.log((so_far / width + _BELIEFS) / (of_all + _BELIEFS))
        self.counts[:, bin_] += 1
        self.seen += 1
        return self.log_value

    def _begin(self) -> None:
        number = self.seen // EVERY
        if len(self.capital) == BEGINNINGS:
            self.stopped = float(np.logaddexp(self.stopped, log_sums(self.capital[:1])[0]))
            self.capital, self.began, self.counts = self.capital[1:], self.began[1:], self.counts[1:]
        fresh = np.full((1, len(_BELIEFS)), log_prior(number) - np.log(len(_BELIEFS)))
        self.capital = np.concatenate([self.capital, fresh])
        self.began = np.append(self.began, self.seen)
        self.counts = np.concatenate([self.counts, np.zeros((1, len(self.widths)))])

    @property
    def log_value(self) -> float:
        if not len(self.capital):
            return 0.0
        waiting = log_waiting((self.seen - 1) // EVERY + 1)
        return float(log_sums(np.append(self.capital, [self.stopped, waiting])[None])[0])

    @property
    def _best(self) -> int:
        return int(self.capital.max(axis=1).argmax())

    @property
    def since(self) -> int:
        return int(self.began[self._best]) if len(self.began) else 0

    def moved(self) -> Floats:
        """[clusters] how many times as common each is since the likely change as in the reference."""
        if not len(self.began):
            return np.ones(len(self.widths))
        counts, belief = self.counts[self._best], float(_BELIEFS[0])
        return np.asarray((counts / self.widths + belief) / (counts.sum() + belief))

    @property
    def share(self) -> float:
        """Of the requests since then, how many are in a cluster beyond its part (total variation)."""
        return float(np.maximum(self.moved() * self.widths - self.widths, 0).sum())
