"""How many tokens of prompts are read beside a decode step: as many as take about as long as the step itself.

So whoever decodes waits at most twice as long for the next token, however long the prompt is. Where many slots read
and few decode it is more, because slots that read write nothing. It knows seconds and no tensor.
"""

from collections import deque
from statistics import median

MOST = 1024  # tokens of one pass: more are multiplied no faster
_STEP = 16  # tokens; a few sizes only, because the first product of each size costs more
_FIRST = 64  # tokens, before anything is known
_SHARE = 0.75  # of a step's time: no pass takes exactly as long as was thought
_CROWD = 4  # so many times the share in which slots read goes to reading
_KEPT = 5  # measurements of each kind


class Pace:
    """`fixed`: tokens, whatever they cost."""

    def __init__(self, fixed: int | None = None) -> None:
        self._fixed = fixed
        self._steps: dict[int, deque[float]] = {}  # seconds, by rows
        self._costs: deque[float] = deque(maxlen=_KEPT)  # seconds of one token, beyond those of the step
        self._last = _FIRST

    def passed(self, tokens: int, rows: int, seconds: float) -> None:
        """A pass read so many tokens while so many rows decoded."""
        if not tokens:
            self._steps.setdefault(rows, deque(maxlen=_KEPT)).append(seconds)
        elif tokens >= _STEP and (self._steps or not rows):
            self._costs.append((seconds - (self._step(rows) if rows else 0.0)) / tokens)
            self._last = tokens

    def chunk(self, reading: int, decoding: int) -> int:
        """`reading`, `decoding`: how many slots do."""
        if self._fixed is not None:
            return self._fixed
        if not decoding:
            return MOST
        if not self._steps or not self._costs:
            return _FIRST
        seconds = self._step(decoding) * _SHARE * max(1.0, _CROWD * reading / decoding)
        tokens = int(min(2 * self._last, seconds / max(median(self._costs), 1e-9)))
        return max(_STEP, min(MOST, tokens // _STEP * _STEP))

    def _step(self, rows: int) -> float:
        """Seconds of a step, of those measured the one of the most similar number of rows."""
        return median(self._steps[min(self._steps, key=lambda known: abs(known - rows))])
