"""Minutes of service, each good or bad: bad, if more than a tenth of its requests failed or were much slower than usual."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

SLOW = 2.0  # times what nineteen of twenty of the reference's requests took at most
_BAD = 0.1
_LEAST = 5  # requests, without which a minute says nothing


@dataclass
class Minutes:
    """`limit`: seconds of answering beyond which a request is slow. The minute that runs is counted until it is over."""

    limit: float
    minute: int = 0
    count: int = 0
    bad: int = 0

    @classmethod
    def usual(cls, seconds: NDArray[np.floating]) -> "Minutes":
        """Of the reference's requests."""
        return cls(SLOW * float(np.quantile(seconds, 0.95)))

    def take(
        self, moments: Sequence[datetime], failed: NDArray[np.bool_], seconds: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Requests in order → the places at which minutes were found to be over, and their losses: 1, it was bad."""
        places, losses = [], []
        for place, moment in enumerate(moments):
            minute = int(moment.timestamp() // 60)
            if minute > self.minute:
                if self.count >= _LEAST:
                    places.append(place)
                    losses.append(float(self.bad > _BAD * self.count))
                self.minute, self.count, self.bad = minute, 0, 0
            self.count += 1
            self.bad += bool(failed[place] or seconds[place] > self.limit)
        return np.array(places, np.int64), np.array(losses, np.float64)
