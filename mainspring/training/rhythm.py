"""When the next checkpoint is due, by the clock: whenever the process is killed, a minute of work is lost at most."""

from collections import deque

SHORTEST = 30.0  # seconds between two, where nothing forbids it
BOUND = 60.0  # seconds of work that a kill may cost
COST = 0.05  # of the time, for writing them, where the bound leaves room for that
_STEPS = 5  # the longest of the last so many is what the next one may take


class Rhythm:
    """Told of each step and of each checkpoint. The bound is kept while a step and a checkpoint fit into it together.

    Where writing one takes so long that it cannot be, half of the time is for work all the same. `now`: seconds of any clock.
    """

    def __init__(self, now: float) -> None:
        self._kept = self._last = now
        self._saving = 0.0
        self._steps: deque[float] = deque(maxlen=_STEPS)

    def stepped(self, now: float) -> bool:
        """A step has ended: whether a checkpoint has to be written before the next."""
        self._steps.append(now - self._last)
        self._last = now
        return self._due(now - self._kept)

    def saved(self, began: float, ended: float) -> None:
        """One that holds all work until `began` is complete."""
        self._kept, self._last = began, ended
        self._saving = max(ended - began, self._saving / 2)

    def paused(self, now: float) -> None:
        """Something that is no step has ended, such as an evaluation."""
        self._last = now

    def _due(self, at_risk: float) -> bool:
        if at_risk < 2 * self._saving:
            return False
        later = (
            at_risk + max(self._steps) + self._saving
        )  # what a kill costs just before the next one is complete
        return at_risk >= max(SHORTEST, self._saving / COST) or later > BOUND
