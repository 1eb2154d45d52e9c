"""How fast a loop has been of late, and how long the rest of it will take."""

from collections import deque
from typing import NamedTuple

WINDOW = 60.0  # seconds


class _Mark(NamedTuple):
    at: float
    step: int
    tokens: int


class Speed:
    """Over the last minute, checkpoints and evaluations included. `now`: seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self._marks: deque[_Mark] = deque()

    def mark(self, now: float, step: int, tokens: int) -> None:
        """`step`, `tokens`: all of them until now."""
        self._marks.append(_Mark(now, step, tokens))
        while len(self._marks) > 2 and self._marks[1].at <= now - WINDOW:
            self._marks.popleft()

    @property
    def tokens_per_second(self) -> float | None:
        """None: not known yet, or nothing counts them."""
        seconds = self._seconds
        return (self._marks[-1].tokens - self._marks[0].tokens) / seconds or None if seconds else None

    def remaining(self, steps: int) -> float | None:
        """Seconds that so many more steps take. None: not known yet."""
        done = self._marks[-1].step - self._marks[0].step if self._marks else 0
        return steps * self._seconds / done if done else None

    @property
    def _seconds(self) -> float:
        return self._marks[-1].at - self._marks[0].at if self._marks else 0.0


def spoken(seconds: float) -> str:
    """For a line that a person reads: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
