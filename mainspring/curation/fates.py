"""What becomes of the rows that are waiting: which stay, which go and why, and which belong together."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

STAYS = 0


@dataclass
class Fates:
    """`codes` [rows]: STAYS, or a place in `reasons`, each a step and a reason. `links`: rows of one side of a split."""

    codes: NDArray[np.int8]
    reasons: list[tuple[str, str]] = field(default_factory=lambda: [("", "")])
    links: list[NDArray[np.int64]] = field(default_factory=list)

    @classmethod
    def of(cls, rows: int) -> "Fates":
        return cls(np.zeros(rows, np.int8))

    @property
    def stays(self) -> NDArray[np.bool_]:
        return np.equal(self.codes, STAYS)

    def remove(self, rows: NDArray[np.int64] | NDArray[np.bool_], step: str, reason: str) -> None:
        """Of those that stay until now."""
        told = (step, reason)
        if told not in self.reasons:
            self.reasons.append(told)
        marked = np.zeros(len(self.codes), np.bool_)
        marked[rows] = True
        self.codes[marked & self.stays] = self.reasons.index(told)

    def by_step(self) -> dict[str, int]:
        """How many each step removed, in the order of the steps."""
        many = np.bincount(self.codes, minlength=len(self.reasons)).tolist()
        found: dict[str, int] = {}
        for (step, _), removed in zip(self.reasons[1:], many[1:], strict=True):
            found[step] = found.get(step, 0) + removed
        return found

    def link(self, pairs: NDArray[np.int64]) -> None:
        """[pairs, 2]"""
        if len(pairs):
            self.links.append(pairs.astype(np.int64))

    @property
    def linked(self) -> NDArray[np.int64]:
        return np.concatenate(self.links) if self.links else np.zeros((0, 2), np.int64)
