"""What the waiting rows say, in a file: any of them is read again where two have to be compared."""

from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mainspring.curation.shingles import shingles

BETWEEN = "\x1f"  # the parts of a row; canonical texts do not have it
LONGEST = 200_000  # characters of a row that are compared

Sets = tuple[NDArray[np.uint64], ...]


class Contents:
    """Canonical texts, a row after the other. Of each, 8 bytes stay in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._ends = array("Q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def put(self, parts: Sequence[str]) -> None:
        written = self._file.write(BETWEEN.join(part[:LONGEST] for part in parts).encode("utf-8", "replace"))
        self._ends.append(self._ends[-1] + written)

    def flush(self) -> None:
        """Before anything is read."""
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def text(self, row: int) -> str:
        start, end = self._ends[row], self._ends[row + 1]
        self._file.seek(start)
        return self._file.read(end - start).decode()

    def sets(self, row: int) -> Sets:
        """The different 5-grams of each of its parts, in order."""
        parts = self.text(row).split(BETWEEN)
        found, begins = shingles(parts)
        bounds = begins.astype(np.int64)
        return tuple(np.unique(found[bounds[place] : bounds[place + 1]]) for place in range(len(parts)))
