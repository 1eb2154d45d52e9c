"""The requests that are kept: the latest in order, and of those before them some, at random."""

import numpy as np

from mainspring.drift.arrays import Floats, State, Vectors


class Memory:
    """`recent`: the latest `limit`, oldest first. `past`: at most `limit` of the older, each as likely to be there."""

    def __init__(self, width: int, limit: int) -> None:
        self.limit = limit
        self.recent: Vectors = np.empty((0, width), np.float32)
        self.recent_strange: Floats = np.empty(0)
        self.past: Vectors = np.empty((0, width), np.float32)
        self.past_strange: Floats = np.empty(0)
        self._left = 0  # how many have left `recent` so far

    def take(self, vectors: Vectors, strange: Floats, draws: Floats) -> None:
        """`draws`: [n] uniform; where one that leaves `recent` is kept (reservoir sampling; Vitter, TOMS 1985)."""
        self.recent = np.concatenate([self.recent, vectors])
        self.recent_strange = np.append(self.recent_strange, strange)
        leaving = max(0, len(self.recent) - self.limit)
        for vector, score, draw in zip(
            self.recent[:leaving], self.recent_strange[:leaving], draws[len(draws) - leaving :], strict=True
        ):
            self._keep(vector, float(score), float(draw))
        self.recent, self.recent_strange = self.recent[leaving:], self.recent_strange[leaving:]

    def _keep(self, vector: Vectors, score: float, draw: float) -> None:
        self._left += 1
        if len(self.past) < self.limit:
            self.past = np.concatenate([self.past, vector[None]])
            self.past_strange = np.append(self.past_strange, score)
        elif (place := int(draw * self._left)) < self.limit:
            self.past[place], self.past_strange[place] = vector, score

    def state(self) -> State:
        return {
            "limit": np.array(self.limit),
            "recent": self.recent.astype(np.float16),
            "recent_strange": self.recent_strange,
            "past": self.past.astype(np.float16),
            "past_strange": self.past_strange.copy(),
            "left": np.array(self._left),
        }

    @classmethod
    def restore(cls, state: State) -> "Memory":
        memory = cls(state["recent"].shape[1], int(state["limit"]))
        memory.recent, memory.past = state["recent"].astype(np.float32), state["past"].astype(np.float32)
        memory.recent_strange, memory.past_strange = state["recent_strange"], state["past_strange"].copy()
        memory._left = int(state["left"])
        return memory
