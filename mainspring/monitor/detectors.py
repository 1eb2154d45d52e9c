"""Which detectors watch a version: one a feature, each with a part of alpha; and where they stand.

Each detector's evidence is a process of its own that passes 1/a ever with a chance of at most a. They look at different
features of the same requests, so their evidence must not be averaged (Choe, Ramdas, Combining evidence across
filtrations, 2024): alpha is divided instead, and each alarms at its part of it. So it is with segments of the traffic.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mainspring.drift.arrays import State, part, within
from mainspring.drift.embeddings import LEAST, Embeddings
from mainspring.monitor.arrays import Arrays
from mainspring.monitor.batch import VECTORS, Batch
from mainspring.monitor.features import (
    FEATURES,
    LEAST_IN_SEGMENT,
    MOST_SEGMENTS,
    MOST_SHARE,
    SEGMENTED,
    SEGMENTS,
    Feature,
    Kind,
)
from mainspring.terms import AlarmKind


@dataclass(frozen=True)
class Crossing:
    """`place` in the batch at which a feature's evidence crossed its threshold.

    `before`: values of this feature since the change began, most likely; `spread`: requests for each
    of them; `share`: of them that are changed, at least.
    """

    feature: str
    segment: str
    kind: AlarmKind
    place: int
    value: float
    threshold: float
    before: int
    spread: float
    share: float


@dataclass(frozen=True)
class Watching:
    """A detector of a feature in a segment of the traffic; empty: in all of it."""

    feature: str
    segment: str
    kind: AlarmKind
    detector: Embeddings
    value: float = 0.0

    @property
    def threshold(self) -> float:
        return -math.log(self.detector.alpha)


class Detectors:
    """All of one reference. A `value` is the natural logarithm of the evidence; alarm at the `threshold`."""

    def __init__(self, watching: list[Watching]) -> None:
        self.watching = watching

    @classmethod
    def make(cls, reference: Arrays, alpha: float, seed: bytes) -> "Detectors":
        """Every one anew, with randomness of its own."""
        made = []
        for name, segment, feature, rows in _rows(reference):
            number = _seed(seed, f"{name} {segment}")
            detector = Embeddings(rows.astype(np.float32), number, alpha * feature.weight)
            made.append(Watching(name, segment, feature.kind, detector))
        return cls(made)

    def take(self, batch: Batch) -> Crossing | None:
        """Give them the requests; the first crossing, behind which nothing counts."""
        taken = [_taken(one, batch) for one in self.watching]
        self.watching = [one for one, _ in taken]
        found = [crossing for _, crossing in taken if crossing is not None]
        return min(found, key=lambda one: one.place, default=None)

    def state(self) -> State:
        names = [[one.feature, one.segment, one.kind.value] for one in self.watching]
        kept = [within(str(place), one.detector.state()) for place, one in enumerate(self.watching)]
        values = {"names": np.array(names, np.str_), "values": np.array([one.value for one in self.watching])}
        return {key: array for one in (values, *kept) for key, array in one.items()}

    @classmethod
    def restore(cls, state: State) -> "Detectors":
        named = zip(state["names"].tolist(), state["values"].tolist(), strict=True)
        return cls(
            [
                Watching(
                    feature, segment, AlarmKind(kind), Embeddings.restore(part(str(place), state)), value
                )
                for place, ((feature, segment, kind), value) in enumerate(named)
            ]
        )


def _rows(reference: Arrays) -> Iterator[tuple[str, str, Feature, NDArray[np.generic]]]:
    """What there is enough of, and of which segment."""
    for name, feature in FEATURES.items():
        if name in reference and feature.of is Kind.VECTOR and len(reference[name]) >= LEAST:
            yield name, "", feature, reference[name]
    found = _segments(reference)
    for segment in found:
        rows = reference[SEGMENTED][(reference["segments"] == segment).any(axis=1)]
        yield SEGMENTED, segment, SEGMENTS._replace(weight=SEGMENTS.weight / len(found)), rows


def _segments(reference: Arrays) -> list[str]:
    """The largest that are not nearly everything."""
    if SEGMENTED not in reference or "segments" not in reference:
        return []
    named, counts = np.unique(reference["segments"], return_counts=True)
    most = MOST_SHARE * len(reference[SEGMENTED])
    fit = [
        (-n, str(name))
        for name, n in zip(named, counts, strict=True)
        if name and LEAST_IN_SEGMENT <= n <= most
    ]
    return [name for _, name in sorted(fit)[:MOST_SEGMENTS]]


def _taken(one: Watching, batch: Batch) -> tuple[Watching, Crossing | None]:
    places, values = _column(batch, one.feature)
    if one.segment:
        labels = batch.segments()[one.segment.partition("=")[0]]
        mine = [row for row, place in enumerate(places) if labels[place] == one.segment]
        places, values = places[mine], values[mine]
    if not len(places):
        return one, None
    first, detector = one.detector.seen, one.detector
    evidence = detector.take(values).log_evidence
    after = replace(one, value=float(evidence[-1]))
    if detector.alarmed_at is None:
        return after, None
    at, best = detector.alarmed_at - first, detector.evidence()[0]
    return after, Crossing(
        feature=one.feature,
        segment=one.segment,
        kind=one.kind,
        place=int(places[at]),
        value=float(evidence[at]),
        threshold=one.threshold,
        before=max(1, detector.alarmed_at + 1 - best.since),
        spread=len(batch) / len(places),
        share=best.share,
    )


def _seed(seed: bytes, name: str) -> int:
    return int.from_bytes(hashlib.sha256(seed + name.encode()).digest()[:8], "big")


def _column(batch: Batch, name: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Places in the batch, and the values there."""
    if name in VECTORS:
        return batch.vectors[name]
    column = batch.numbers[name]
    places = np.flatnonzero(np.isfinite(column))
    return places, column[places].astype(np.float32)
