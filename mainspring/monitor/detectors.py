"""Which detectors watch a version: one a feature, each with a part of alpha; and where they stand.

Each detector's evidence is a process of its own that passes 1/a ever with a chance of at most a. They look at different
features of the same requests, so their evidence must not be averaged (Choe, Ramdas, Combining evidence across
filtrations, 2024): alpha is divided instead, and each alarms at its part of it.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mainspring.drift.arrays import State, part, within
from mainspring.drift.embeddings import LEAST, Embeddings
from mainspring.monitor.arrays import Arrays
from mainspring.monitor.batch import VECTORS, Batch
from mainspring.monitor.features import FEATURES, Kind
from mainspring.terms import AlarmKind


class Detector(Protocol):
    """`take` gives the evidence after each value, as natural logarithms; it may be asked at any of them."""

    seen: int

    def take(self, values: NDArray[np.float64]) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class Crossing:
    """`place` in the batch at which a feature's evidence crossed its threshold.

    `before`: values of this feature since the change began, most likely; `share`: of them that are changed, at least.
    """

    feature: str
    kind: AlarmKind
    place: int
    value: float
    threshold: float
    before: int
    share: float


class Detectors:
    """All of one reference. `values`: the natural logarithm of each one's evidence; alarm at `thresholds`."""

    def __init__(self, reference: Arrays, alpha: float, seed: bytes) -> None:
        self._made = {
            name: Embeddings(
                reference[name].astype(np.float32), _seed(seed, name), alpha * FEATURES[name].weight
            )
            for name in FEATURES
            if name in reference and FEATURES[name].of is Kind.VECTOR and len(reference[name]) >= LEAST
        }
        self.values = dict.fromkeys(self._made, 0.0)

    @property
    def thresholds(self) -> dict[str, float]:
        return {name: -math.log(detector.alpha) for name, detector in self._made.items()}

    def take(self, batch: Batch) -> Crossing | None:
        """Give them the requests; the first crossing, behind which nothing counts."""
        found = [self._taken(name, detector, batch) for name, detector in self._made.items()]
        return min((one for one in found if one is not None), key=lambda one: one.place, default=None)

    def _taken(self, name: str, detector: Embeddings, batch: Batch) -> Crossing | None:
        places, values = _column(batch, name)
        if not len(places):
            return None
        first = detector.seen
        evidence = detector.take(values).log_evidence
        self.values[name] = float(evidence[-1])
        if detector.alarmed_at is None:
            return None
        at = detector.alarmed_at - first
        best = detector.evidence()[0]
        threshold = -math.log(detector.alpha)
        since = max(1, detector.alarmed_at + 1 - best.since)
        return Crossing(
            name, FEATURES[name].kind, int(places[at]), float(evidence[at]), threshold, since, best.share
        )

    def state(self) -> State:
        values = {"names": np.array(list(self.values)), "values": np.array(list(self.values.values()))}
        kept = [within(name, detector.state()) for name, detector in self._made.items()]
        return {key: array for one in (values, *kept) for key, array in one.items()}

    @classmethod
    def restore(cls, state: State) -> "Detectors":
        made = cls.__new__(cls)
        made.values = dict(zip(state["names"].tolist(), state["values"].tolist(), strict=True))
        made._made = {name: Embeddings.restore(part(name, state)) for name in made.values}
        return made


def _seed(seed: bytes, name: str) -> int:
    return int.from_bytes(hashlib.sha256(seed + name.encode()).digest()[:8], "big")


def _column(batch: Batch, name: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Places in the batch, and the values there."""
    if name in VECTORS:
        return batch.vectors[name]
    column = batch.numbers[name]
    places = np.flatnonzero(np.isfinite(column))
    return places, column[places].astype(np.float32)
