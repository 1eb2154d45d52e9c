"""Learners: each looks at a window of requests, fits which way they differ from the reference, and bets on what follows.

A change of a small part of the traffic is seen soon only by those who know what to look for. A learner takes the latest
`window` requests and finds the direction that tells them from the reference (directions.py). Its score is strangeness
plus a step in this direction, as long as the difference is beyond chance.

**Why this is exact.** From its birth on a learner's score is a fixed function, fitted to the learned half and to the
window alone. Given those, the calibrating half, the requests before the window and those after the birth are
exchangeable if nothing changed, so the p-values of the latter among them all are independent and uniform (ranks.py),
and the learner's capital is a martingale *in the filtration of its own p-values*. Two learners' capitals do not share
one, and a mean of them would not be a martingale (Choe, Ramdas, Combining evidence across filtrations, 2024). So each
learner has a weight instead, the weights of all sum to at most 1, and it alarms when weight times capital passes
1/alpha: all together do so with a chance of at most alpha.
"""

from dataclasses import dataclass

import numpy as np

from mainspring.drift.arrays import Floats, State, Vectors
from mainspring.drift.bets import NARROW, log_means
from mainspring.drift.directions import direction
from mainspring.drift.likeness import Likeness
from mainspring.drift.memory import Memory
from mainspring.drift.ranks import DIGITS, in_order
from mainspring.drift.starts import SMALL, changed_share, log_paths, log_prior


@dataclass
class Learner:
    """`scores`: in order, of all that its p-values are ranks among. `capital`: [bets] logarithms. `small`: p-values
    up to SMALL, of `seen`."""

    born: int
    life: int
    weight: float
    direction: Vectors
    scores: Floats
    capital: Floats
    small: int = 0
    seen: int = 0

    def take(self, scores: Floats, ties: Floats) -> Floats:
        """[n] scores → [n] logarithms of weight times capital after each."""
        rounded = np.round(scores, DIGITS)
        low, high = (np.searchsorted(self.scores, rounded, side) for side in ("left", "right"))
        earlier = np.tri(len(rounded), k=-1, dtype=bool)
        above = len(self.scores) - high + (earlier & (rounded[None] > rounded[:, None])).sum(axis=1)
        equal = high - low + 1 + (earlier & (rounded[None] == rounded[:, None])).sum(axis=1)
        p = (above + ties * equal) / (len(self.scores) + 1 + np.arange(len(rounded)))
        coming = np.sort(rounded)
        self.scores = np.insert(self.scores, np.searchsorted(self.scores, coming), coming)
        paths = log_paths(NARROW, self.capital, p)
        self.capital = paths[-1]
        self.small += int((p <= SMALL).sum())
        self.seen += len(p)
        return self.weight + log_means(paths)

    @property
    def log_value(self) -> float:
        return self.weight + float(log_means(self.capital[None])[0])

    @property
    def share(self) -> float:
        return changed_share(self.small, self.seen)


@dataclass(frozen=True)
class Course:
    """Learners with one length of window. The `number`-th is born with the part log_prior(number) of `weight`."""

    window: int
    every: int
    life: int
    weight: float

    def due(self, seen: int) -> bool:
        return seen >= self.window and (seen - self.window) % self.every == 0

    def learner(
        self, likeness: Likeness, memory: Memory, calibrating: tuple[Vectors, Floats], seen: int
    ) -> Learner:
        """Born after `seen` requests. `calibrating`: vectors and how strange each is."""
        found = direction(likeness, *memory.window(self.window))
        others = [calibrating, memory.before(self.window)]
        scores = np.concatenate([strange + vectors @ found for vectors, strange in others])
        weight = np.log(self.weight) + log_prior((seen - self.window) // self.every)
        return Learner(seen, self.life, float(weight), found, in_order(scores), np.zeros(len(NARROW)))


def packed(learners: list[Learner], width: int) -> State:
    return {
        "born": np.array([one.born for one in learners], np.int64),
        "life": np.array([one.life for one in learners], np.int64),
        "weight": np.array([one.weight for one in learners]),
        "small": np.array([one.small for one in learners], np.int64),
        "seen": np.array([one.seen for one in learners], np.int64),
        "lengths": np.array([len(one.scores) for one in learners], np.int64),
        "scores": np.concatenate([np.empty(0), *(one.scores for one in learners)]),
        "directions": np.array([one.direction for one in learners], np.float32).reshape(-1, width),
        "capital": np.array([one.capital for one in learners]).reshape(-1, len(NARROW)),
    }


def unpacked(state: State) -> list[Learner]:
    pieces = np.split(state["scores"], np.cumsum(state["lengths"])[:-1]) if len(state["lengths"]) else []
    return [
        Learner(
            int(state["born"][i]),
            int(state["life"][i]),
            float(state["weight"][i]),
            state["directions"][i],
            scores,
            state["capital"][i],
            int(state["small"][i]),
            int(state["seen"][i]),
        )
        for i, scores in enumerate(pieces)
    ]
