"""Have the vectors of requests drifted from a reference? Asked after every request, wrong with a chance of alpha at most.

Three ways of seeing, each with its part of alpha (the parts sum to 1, so together they alarm without a change with a
chance of at most alpha, however often and however long one looks):

- **strange**: requests are unlike any known ones. Quick, if much of the traffic changed.
- **mixture**: known kinds of requests are commoner than they were.
- **learned**: a window of requests differs from the reference, and what follows differs in the same way. For changes of
  a small part of the traffic, and for near subjects.

What holds for this bound: the reference and the requests are exchangeable, draws from one distribution. Requests that
come in bursts of their own (one client's batch of a thousand) are a change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import numpy as np

from mainspring.drift.arrays import Counts, Floats, State, Vectors, part, within
from mainspring.drift.chance import uniforms
from mainspring.drift.learned import Course, Learner, packed, unpacked
from mainspring.drift.likeness import Likeness, unit
from mainspring.drift.memory import Memory
from mainspring.drift.mixture import Mixture
from mainspring.drift.ranks import Bag
from mainspring.drift.starts import Starts

CLUSTERS = 12
STRANGE, MIXTURE = 0.4, 0.1
COURSES = (
    Course(window=64, every=32, life=384, weight=0.25),
    Course(window=256, every=128, life=1536, weight=0.25),
)
LEAST = 50  # reference vectors
_SEGMENT = 32  # requests; a multiple of it is where learners are born
_KEPT = 1024


@dataclass(frozen=True)
class Evidence:
    """One way of seeing. `log_value`: natural logarithm of its weight times its capital; alarm at log(1/alpha).

    `since`: the likely first changed request, counted from 0. `share`: of the requests since then, at least about so
    many changed.
    """

    member: str
    log_value: float
    since: int
    share: float


@dataclass(frozen=True)
class Taken:
    """[n] each, of one batch. `alarmed_at`: the first request that crossed the bound, counted from the detector's
    first; None: not yet."""

    log_evidence: Floats
    strangeness: Floats
    clusters: Counts
    alarmed_at: int | None


class Embeddings:
    """After an alarm make a new one, with another seed, of the reference that holds from then on."""

    def __init__(self, reference: Vectors, seed: int, alpha: float = 0.01) -> None:
        """`reference`: [n, d] of what was normal, at least LEAST rows. Nothing may have been fitted to the vectors that
        made the reference other than what made the requests' too, such as a frozen encoder."""
        if reference.ndim != 2 or len(reference) < LEAST:
            raise ValueError(f"a reference is at least {LEAST} vectors in rows")
        rng = np.random.default_rng([seed, 0])
        rows = unit(reference)[rng.permutation(len(reference))]
        half = len(rows) // 2
        self.seed, self.alpha, self.seen = seed, alpha, 0
        self.alarmed_at: int | None = None
        self.likeness = Likeness.learn(rows[:half], CLUSTERS, rng)
        self._calibrating = rows[half:]
        self._usual = np.array([self.likeness.strangeness(row) for row in self._calibrating])
        clusters = np.array([self.likeness.cluster(row) for row in self._calibrating])
        self._bag, self._strange = Bag(self._usual), Starts()
        self._mixture = Mixture(self.likeness.widths, clusters)
        self._memory = Memory(rows.shape[1], _KEPT)
        self._learners: list[Learner] = []

    def take(self, vectors: Vectors) -> Taken:
        """[n, d] vectors in the order in which the requests came."""
        rows = unit(vectors)
        pieces = [self._segment(rows[start:stop]) for start, stop in self._segments(len(rows))]
        if not pieces:
            return Taken(np.empty(0), np.empty(0), np.empty(0, np.int64), self.alarmed_at)
        return Taken(*(np.concatenate(column) for column in zip(*pieces, strict=True)), self.alarmed_at)

    def _segments(self, count: int) -> Iterator[tuple[int, int]]:
        start = 0
        while start < count:
            stop = min(count, start + _SEGMENT - self.seen % _SEGMENT)
            yield start, stop
            start = stop

    def _segment(self, rows: Vectors) -> tuple[Floats, Floats, Counts]:
        """Row by row where products are made, so that their last bits do not depend on the batch."""
        places = range(self.seen, self.seen + len(rows))
        strange = np.array([self.likeness.strangeness(row) for row in rows])
        clusters = np.array([self.likeness.cluster(row) for row in rows], np.int64)
        draws = np.array([uniforms(self.seed, place, 0, 4 + len(self._learners)) for place in places])
        evidence = [
            np.array(
                [
                    log(STRANGE) + self._seen_strange(one, *draw[:2])
                    for one, draw in zip(strange, draws, strict=True)
                ]
            ),
            np.array(
                [
                    log(MIXTURE) + self._mixture.take(int(one), draw[2])
                    for one, draw in zip(clusters, draws, strict=True)
                ]
            ),
        ]
        if self._learners:
            directions = np.stack([one.direction for one in self._learners])
            scores = strange[:, None] + np.array([directions @ row for row in rows])
            evidence += [one.take(scores[:, i], draws[:, 4 + i]) for i, one in enumerate(self._learners)]
        self._memory.take(rows, strange, draws[:, 3])
        return self._finished(np.max(evidence, axis=0)), strange, clusters

    def _seen_strange(self, score: float, tie: float, drop: float) -> float:
        return self._strange.take(self._bag.take(score, tie, drop))

    def _finished(self, evidence: Floats) -> Floats:
        crossed = np.flatnonzero(evidence >= -log(self.alpha))
        if self.alarmed_at is None and len(crossed):
            self.alarmed_at = self.seen + int(crossed[0])
        self.seen += len(evidence)
        if self.seen % _SEGMENT == 0:
            self._renew()
        return evidence

    def _renew(self) -> None:
        """Learners are born and retire."""
        memory = self._memory
        self._learners = [one for one in self._learners if one.seen < one.life]
        for course in (one for one in COURSES if one.due(self.seen)):
            window = memory.recent[-course.window :], memory.recent_strange[-course.window :]
            before = memory.recent[: -course.window], memory.recent_strange[: -course.window]
            rest = [(self._calibrating, self._usual), (memory.past, memory.past_strange), before]
            self._learners.append(course.learner(self.likeness, self.seen, window, rest))

    def evidence(self) -> list[Evidence]:
        """The most convincing first."""
        strange, mixture = self._strange, self._mixture
        found = [
            Evidence("strange", log(STRANGE) + strange.log_value, strange.since, strange.share),
            Evidence("mixture", log(MIXTURE) + mixture.log_value, mixture.since, mixture.share),
        ]
        if self._learners:
            best = max(self._learners, key=lambda one: one.log_value)
            found.append(Evidence("learned", best.log_value, best.born, best.share))
        return sorted(found, key=lambda one: -one.log_value)

    def moved(self) -> Floats:
        """[clusters] how many times as common each is since the mixture's likely change as in the reference."""
        return self._mixture.moved()

    def state(self) -> State:
        """All that is needed to go on exactly, as plain arrays. Some megabytes, however many requests were seen."""
        alarmed = -1 if self.alarmed_at is None else self.alarmed_at
        return {
            "seed": np.array(self.seed),
            "alpha": np.array(self.alpha),
            "seen": np.array(self.seen),
            "alarmed_at": np.array(alarmed),
            "calibrating": self._calibrating.astype(np.float16),
            "usual": self._usual,
            **within("likeness", self.likeness.state()),
            **within("bag", self._bag.state()),
            **within("strange", self._strange.state()),
            **within("mixture", self._mixture.state()),
            **within("memory", self._memory.state()),
            **within("learners", packed(self._learners, self._calibrating.shape[1])),
        }

    @classmethod
    def restore(cls, state: State) -> "Embeddings":
        """The inverse of state(), on the same kind of machine to the last bit."""
        drift = cls.__new__(cls)
        drift.seed, drift.alpha, drift.seen = int(state["seed"]), float(state["alpha"]), int(state["seen"])
        alarmed = int(state["alarmed_at"])
        drift.alarmed_at = None if alarmed < 0 else alarmed
        drift._calibrating, drift._usual = state["calibrating"].astype(np.float32), state["usual"]
        drift.likeness = Likeness.restore(part("likeness", state))
        drift._bag = Bag.restore(part("bag", state))
        drift._strange = Starts.restore(part("strange", state))
        drift._mixture = Mixture.restore(part("mixture", state))
        drift._memory = Memory.restore(part("memory", state))
        drift._learners = unpacked(part("learners", state))
        return drift
