"""Numbers that are equal for rows which are likely alike: some of each row, each in a file of its own.

Two rows with the Jaccard index s have one of b numbers in common with probability 1 - (1 - s^r)^b, if each stands for r
hashes (Leskovec, Rajaraman, Ullman, Mining of massive datasets, section 3.4).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_PRIME = np.uint64(0x9E3779B97F4A7C15)


class Bands:
    """[rows] of each band; on disk until it is its turn."""

    def __init__(self, folder: Path, many: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._paths = [folder / str(number) for number in range(many)]
        self._files = [path.open("wb") for path in self._paths]

    def put(self, numbers: NDArray[np.uint64]) -> None:
        """[rows, bands]"""
        for file, band in zip(self._files, numbers.T, strict=True):
            file.write(np.ascontiguousarray(band).tobytes())

    def close(self) -> None:
        """Nothing more is put in."""
        for file in self._files:
            file.close()

    def __len__(self) -> int:
        return len(self._paths)

    def read(self, number: int) -> NDArray[np.uint64]:
        return np.fromfile(self._paths[number], np.uint64)


def folded(hashes: NDArray[np.uint32], rows: int) -> NDArray[np.uint64]:
    """[n, hashes] to [n, hashes / rows]: each so many as one number, which depends on its place."""
    many = hashes.shape[1] // rows
    grouped = hashes[:, : many * rows].reshape(len(hashes), many, rows).astype(np.uint64)
    found = np.broadcast_to(np.arange(1, many + 1, dtype=np.uint64), (len(hashes), many)).copy()
    with np.errstate(over="ignore"):
        for place in range(rows):
            found = (found ^ grouped[:, :, place]) * _PRIME
            found ^= found >> np.uint64(32)
    return found
