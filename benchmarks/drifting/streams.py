"""Which text comes when: a reference, and then streams that begin as it was and move, or never move.

A reference and all streams beside it are dealt from one shuffle of the subject's texts, nothing twice: while nothing
changes, every order of reference and stream is as likely as any other, which is what a test may take for granted.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REFERENCE, STREAM = 2_000, 2_000  # requests
SHARES = (1.0, 0.5, 0.2, 0.1, 0.05)
QUIET = (0, 400)  # requests before the change
Mixture = Mapping[str, float]
Rows = NDArray[np.int32]

KNOWN: dict[str, Mixture] = {
    "sympy": {"sympy": 1.0},
    "sklearn": {"sklearn": 1.0},
    "python": {"python": 1.0},
    "mixture": {"python": 0.5, "sympy": 0.3, "sqlalchemy": 0.2},
}
PAIRS = (
    ("sympy", "sklearn"),
    ("sklearn", "sqlalchemy"),
    ("python", "sympy"),
    ("sklearn", "torch"),  # near
    ("mixture", "sqlalchemy"),  # a shift inside what was known
)


@dataclass(frozen=True)
class Case:
    """Of `known`, the share `share` turns to `new` after `quiet` requests. Share 0: nothing changes."""

    known: str
    new: str = ""
    share: float = 0.0
    quiet: int = 0


@dataclass(frozen=True)
class Round:
    """One reference and the streams that are held against it, as rows of the texts."""

    reference: Rows
    streams: list[tuple[Case, Rows]]


def cases(known: str) -> list[Case]:
    return [
        Case(known, new, share, quiet)
        for base, new in PAIRS
        if base == known
        for quiet in QUIET
        for share in SHARES
    ]


def rounds(sizes: Mapping[str, int], drifting: int, still: int) -> Iterator[Round]:
    """Of each known mixture `still` references with a stream that never moves; the first `drifting` of them also with
    a stream a case. `sizes`: of the subjects, whose rows follow one another."""
    for number in range(max(drifting, still)):
        for known, mixture in KNOWN.items():
            seed = [number, zlib.crc32(known.encode())]
            deck = Deck(sizes, np.random.default_rng(seed))
            reference = deck.deal(mixture, REFERENCE)
            chosen = [Case(known)] * (number < still) + cases(known) * (number < drifting)
            yield Round(reference, [(case, _stream(deck, case, seed)) for case in chosen])


class Deck:
    """The subjects' rows in a drawn order, dealt from the top."""

    def __init__(self, sizes: Mapping[str, int], rng: np.random.Generator) -> None:
        self._rng, self._left, begin = rng, dict[str, Rows](), 0
        for subject, size in sizes.items():
            self._left[subject] = begin + rng.permutation(size).astype(np.int32)
            begin += size

    def rest(self, rng: np.random.Generator) -> "Deck":
        """What has not been dealt, shuffled anew."""
        deck = Deck({}, rng)
        deck._left = {subject: rng.permutation(rows) for subject, rows in self._left.items()}
        return deck

    def deal(self, mixture: Mixture, count: int) -> Rows:
        return self._one_each(self._rng.choice(list(mixture), count, p=list(mixture.values())))

    def deal_changed(self, case: Case) -> Rows:
        mixture = KNOWN[case.known]
        subjects = self._rng.choice(list(mixture), STREAM, p=list(mixture.values())).astype(object)
        changed = np.arange(STREAM) >= case.quiet
        subjects[changed & (self._rng.random(STREAM) < case.share)] = case.new
        return self._one_each(subjects)

    def _one_each(self, subjects: Sequence[str] | NDArray[np.object_]) -> Rows:
        dealt = np.empty(len(subjects), np.int32)
        for subject, left in self._left.items():
            places = np.flatnonzero(np.asarray(subjects) == subject)
            assert len(places) <= len(left), f"there are too few texts of {subject}"
            dealt[places], self._left[subject] = left[: len(places)], left[len(places) :]
        return dealt


def _stream(deck: Deck, case: Case, seed: list[int]) -> Rows:
    own = zlib.crc32(f"{case.new} {case.share} {case.quiet}".encode())
    return deck.rest(np.random.default_rng([*seed, own])).deal_changed(case)
