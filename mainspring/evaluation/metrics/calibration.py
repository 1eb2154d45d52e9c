"""Whether a version is right as often as it is sure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mainspring.evaluation.items import ONE_BY_ONE, Floats, Sums, summed
from mainspring.evaluation.pairing import Scale, jackknifed, nothing, of_three
from mainspring.evaluation.results import Measured

BINS = 10


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure a version was of its answer, from 0 to 1, and whether it was right."""

    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class Judged:
    challenger: Sure
    champion: Sure | None = None
    source: str = ONE_BY_ONE


def calibration(name: str, items: Sequence[Judged], level: float) -> Measured:
    """`calibration.<name>`: the expected calibration error over ten bins as wide as each other (Guo et al. 2017).

    Noise alone makes it larger, for both versions alike: of few items the difference tells more than the figures.
    """
    scale = Scale(f"calibration.{name}", "difference of confidence and accuracy", "lower", 1.0)
    if not items:
        return nothing(scale)
    sources = [one.source for one in items]
    other = [one.champion for one in items if one.champion is not None]
    own = summed(sources, _columns([one.challenger for one in items]))
    beside = summed(sources, _columns(other)) if len(other) == len(items) else None
    return of_three(scale, jackknifed(error_of, own, beside, level), sources, {"bins": BINS})


def error_of(sums: Sums) -> Floats:
    """Of columns of how many, of confidences, of right answers, a third each, a column a bin."""
    count, confidence, right = np.split(sums, 3, axis=1)
    return np.asarray(np.abs(confidence - right).sum(axis=1) / count.sum(axis=1))


def _columns(answers: Sequence[Sure]) -> Floats:
    made = np.zeros((len(answers), 3, BINS))
    for row, one in enumerate(answers):
        place = min(BINS - 1, int(one.confidence * BINS))
        made[row, :, place] = 1, one.confidence, one.right
    return made.reshape(len(answers), -1)
