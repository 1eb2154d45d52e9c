"""How many tokens of prompts are read beside a decode step: as many as take less long than the step itself.

So whoever is decoding waits for its next token at most twice as long as it would alone, whatever arrives (the chunked
prefill of Sarathi-Serve, Agrawal et al., OSDI 2024, with its budget in seconds instead of tokens). Where many slots
read and few decode it is more, because slots that read write nothing.
"""

from collections import deque
from statistics import median

from workers.gpu.slotted.grains import GRAIN

FIRST = 64  # tokens, before anything was measured
MOST = 1024  # tokens of one pass: more are multiplied no faster
SIZE = 16  # tokens are a multiple of it, because the first product of each size costs more
SHARE = 0.75  # of a step's time: the wait is to stay below two steps also where a measure was too low
CROWD = 4  # so many times the share in which slots read goes to reading
UNNOTICED = 0.02  # seconds that anybody may wait longer once
_KEPT = 5  # measures of each kind: their median follows the machine and the length of the texts


class Pace:
    """`fixed`: tokens, whatever they cost. Times are in seconds."""

    def __init__(self, fixed: int | None = None) -> None:
        self._fixed = fixed
        self._steps: dict[int, deque[float]] = {}  # by rows
        # Of one token, beyond what the step in the same pass costs; by whether the pass reads long prompts.
        self._costs: dict[bool, deque[float]] = {long: deque(maxlen=_KEPT) for long in (False, True)}
        self._last = FIRST

    def passed(self, tokens: int, rows: int, seconds: float, *, long: bool = False) -> None:
        """A pass read so many tokens, of a long prompt among others or not, and so many rows decoded in it."""
        if not tokens:
            self._steps.setdefault(rows, deque(maxlen=_KEPT)).append(seconds)
        elif tokens >= SIZE and (self._steps or not rows):
            self._costs[long].append((seconds - (self._step(rows) if rows else 0.0)) / tokens)
            self._last = tokens

    def chunk(self, reading: int, decoding: int, *, long: bool = False) -> int:
        """Tokens for the next pass; `reading`, `decoding`: how many slots do."""
        if self._fixed is not None:
            return self._fixed
        if not decoding:
            return MOST
        costs = self._costs[long]
        if not self._steps or not costs:
            return FIRST
        seconds = self._step(decoding) * SHARE * max(1.0, CROWD * reading / decoding)
        tokens = int(min(2 * self._last, seconds / max(median(costs), 1e-9)))
        return max(GRAIN, min(MOST, tokens // SIZE * SIZE))

    def bearable(self, tokens: int, decoding: int) -> bool:
        """Whether so many rows may wait once for a pass over so many tokens: as long as for a step, if it is seen at all."""
        if not decoding:
            return True
        costs = self._costs[False]
        if not self._steps or not costs:
            return False
        return tokens * median(costs) <= max(self._step(decoding), UNNOTICED)

    def _step(self, rows: int) -> float:
        """Of a step, of those measured the one of the most similar number of rows."""
        return median(self._steps[min(self._steps, key=lambda known: abs(known - rows))])
