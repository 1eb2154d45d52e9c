"""A test martingale over p-values that is ready for a change at any moment: fresh capital enters with each request.

The capital is 1. A part of it, fixed beforehand, is set aside for each request and begins to bet there; the rest waits.
So a long quiet past ruins only what was already betting, and the whole is a mean of martingales in one filtration, that
of these p-values: a martingale, whose chance ever to pass 1/alpha is at most alpha (Ville, 1939). What is set aside for
request t is 1/log(t-1+e) - 1/log(t+e): all parts sum to 1, and of slowly shrinking ones these shrink about the slowest.
"""

import math
from dataclasses import dataclass

import numpy as np

from mainspring.drift.arrays import Counts, Floats
from mainspring.drift.bets import WIDE, Bets, log_sums

SMALL = 0.2  # p-values up to here are counted: without a change they are a fifth of all


def log_prior(start: int) -> float:
    """Logarithm of the part of the capital that begins at the `start`-th request or chance, counted from 0."""
    return math.log(1 / math.log(start + math.e) - 1 / math.log(start + 1 + math.e))


def log_waiting(started: int) -> float:
    """Of the part that is still set aside after so many."""
    return -math.log(math.log(started + math.e))


def changed_share(small: int, count: int) -> float:
    """At least about this share of the requests changed, if what changed has small p-values (Storey, JRSS B 2002)."""
    return max(0.0, 1 - (1 - small / count) / (1 - SMALL)) if count else 0.0


@dataclass
class Starts:
    """Of several sequences of p-values side by side, [sequences, bets] each. `betting`: logarithm of the capital, over
    all starts. `best`, `best_start`, `best_small`: of the one start that has gained most, the capital, the request, and
    how many p-values up to SMALL there were since."""

    betting: Floats
    best: Floats
    best_start: Counts
    best_small: Counts
    seen: int = 0

    @classmethod
    def begin(cls, sequences: int = 1) -> "Starts":
        shape = sequences, len(WIDE)
        nothing = np.full(shape, -np.inf)
        return cls(nothing, nothing, np.zeros(shape, np.int64), np.zeros(shape, np.int64))

    def take(self, p: Floats) -> Floats:
        """[sequences] p-values of one request → the logarithms of the capital after it."""
        return np.asarray(self.take_all(p[None])[0])

    def take_all(self, p: Floats) -> Floats:
        """[n, sequences] p-values of requests in order → the logarithms of the capital after each."""
        shape = len(p), *self.betting.shape
        payoffs = WIDE.log_payoffs(p.ravel()).reshape(shape)
        small, first, paths = (p <= SMALL)[:, :, None], self.seen, np.empty(shape)
        for path, payoff, is_small in zip(paths, payoffs, small, strict=True):
            fresh = log_prior(self.seen) - math.log(len(WIDE))
            renewed = fresh > self.best
            if renewed.any():
                self.best_start[renewed], self.best_small[renewed] = self.seen, 0
            self.best_small += is_small
            self.best = np.maximum(self.best, fresh) + payoff
            self.betting = np.add(np.logaddexp(self.betting, fresh), payoff, out=path)
            self.seen += 1
        waiting = np.array([log_waiting(one) for one in range(first + 1, self.seen + 1)])
        sums = log_sums(paths.reshape(-1, len(WIDE))).reshape(p.shape)
        self.betting = self.betting.copy()  # the paths may go
        return np.asarray(np.logaddexp(sums, waiting[:, None]))

    @property
    def log_values(self) -> Floats:
        return np.asarray(np.logaddexp(log_sums(self.betting), log_waiting(self.seen)))

    def since(self, sequence: int = 0) -> int:
        """The most likely first request of the change, counted from 0."""
        return int(self.best_start[sequence, self.best[sequence].argmax()])

    def share(self, sequence: int = 0) -> float:
        small = self.best_small[sequence, self.best[sequence].argmax()]
        return changed_share(int(small), self.seen - self.since(sequence))


def log_paths(bets: Bets, before: Floats, p: Floats) -> Floats:
    """Capitals of the bets, without fresh starts: [bets] before and [n] p-values → [n, bets] after each."""
    steps = np.concatenate([before[None], bets.log_payoffs(p)])
    return np.asarray(np.add.accumulate(steps)[1:])
