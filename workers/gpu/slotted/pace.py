"""How many tokens of prompts are read between two decode steps: as many as take about as long as a step.

So whoever is decoding waits for its next token at most twice as long as it would alone, whatever arrives (the chunked
prefill of Sarathi-Serve, Agrawal et al., OSDI 2024, with its budget in seconds instead of tokens).
"""

FIRST = 64  # tokens, before anything was measured
LEAST = 32  # fewer are hardly faster: a pass reads all weights for them
MOST = 1024
QUICK_SECONDS = 0.02  # nobody minds a wait this short, so that few who decode don't slow down many who arrive
SHARE = 0.5  # of a step's time: the wait is to stay below two steps also where a measure was too low
_WEIGHT = 0.2  # of the newest measure in the average


class Pace:
    """Averages of what was measured, in seconds; they follow the machine and the length of the texts."""

    def __init__(self) -> None:
        self._step: float | None = None
        self._token: float | None = None

    @property
    def chunk(self) -> int:
        """Tokens."""
        if self._step is None or self._token is None:
            return FIRST
        return min(MOST, max(LEAST, int(max(self._step * SHARE, QUICK_SECONDS) / self._token)))

    def stepped(self, seconds: float) -> None:
        self._step = _average(self._step, seconds)

    def read(self, tokens: int, seconds: float) -> None:
        """A pass over fewer tokens than LEAST says little of what a token costs among many."""
        if tokens >= LEAST:
            self._token = _average(self._token, seconds / tokens)


def _average(before: float | None, now: float) -> float:
    return now if before is None else before + _WEIGHT * (now - before)
