"""Which detectors watch a version: one a feature, each with a part of alpha; and where they stand.

Each detector's evidence is a process of its own that exceeds 1/a ever with a chance of at most a. They look at different
features of the same requests, so their evidence must not be averaged (Choe, Ramdas, Combining evidence across
filtrations, 2024): alpha is divided instead, and each alarms at its part of it.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mainspring.drift.provisional import Provisional
from mainspring.monitor.arrays import Arrays
from mainspring.monitor.batch import VECTORS, Batch
from mainspring.tables import DriftWatch, Reference, Version
from mainspring.terms import AlarmKind

#  feature              what moved                weight in alpha
FEATURES: dict[str, tuple[AlarmKind, float]] = {
    "words_prompt": (AlarmKind.DATA, 0.3),
    "encoded_prompt": (AlarmKind.DATA, 0.3),
    "prompt_tokens": (AlarmKind.DATA, 0.05),
    "prompt_log_probability": (AlarmKind.DATA, 0.05),
    "words_answer": (AlarmKind.PERFORMANCE, 0.05),
    "encoded_answer": (AlarmKind.PERFORMANCE, 0.05),
    "answer_tokens": (AlarmKind.PERFORMANCE, 0.05),
    "log_probability": (AlarmKind.PERFORMANCE, 0.05),
    "entropy": (AlarmKind.PERFORMANCE, 0.025),
    "margin": (AlarmKind.PERFORMANCE, 0.025),
}


@dataclass(frozen=True)
class Crossing:
    """`place` in the batch at which a feature's evidence crossed its threshold."""

    feature: str
    kind: AlarmKind
    place: int
    value: float
    threshold: float


@dataclass(frozen=True)
class Watched:
    """A version, what was normal for it as row and as arrays, and where its detectors stand."""

    version: Version
    normal: Reference
    arrays: Arrays
    watch: DriftWatch


class Detectors:
    """All of one reference. `value` of a feature: the natural logarithm of its evidence."""

    def __init__(self, reference: Arrays, alpha: float, state: Arrays) -> None:
        self._detectors = {
            name: Provisional(reference[name].astype(np.float64), _part(state, name), place)
            for place, name in enumerate(FEATURES)
            if name in reference
        }
        self.thresholds = {name: -math.log(alpha * FEATURES[name][1]) for name in self._detectors}
        self.values = dict.fromkeys(self._detectors, 0.0)

    def take(self, batch: Batch) -> Crossing | None:
        """Give them the requests; the first crossing, behind which nothing counts."""
        found = []
        for name, detector in self._detectors.items():
            places, values = _column(batch, name)
            evidence = detector.take(values)
            if len(evidence):
                self.values[name] = float(evidence[-1])
            beyond = np.flatnonzero(evidence >= self.thresholds[name])
            if len(beyond):
                at = beyond[0]
                found.append(
                    Crossing(
                        name, FEATURES[name][0], int(places[at]), float(evidence[at]), self.thresholds[name]
                    )
                )
        return min(found, key=lambda one: one.place, default=None)

    def state(self) -> Arrays:
        return {
            f"{name}.{part}": array
            for name, detector in self._detectors.items()
            for part, array in detector.state().items()
        }


def _part(state: Arrays, name: str) -> Arrays:
    return {key.removeprefix(f"{name}."): array for key, array in state.items() if key.startswith(f"{name}.")}


def _column(batch: Batch, name: str) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Places in the batch, and the values there."""
    if name in VECTORS:
        return batch.vectors[name]
    column = batch.numbers[name]
    places = np.flatnonzero(np.isfinite(column))
    return places, column[places]
