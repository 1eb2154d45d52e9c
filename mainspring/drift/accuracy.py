"""How often is a classifier right, when nobody has said yet? An estimate from its confidences, and what it is worth.

Two estimates from the literature, each right under its own assumption about what changed:

- **calibrated**: the mean of the confidences, each replaced by how often answers of such a confidence were right in the
  reference (isotonic by pooling adjacent violators). Right if confidence means the same as before (covariate shift).
- **threshold**: the share of confidences above the threshold at which this share was the reference's accuracy (average
  thresholded confidence; Garg, Balakrishnan, Lipton, Neyshabur, Sedghi, ICLR 2022).

Neither can see a change of what is right for the same input: labels can, and `error` says by how much it was off.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mainspring.drift.arrays import Floats

_Z = 1.959964


@dataclass(frozen=True)
class Estimate:
    """`low` to `high`: 95%, for chance in the sample and the reference; not for the assumption. `error`: the estimate
    minus what labels of the same requests say, `labelled` of them; None: no labels."""

    calibrated: float
    threshold: float
    low: float
    high: float
    count: int
    labelled: int
    error: float | None


class Confidences:
    def __init__(self, confidences: Floats, right: Floats) -> None:
        """Of the reference: [n] each, confidences in [0, 1] and whether the answer was right (1 or 0)."""
        if not len(confidences) or len(confidences) != len(right):
            raise ValueError("a reference has a confidence and a label for each of its answers, at least one")
        order = np.argsort(confidences, kind="stable")
        self._known = np.asarray(confidences, np.float64)[order]
        self._right = pooled(np.asarray(right, np.float64)[order])
        self.accuracy = float(np.mean(right))
        self._threshold = float(np.quantile(self._known, 1 - self.accuracy))

    def estimate(self, confidences: Floats, right: Floats | None = None) -> Estimate | None:
        """`right`: [n], not finite where it is not known. None: no confidences."""
        given = np.asarray(confidences, np.float64)
        if not len(given):
            return None
        chances = np.interp(given, self._known, self._right)
        value = float(chances.mean())
        doubt = float((chances * (1 - chances)).mean())
        half = _Z * np.sqrt((doubt + chances.var()) / len(given) + doubt / len(self._known))
        known = np.isfinite(right) if right is not None else np.zeros(len(given), bool)
        error = (
            None if right is None or not known.any() else _mean_of(chances, known) - _mean_of(right, known)
        )
        return Estimate(
            calibrated=value,
            threshold=float((given >= self._threshold).mean()),
            low=max(0.0, value - float(half)),
            high=min(1.0, value + float(half)),
            count=len(given),
            labelled=int(known.sum()),
            error=error,
        )


def pooled(values: Floats) -> Floats:
    """The non-decreasing sequence nearest to `values` (Ayer et al., Annals of Mathematical Statistics 1955)."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        mean, count = float(value), 1
        while blocks and blocks[-1][0] >= mean:
            before, size = blocks.pop()
            mean, count = (before * size + mean * count) / (size + count), size + count
        blocks.append((mean, count))
    return np.repeat([mean for mean, _ in blocks], [count for _, count in blocks])


def _mean_of(values: Floats, known: NDArray[np.bool_]) -> float:
    return float(np.asarray(values)[known].mean())
