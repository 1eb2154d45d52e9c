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
from typing import Any

import numpy as np

from mainspring.drift.arrays import Counts, Floats, Halves, State, Vectors, part, restored, saved, within
from mainspring.drift.chance import uniforms
from mainspring.drift.learned import Course, Learner, packed, unpacked
from mainspring.drift.likeness import Likeness, stored
from mainspring.drift.memory import Memory
from mainspring.drift.mixture import Mixture
from mainspring.drift.ranks import Bag, in_order
from mainspring.drift.starts import Starts

LEARNED = 0.5  # of the reference; the rest calibrates
CLUSTERS = 8
STRANGE, MIXTURE = 0.3, 0.14
COURSES = (
    Course(window=64, every=32, life=384, weight=0.15),
    Course(window=128, every=64, life=640, weight=0.15),
    Course(window=384, every=128, life=1536, weight=0.26),
)
LEAST = 50  # reference vectors
_STREAM = 0  # of draws
_OWN = 4  # draws a request before those of the learners
_SEGMENT = 32  # requests; a multiple of it is where learners are born


@dataclass(frozen=True)
class Evidence:
    """One way of seeing. `log_value`: natural logarithm of its weight times its capital; alarm at log_bound().

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


@dataclass
class Embeddings:
    """Made by begin() or restore(). After an alarm begin anew, with another seed and the reference that holds from then
    on. `calibrating`: [n, d], and how strange each is."""

    seed: int
    alpha: float
    likeness: Likeness
    calibrating: Halves
    calibrating_strange: Floats
    bag: Bag
    strange: Starts
    mixture: Mixture
    memory: Memory
    learners: list[Learner]
    seen: int = 0
    alarmed_at: int | None = None

    @classmethod
    def begin(cls, reference: Vectors, seed: int, alpha: float = 0.01) -> "Embeddings":
        """`reference`: [n, d] of what was normal, at least LEAST rows. How they were made is how the requests' vectors
        are made, and was not fitted to them, unless to the requests' too."""
        if reference.ndim != 2 or len(reference) < LEAST:
            raise ValueError(f"a reference is at least {LEAST} vectors in rows")
        rng = np.random.default_rng([seed, 0])
        rows = stored(reference)[rng.permutation(len(reference))]
        learned, calibrating = np.split(rows, [int(LEARNED * len(rows))])
        likeness = Likeness.learn(learned, CLUSTERS, rng)
        usual = np.array([likeness.strangeness(row) for row in calibrating])
        clusters = np.array([likeness.cluster(row) for row in calibrating])
        return cls(
            seed,
            alpha,
            likeness,
            calibrating.astype(np.float16),
            usual,
            bag=Bag(in_order(usual)),
            strange=Starts.begin(),
            mixture=Mixture.begin(likeness.widths, clusters),
            memory=Memory.begin(rows.shape[1]),
            learners=[],
        )

    def take(self, vectors: Vectors) -> Taken:
        """[n, d] vectors in the order in which the requests came, at least one."""
        rows = stored(vectors)
        pieces = [self._segment(rows[start:stop]) for start, stop in self._segments(len(rows))]
        evidence, strange, clusters = (np.concatenate(column) for column in zip(*pieces, strict=True))
        return Taken(evidence, strange, clusters, self.alarmed_at)

    def _segments(self, count: int) -> Iterator[tuple[int, int]]:
        start = 0
        while start < count:
            stop = min(count, start + _SEGMENT - self.seen % _SEGMENT)
            yield start, stop
            start = stop

    def _segment(self, rows: Vectors) -> tuple[Floats, Floats, Counts]:
        """Row by row where products are made, so that their last bits do not depend on the batch."""
        strange = np.array([self.likeness.strangeness(row) for row in rows])
        clusters = np.array([self.likeness.cluster(row) for row in rows], np.int64)
        draws = uniforms(self.seed, _STREAM, self.seen, len(rows), _OWN + len(self.learners))
        evidence = [
            log(STRANGE) + self._seen_strange(strange, draws[:, :2]),
            np.array(
                [
                    log(MIXTURE) + self.mixture.take(int(one), draw[2])
                    for one, draw in zip(clusters, draws, strict=True)
                ]
            ),
        ]
        if self.learners:
            directions = np.stack([one.direction for one in self.learners])
            scores = strange[:, None] + np.array([directions @ row for row in rows])
            evidence += [one.take(scores[:, i], draws[:, _OWN + i]) for i, one in enumerate(self.learners)]
        self.memory.take(rows, strange, draws[:, 3])
        return self._finished(np.max(evidence, axis=0)), strange, clusters

    def _seen_strange(self, scores: Floats, draws: Floats) -> Floats:
        p = [self.bag.take(score, *draw) for score, draw in zip(scores.tolist(), draws.tolist(), strict=True)]
        return self.strange.take_all(np.array(p)[:, None])[:, 0]

    def _finished(self, evidence: Floats) -> Floats:
        crossed = np.flatnonzero(evidence >= self.log_bound())
        if self.alarmed_at is None and len(crossed):
            self.alarmed_at = self.seen + int(crossed[0])
        self.seen += len(evidence)
        if self.seen % _SEGMENT == 0:
            self._renew()
        return evidence

    def _renew(self) -> None:
        """Learners are born and retire."""
        due = [course for course in COURSES if course.due(self.seen)]
        if due:
            calibrating = self.calibrating.astype(np.float32), self.calibrating_strange
        born = [course.learner(self.likeness, self.memory, calibrating, self.seen) for course in due]
        self.learners = [one for one in self.learners if one.seen < one.life] + born

    def log_bound(self) -> float:
        return log(1 / self.alpha)

    def evidence(self) -> list[Evidence]:
        """The most convincing first."""
        strange, mixture = self.strange, self.mixture
        found = [
            Evidence(
                "strange", log(STRANGE) + float(strange.log_values[0]), strange.since(), strange.share()
            ),
            Evidence("mixture", log(MIXTURE) + mixture.log_value, mixture.since, mixture.share),
        ]
        if self.learners:
            best = max(self.learners, key=lambda one: one.log_value)
            found.append(Evidence("learned", best.log_value, best.born, best.share))
        return sorted(found, key=lambda one: -one.log_value)

    def moved(self) -> Floats:
        """[clusters] how many times as common each is since the mixture's likely change as in the reference."""
        return self.mixture.moved()

    def state(self) -> State:
        """All that is needed to go on exactly, as plain arrays. Some megabytes, however many requests were seen."""
        parts = {name: within(name, saved(getattr(self, name))) for name in _PARTS}
        numbers = {"seed": self.seed, "alpha": self.alpha, "seen": self.seen, "alarmed_at": self.alarmed_at}
        return {
            **{name: np.array(value) for name, value in numbers.items() if value is not None},
            "calibrating": self.calibrating,
            "calibrating_strange": self.calibrating_strange,
            **{name: array for one in parts.values() for name, array in one.items()},
            **within("learners", packed(self.learners, self.calibrating.shape[1])),
        }

    @classmethod
    def restore(cls, state: State) -> "Embeddings":
        """The inverse of state(), on the same kind of machine to the last bit."""
        own: dict[str, Any] = {
            name: one if one.ndim else one.item() for name, one in state.items() if "." not in name
        }
        parts: dict[str, Any] = {name: restored(kind, part(name, state)) for name, kind in _PARTS.items()}
        return cls(**own, **parts, learners=unpacked(part("learners", state)))


_PARTS: dict[str, type[Any]] = {
    "likeness": Likeness,
    "bag": Bag,
    "strange": Starts,
    "mixture": Mixture,
    "memory": Memory,
}
