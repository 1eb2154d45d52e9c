"""Is a version worse than it was, by labels? Whether the mean loss is above the reference's by more than a tolerance.

A loss is in [0, 1]: an error is 1. Let r be the reference's mean loss, known up to its own bound: with a chance of
1 - alpha/2 it is below `ceiling`. For each later loss l the bet 1 + b·(l - ceiling - tolerance) pays at most 1 on average as
long as the risk is within the tolerance, whatever the losses before were, and even if they depend on each other.
The mean capital of bets of several sizes b, each begun anew at any moment, passes 2/alpha with a chance of at most
alpha/2: so a version that is no worse is accused with a chance of at most alpha, ever.

Sources: Waudby-Smith, Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024); Podkopaev,
Ramdas, Tracking the risk of a deployed model and detecting harmful distribution shifts, ICLR 2022.
"""

from dataclasses import dataclass
from math import log

import numpy as np

from mainspring.drift.arrays import Floats, State, restored, saved
from mainspring.drift.bets import log_sums
from mainspring.drift.starts import log_prior, log_waiting

_SIZES = np.array([0.05, 0.1, 0.2, 0.4, 0.7, 0.95])  # of bets, as parts of what can be lost at once
_GRID = 1000


def upper_bound(losses: Floats, alpha: float) -> float:
    """The mean of what the losses were drawn from is at most this, with a chance of 1 - alpha.

    By betting on each candidate that the mean is smaller: those that lose the bet by 1/alpha are not it. The size of a
    bet depends on the losses before it alone (the predictable plug-in of Waudby-Smith and Ramdas, section 3).
    """
    count = len(losses)
    before = np.concatenate([[0.5], losses[:-1]])
    steps = np.arange(1, count + 1)
    means = np.cumsum(before) / steps
    spreads = (0.25 + np.concatenate([[0.0], np.cumsum((losses - means) ** 2)[:-1]])) / steps
    sizes = np.minimum(np.sqrt(2 * log(1 / alpha) / (count * spreads)), 0.9)
    candidates = np.linspace(0, 1, _GRID + 1)[1:]
    wealth = np.log1p(sizes[:, None] * (candidates - losses[:, None])).cumsum(axis=0).max(axis=0)
    refused = candidates[wealth >= log(1 / alpha)]
    return float(refused.min()) if len(refused) else 1.0


@dataclass
class Risk:
    """Made by begin(). `reference`: its mean loss; `ceiling`: what its risk is at most. `betting`: logarithms."""

    alpha: float
    tolerance: float
    reference: float
    ceiling: float
    betting: Floats
    total: float = 0.0
    seen: int = 0
    alarmed_at: int | None = None

    @classmethod
    def begin(cls, reference: Floats, tolerance: float, alpha: float = 0.01) -> "Risk":
        """`reference`: [n] losses of when it was well. `tolerance`: by how much more risk is no alarm."""
        known = _losses(reference)
        if not len(known):
            raise ValueError("a reference has at least one loss")
        ceiling = upper_bound(known, alpha / 2)
        return cls(alpha, tolerance, float(known.mean()), ceiling, np.full(len(_SIZES), -np.inf))

    @property
    def allowed(self) -> float:
        return self.ceiling + self.tolerance

    def take(self, losses: Floats) -> Floats:
        """[n] losses in [0, 1], missing ones not finite → [n] logarithms of the capital after each. Alarm at
        log_bound()."""
        evidence = np.empty(len(losses))
        for i, loss in enumerate(np.asarray(losses, np.float64)):
            if np.isfinite(loss):
                self._take(float(_losses(np.array([loss]))[0]))
            evidence[i] = self.log_value
        return evidence

    def _take(self, loss: float) -> None:
        fresh = log_prior(self.seen) - log(len(_SIZES))
        payoffs = np.log1p(_SIZES / max(self.allowed, 1e-9) * (loss - self.allowed))
        self.betting = np.logaddexp(self.betting, fresh) + payoffs
        self.total += loss
        self.seen += 1
        if self.alarmed_at is None and self.log_value >= self.log_bound():
            self.alarmed_at = self.seen - 1

    def log_bound(self) -> float:
        return log(2 / self.alpha)

    @property
    def log_value(self) -> float:
        return float(np.logaddexp(log_sums(self.betting[None])[0], log_waiting(self.seen)))

    @property
    def mean(self) -> float | None:
        return self.total / self.seen if self.seen else None

    def state(self) -> State:
        return saved(self)

    @classmethod
    def restore(cls, state: State) -> "Risk":
        return restored(cls, state)


def _losses(values: Floats) -> Floats:
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if len(known) and (known.min() < 0 or known.max() > 1):
        raise ValueError("a loss is from 0 to 1")
    return known
