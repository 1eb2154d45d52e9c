"""How many jobs of one version run here at once, and no wake-up lost between 'queue empty' and 'slot free'."""

from threading import Lock


class Slots:
    """A nudge that finds no slot free may be dropped: a busy slot looks again before it rests."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.busy = 0
        self._turned_away = False
        self._lock = Lock()

    def enter(self) -> bool:
        """True: the caller has a slot and must `leave` it. False: a busy slot will do the work."""
        with self._lock:
            if self.busy >= self.capacity:
                self._turned_away = True
                return False
            self.busy += 1
            return True

    def leave(self) -> bool:
        """True: a nudge was turned away meanwhile, so look at the queue once more."""
        with self._lock:
            self.busy -= 1
            again, self._turned_away = self._turned_away, False
            return again
