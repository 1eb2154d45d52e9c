"""How many threads a training step should use, found by trying: all cores while they are free, one while they are not.

Two threads that wait for each other at every operation are 7 times slower than one when a third process wants
the cores (measured: 0.13 against 1.0 steps a second), and nearly twice as fast when none does.
"""

import statistics
from collections.abc import Callable

TRIAL = 2  # steps with the other number
FIRST = 4  # steps until the first trial: a busy machine shows at once
SHORTEST, LONGEST = 20, 160  # steps between two trials; doubled when a trial changed nothing


class Pace:
    """Call step() with the seconds of each step. `use` sets the number of threads; `most` is what there is."""

    def __init__(self, most: int, use: Callable[[int], object]) -> None:
        self._most, self._use = most, use
        self._current, self._other = most, 1
        self._settled: list[float] = []
        self._trial: list[float] = []
        self._trying = False
        self._between = FIRST

    @property
    def threads(self) -> int:
        return self._other if self._trying else self._current

    def step(self, seconds: float) -> None:
        """Does nothing where there is one core only."""
        if self._most == 1:
            return
        if not self._trying:
            self._settled.append(seconds)
            if len(self._settled) >= self._between:
                self._switch(trying=True)
            return
        self._trial.append(seconds)
        if len(self._trial) >= TRIAL:
            self._decide()

    def _decide(self) -> None:
        recent = statistics.median(self._settled[-5:])
        if max(self._trial) < recent:
            self._current, self._other = self._other, self._current
            self._between = SHORTEST
        else:
            self._between = max(SHORTEST, min(2 * self._between, LONGEST))
        self._settled, self._trial = [], []
        self._switch(trying=False)

    def _switch(self, *, trying: bool) -> None:
        self._trying = trying
        self._use(self.threads)
