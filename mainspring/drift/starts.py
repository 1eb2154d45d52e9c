"""A test martingale over p-values that is ready for a change at any moment: fresh capital enters with each request.

The capital is 1. A part of it, fixed beforehand, is set aside for each request and begins to bet there; the rest waits.
So a long quiet past ruins only what was already betting, and the whole is a mean of martingales in one filtration, that
of these p-values: a martingale, whose chance ever to pass 1/alpha is at most alpha (Ville, 1939). What is set aside for
request t is 1/log(t-1+e) - 1/log(t+e): all parts sum to 1, and of slowly shrinking ones these shrink about the slowest.
"""

import math

import numpy as np

from mainspring.drift import bets
from mainspring.drift.arrays import Counts, Floats, State

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


class Starts:
    """`since` and `small` follow, for each bet, the one start that has gained most."""

    def __init__(self) -> None:
        self.seen = 0
        self._betting = np.full(bets.COUNT, -np.inf)
        self._best = np.full(bets.COUNT, -np.inf)
        self._since: Counts = np.zeros(bets.COUNT, np.int64)
        self._small: Counts = np.zeros(bets.COUNT, np.int64)

    def take(self, p: float) -> float:
        """Logarithm of the capital after this p-value."""
        fresh = log_prior(self.seen) - math.log(bets.COUNT)
        payoffs = bets.log_payoffs(np.array([p]))[0]
        renewed = fresh > self._best
        self._since[renewed], self._small[renewed] = self.seen, 0
        self._small += p <= SMALL
        self._best = np.maximum(self._best, fresh) + payoffs
        self._betting = np.logaddexp(self._betting, fresh) + payoffs
        self.seen += 1
        return self.log_value

    @property
    def log_value(self) -> float:
        return float(np.logaddexp(bets.log_sum(self._betting), log_waiting(self.seen)))

    @property
    def since(self) -> int:
        """The most likely first request of the change, counted from 0."""
        return int(self._since[self._best.argmax()])

    @property
    def share(self) -> float:
        return changed_share(int(self._small[self._best.argmax()]), self.seen - self.since)

    def state(self) -> State:
        return {
            "seen": np.array(self.seen),
            "betting": self._betting,
            "best": self._best,
            "since": self._since.copy(),
            "small": self._small.copy(),
        }

    @classmethod
    def restore(cls, state: State) -> "Starts":
        starts = cls()
        starts.seen = int(state["seen"])
        starts._betting, starts._best = state["betting"].copy(), state["best"].copy()
        starts._since, starts._small = state["since"].copy(), state["small"].copy()
        return starts


def log_paths(before: Floats, p: Floats) -> Floats:
    """Capitals of the bets, without fresh starts: [COUNT] before and [n] p-values → [n, COUNT] after each."""
    steps = np.concatenate([before[None], bets.log_payoffs(p)])
    return np.asarray(np.add.accumulate(steps)[1:])
