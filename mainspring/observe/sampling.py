"""Which jobs the frozen encoder sees: as many as its share of a core pays for, drawn by their ids alone.

What is drawn depends on no text, so the sample is as exchangeable as the traffic is; and on the id by a hash, so that the
same job is drawn again whoever asks.
"""

import hashlib
from uuid import UUID

SHARE = 0.02  # of a core, where a policy says nothing
_SAVED_SECONDS = 10.0  # what was not spent for longer than this is lost: no burst after a quiet night
_FIRST_COST = 0.01  # seconds a text, before any was measured
_MEMORY = 0.9


def drawn(job: UUID, rate: float) -> bool:
    """With the probability `rate`, and by every lower rate only if by this."""
    place = int.from_bytes(hashlib.sha256(job.bytes).digest()[:8], "big")
    return place < rate * 2**64


class Budget:
    """Seconds of processor time that come in at `share` a second, for one deployment. Times on one clock, in seconds."""

    def __init__(self, now: float) -> None:
        self._saved, self._at = 0.0, now
        self._cost = _FIRST_COST

    def rate(self, share: float, texts: int, now: float) -> float:
        """The probability with which each of so many texts is to be drawn now."""
        self._saved = min(_SAVED_SECONDS * share, self._saved + share * max(0.0, now - self._at))
        self._at = now
        return 0.0 if self._saved <= 0 or not texts else min(1.0, self._saved / (texts * self._cost))

    def spent(self, seconds: float, texts: int) -> None:
        """So much for so many."""
        self._saved -= seconds
        if texts:
            self._cost = _MEMORY * self._cost + (1 - _MEMORY) * seconds / texts
