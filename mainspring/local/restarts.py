"""When what died may start again. Pure: it knows no clock and no process."""

from dataclasses import dataclass

FIRST_DELAY = 0.2  # seconds
LONGEST_DELAY = 2.0  # a crash loop at this pace costs little; a job that waits for a worker costs its user
HEALTHY_AFTER = 30.0  # who lived so long had recovered: the next death is a first one


@dataclass(frozen=True)
class Restarts:
    """`total` deaths so far; `streak` of them in a row without a healthy life between."""

    total: int = 0
    streak: int = 0

    def died(self, *, lived: float) -> "Restarts":
        """After one more death; `lived` in seconds."""
        return Restarts(self.total + 1, 1 if lived >= HEALTHY_AFTER else self.streak + 1)

    @property
    def delay(self) -> float:
        """Seconds to wait before the next start: doubled with each death of the streak, bounded."""
        if self.streak == 0:
            return 0.0
        doublings = min(self.streak - 1, 16)  # far beyond the bound, and no huge powers
        return min(LONGEST_DELAY, FIRST_DELAY * 2.0**doublings)
