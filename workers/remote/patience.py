"""A server that says that it is busy (429 or 503) is asked again after pauses, and is left to others in the end."""

import random
from collections.abc import Callable, Mapping

from mainspring.errors import EngineStopping

BUSY = (429, 503)
_FIRST_SECONDS, _LONGEST_SECONDS = 0.2, 10.0


class Busy(Exception):
    """`seconds`: for how long it wants to be left alone, if it says so."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("busy")
        said = headers.get("retry-after", "")
        self.seconds = float(said) if said.isdecimal() else None


class Patience:
    """Of one request, for so many seconds in all: its pauses double from 0.2 to 10 s, with a fifth of jitter."""

    def __init__(self, seconds: float, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._left, self._longest, self._next = seconds, seconds / 4, _FIRST_SECONDS
        self._uniform = uniform

    def pause(self, busy: Busy) -> float:
        """Seconds until the next try. Raises EngineStopping once there have been enough: no loss of the job's."""
        if self._left <= 0:
            raise EngineStopping("the inference server is too busy")
        wanted = max(self._next, busy.seconds or 0.0) * self._uniform(0.9, 1.1)
        pause = min(wanted, self._longest, self._left)
        self._next = min(2 * self._next, _LONGEST_SECONDS)
        self._left -= pause
        return pause
