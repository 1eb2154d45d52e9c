"""What stays in memory of each row that waits: some numbers."""

from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Numbers:
    """Of each row, in the order of the file."""

    same: "array[int]" = field(default_factory=lambda: array("Q"))
    label: "array[int]" = field(default_factory=lambda: array("Q"))
    group: "array[int]" = field(default_factory=lambda: array("Q"))
    pin: "array[int]" = field(default_factory=lambda: array("b"))
    known: "array[int]" = field(default_factory=lambda: array("b"))  # whether an evaluation holds it

    def __len__(self) -> int:
        return len(self.same)

    def of(self, name: str) -> NDArray[Any]:
        """One of them as numpy has it, without a copy."""
        column = getattr(self, name)
        return np.frombuffer(column, np.dtype(column.typecode))
