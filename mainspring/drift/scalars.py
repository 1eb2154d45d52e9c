"""Has a number that each request has (log-probability, length, latency, margin) drifted from a reference?

Its rank among the reference and all before is a conformal p-value (ranks.py), uniform as long as nothing changed. Three
bets on it share the capital, each ready for a change at any moment (starts.py): on low p (the number rises), on high p
(it falls), and on both ends (it spreads). All are in the filtration of the same p-values, so their mean is a martingale.

**With a tolerance** only a rise by more than this factor counts, as for a latency, which slowly moves without harm. The
requests are then compared with the reference times the tolerance alone, and p is taken larger by what the reference's
distribution may be off, all over and with a chance of at most half of alpha (Massart, Annals of Probability 1990): so p
is no smaller than uniform, bets that fall in p gain nothing, and the other half of alpha is theirs. Times that follow
each other closely are not independent: give such a detector a median a minute, not each request's.
"""

from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np

from mainspring.drift.arrays import Floats, State, part, restored, saved, within
from mainspring.drift.bets import log_means
from mainspring.drift.chance import uniforms
from mainspring.drift.ranks import Bag, in_order
from mainspring.drift.starts import Starts

WAYS = ("up", "down", "spread")
_STREAM = 1  # of draws


@dataclass(frozen=True)
class Moved:
    """`way`: up, down or spread, by the most evidence. `since`: the likely first changed number, counted from 0 among
    those that were not missing. `share`: of the numbers since then, at least about so many changed."""

    way: str
    log_value: float
    since: int
    share: float


@dataclass
class Scalar:
    """Made by begin() or restore(). `doubt`: with a tolerance, what p is taken larger by."""

    seed: int
    alpha: float
    tolerance: float | None
    doubt: float
    bag: Bag
    starts: Starts
    seen: int = 0
    alarmed_at: int | None = None

    @classmethod
    def begin(
        cls, reference: Floats, seed: int, alpha: float = 0.01, tolerance: float | None = None
    ) -> "Scalar":
        """`reference`: [n], of which those that are not finite are left out. `tolerance`: a factor of at least 1 for
        numbers that are positive; None: any change counts."""
        known = np.asarray(reference, np.float64)
        known = known[np.isfinite(known)]
        if not len(known):
            raise ValueError("a reference has at least one number")
        if tolerance is not None and tolerance < 1:
            raise ValueError("a tolerance is a factor of at least 1")
        bag = Bag(in_order(known if tolerance is None else known * tolerance))
        starts = Starts.begin(len(WAYS) if tolerance is None else 1)
        return cls(seed, alpha, tolerance, sqrt(log(2 / alpha) / (2 * len(known))), bag, starts)

    def take(self, values: Floats) -> Floats:
        """[n] numbers → [n] logarithms of the capital after each. Missing ones are not finite and change nothing.
        Alarm at log_bound()."""
        given = np.asarray(values, np.float64)
        known = np.isfinite(given)
        path = np.append(self.log_value, self._take(given[known]))
        return np.asarray(path[np.cumsum(known)], np.float64)

    def _take(self, values: Floats) -> Floats:
        """Of those that are there."""
        p = np.array(self._ranked(values))
        ways = np.stack([p, 1 - p, 2 * np.minimum(p, 1 - p)], axis=1)[:, : len(self.starts.betting)]
        evidence = log_means(self.starts.take_all(ways))
        crossed = np.flatnonzero(evidence >= self.log_bound())
        if self.alarmed_at is None and len(crossed):
            self.alarmed_at = self.seen + int(crossed[0])
        self.seen += len(values)
        return evidence

    def _ranked(self, values: Floats) -> list[float]:
        if self.tolerance is not None:
            return [min(1.0, self.bag.above(value) + self.doubt) for value in values]
        draws = uniforms(self.seed, _STREAM, self.seen, len(values), 2)
        return [self.bag.take(value, *draw) for value, draw in zip(values, draws.tolist(), strict=True)]

    def log_bound(self) -> float:
        return log((1 if self.tolerance is None else 2) / self.alpha)

    @property
    def log_value(self) -> float:
        return float(log_means(self.starts.log_values[None])[0])

    def moved(self) -> Moved:
        best = int(self.starts.log_values.argmax())
        return Moved(WAYS[best], self.log_value, self.starts.since(best), self.starts.share(best))

    def state(self) -> State:
        """All that is needed to go on exactly, as plain arrays."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        return {
            **{name: np.array(value) for name, value in numbers.items() if value is not None},
            **within("bag", saved(self.bag)),
            **within("starts", saved(self.starts)),
        }

    @classmethod
    def restore(cls, state: State) -> "Scalar":
        numbers: dict[str, Any] = {name: state[name].item() if name in state else None for name in _NUMBERS}
        return cls(
            **numbers, bag=restored(Bag, part("bag", state)), starts=restored(Starts, part("starts", state))
        )


_NUMBERS = ("seed", "alpha", "tolerance", "doubt", "seen", "alarmed_at")
