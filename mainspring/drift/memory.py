"""The requests that are kept: the latest in order, and of those before them some, at random."""

from dataclasses import dataclass

import numpy as np

from mainspring.drift.arrays import Floats, Vectors

LIMIT = 1024  # of each


@dataclass
class Memory:
    """`recent`: the latest, oldest first. `past`: of those that `left` it, each as likely to be there. With each vector
    its strangeness. Vectors are likeness.stored(): twice the memory of halves, which take longer to read than all else."""

    recent: Vectors
    recent_strange: Floats
    past: Vectors
    past_strange: Floats
    left: int = 0

    @classmethod
    def begin(cls, width: int) -> "Memory":
        return cls(
            np.empty((0, width), np.float32), np.empty(0), np.empty((0, width), np.float32), np.empty(0)
        )

    def take(self, vectors: Vectors, strange: Floats, draws: Floats) -> None:
        """`draws`: [n] uniform; where one that leaves `recent` is kept (reservoir sampling; Vitter, TOMS 1985)."""
        recent = np.concatenate([self.recent, vectors])
        scores = np.append(self.recent_strange, strange)
        leaving = max(0, len(recent) - LIMIT)
        for i, draw in zip(range(leaving), draws[len(draws) - leaving :], strict=True):
            self._keep(recent[i], float(scores[i]), float(draw))
        self.recent, self.recent_strange = recent[leaving:], scores[leaving:]

    def _keep(self, vector: Vectors, score: float, draw: float) -> None:
        self.left += 1
        if len(self.past) < LIMIT:
            self.past = np.concatenate([self.past, vector[None]])
            self.past_strange = np.append(self.past_strange, score)
        elif (place := int(draw * self.left)) < LIMIT:
            self.past[place], self.past_strange[place] = vector, score

    def window(self, length: int) -> tuple[Vectors, Floats]:
        """The latest `length`."""
        return self.recent[-length:].astype(np.float32, copy=False), self.recent_strange[-length:]

    def before(self, length: int) -> tuple[Vectors, Floats]:
        """All that is kept but the latest `length`."""
        vectors = np.concatenate([self.past, self.recent[:-length]]).astype(np.float32, copy=False)
        return vectors, np.append(self.past_strange, self.recent_strange[:-length])
