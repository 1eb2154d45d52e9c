"""Which detectors watch a version: one a feature, each with a part of alpha; and where they stand.

Each detector's evidence is a process of its own that passes 1/a ever with a chance of at most a. They look at different
features of the same requests, so their evidence must not be averaged (Choe, Ramdas, Combining evidence across
filtrations, 2024): alpha is divided instead, and each alarms at its part of it. So it is with segments of the traffic.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mainspring.drift.arrays import State, part, restored, saved, within
from mainspring.drift.embeddings import Embeddings
from mainspring.drift.scalars import Scalar
from mainspring.monitor.arrays import Arrays
from mainspring.monitor.batch import Batch, Said
from mainspring.monitor.features import FEATURES, SEGMENTED, SEGMENTS, Feature, Kind
from mainspring.monitor.minutes import Minutes
from mainspring.monitor.plan import DriftPlan
from mainspring.monitor.segments import fits, segments
from mainspring.monitor.watchers import WATCHERS, Losses, Numbers, Values, Vectors, Watcher
from mainspring.monitor.watchers import Minutes as BadMinutes
from mainspring.terms import AlarmKind

LEAST = 50  # values of a reference, without which it says nothing of what is normal
Column = tuple[NDArray[np.int64], Values]  # places in the batch, and the values there


@dataclass(frozen=True)
class Crossing:
    """`place` in the batch at which a feature's evidence crossed its threshold.

    `before`: values of this feature since the change began, most likely; `spread`: requests for each of them; `share`: of
    them that are changed, at least.
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
    watcher: Watcher
    value: float = 0.0

    @property
    def threshold(self) -> float:
        return self.watcher.threshold

    def take(self, column: Column, requests: int) -> tuple["Watching", Crossing | None]:
        places, values = column
        if not len(places):
            return self, None
        watcher, first = self.watcher, self.watcher.seen
        evidence = watcher.take(values)
        after = replace(self, value=float(evidence[-1]))
        if watcher.alarmed_at is None:
            return after, None
        at, (since, share) = watcher.alarmed_at - first, watcher.began()
        return after, Crossing(
            feature=self.feature,
            segment=self.segment,
            kind=self.kind,
            place=int(places[at]),
            value=float(evidence[at]),
            threshold=self.threshold,
            before=max(1, watcher.alarmed_at + 1 - since),
            spread=requests / len(places),
            share=share,
        )


class Detectors:
    """All of one reference. A `value` is the natural logarithm of the evidence; alarm at the `threshold`."""

    def __init__(self, watching: list[Watching], minutes: Minutes) -> None:
        self.watching, self.minutes = watching, minutes

    @classmethod
    def make(
        cls, reference: Arrays, said: list[float], plan: DriftPlan, seed: bytes, *, served: bool = True
    ) -> "Detectors":
        """Every one anew, with randomness of its own. `said`: the first losses of all, so far.

        `served`: the reference knows how it was answered; before it does, nobody can say which minutes were slow.
        """
        alpha = plan.alpha
        made = []
        for name, feature in FEATURES.items():
            if feature.of is Kind.MINUTE and not served:
                continue
            number = _number(seed, name)
            share = alpha * feature.weight
            if feature.of is Kind.LOSS:
                watcher: Watcher | None = Losses(share, plan.risk_tolerance, said, known=len(said))
            else:
                watcher = _watcher(feature, reference.get(name), share, number)
            if watcher is not None:
                made.append(Watching(name, "", feature.kind, watcher))
        for segment, rows in segments(reference):
            weight = SEGMENTS.weight / len(segments(reference))
            inner = Embeddings.begin(rows.astype(np.float32), _number(seed, segment), alpha * weight)
            made.append(Watching(SEGMENTED, segment, SEGMENTS.kind, Vectors(inner)))
        seconds = reference.get("answering_seconds")
        return cls(made, Minutes(np.inf) if seconds is None else Minutes.usual(seconds.astype(np.float64)))

    def take(self, batch: Batch, said: Said) -> Crossing | None:
        """Give them the requests, and what was said meanwhile; the first crossing, behind which nothing counts."""
        minutes = self.minutes.take(batch.moments, batch.failed, batch.numbers["answering_seconds"])
        taken = [one.take(_column(one, batch, said, minutes), len(batch)) for one in self.watching]
        self.watching = [one for one, _ in taken]
        found = [crossing for _, crossing in taken if crossing is not None]
        return min(found, key=lambda one: one.place, default=None)

    def joined_by(self, others: "Detectors") -> "Detectors":
        """These go on as they stand; of the others those begin that look at something else, as they count minutes."""
        mine = {(one.feature, one.segment) for one in self.watching}
        more = [one for one in others.watching if (one.feature, one.segment) not in mine]
        return Detectors([*self.watching, *more], others.minutes)

    def state(self) -> State:
        names = [[one.feature, one.segment, one.kind.value, one.watcher.kind] for one in self.watching]
        kept = [within(str(place), one.watcher.state()) for place, one in enumerate(self.watching)]
        values = {
            "names": np.array(names, np.str_),
            "values": np.array([one.value for one in self.watching]),
            **within("minutes", saved(self.minutes)),
        }
        return {key: array for one in (values, *kept) for key, array in one.items()}

    @classmethod
    def restore(cls, state: State) -> "Detectors":
        named = zip(state["names"].tolist(), state["values"].tolist(), strict=True)
        watching = [
            Watching(feature, segment, AlarmKind(kind), WATCHERS[of].restore(part(str(place), state)), value)
            for place, ((feature, segment, kind, of), value) in enumerate(named)
        ]
        return cls(watching, restored(Minutes, part("minutes", state)))


def _watcher(
    feature: Feature, known: NDArray[np.generic] | None, alpha: float, number: int
) -> Watcher | None:
    """None: the reference has too little of it."""
    if feature.of is Kind.MINUTE:
        return BadMinutes.begin(alpha)
    if known is None or len(known) < LEAST:
        return None
    if feature.of is Kind.VECTOR:
        return Vectors(Embeddings.begin(known.astype(np.float32), number, alpha))
    return Numbers(Scalar.begin(known.astype(np.float64), number, alpha))


def _number(seed: bytes, name: str) -> int:
    return int.from_bytes(hashlib.sha256(seed + name.encode()).digest()[:7], "big")


def _column(one: Watching, batch: Batch, said: Said, minutes: Column) -> Column:
    feature = FEATURES[one.feature]
    if feature.of is Kind.MINUTE:
        return minutes
    if feature.of is Kind.LOSS:
        behind = np.searchsorted(batch.seqs, said.seqs)
        return np.minimum(behind, len(batch) - 1), said.losses
    if feature.of is Kind.VECTOR:
        places, rows = batch.vectors[one.feature]
        mine = [row for row, place in enumerate(places) if not one.segment or fits(batch, place, one.segment)]
        return places[mine], rows[mine]
    column = batch.numbers[one.feature]
    known = np.flatnonzero(np.isfinite(column))
    return known, column[known]
