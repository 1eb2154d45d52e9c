"""How far an evaluation is, told about once a second."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Tell = Callable[
    [float, str, dict[str, Any]], None
]  # fraction, activity, measures; raises when it has to stop
Tick = Callable[[float], None]  # how much of a step is done, from 0 to 1

_SECONDS = 1.0


@dataclass
class Steps:
    """`count`: how many there will be at most, each of about the same length."""

    tell: Tell
    count: int
    done: int = 0
    _told: float = 0.0

    def begin(self, activity: str) -> Tick:
        """The next step. Whoever calls what this gives hears from `tell` that the work has to stop."""
        number, self.done = self.done, self.done + 1
        self.tell(number / self.count, activity, {})

        def tick(share: float) -> None:
            now = time.monotonic()
            if now - self._told >= _SECONDS:
                self._told = now
                self.tell((number + share) / self.count, activity, {})

        return tick
