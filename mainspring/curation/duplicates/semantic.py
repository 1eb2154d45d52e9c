"""Rows that mean nearly the same in other words: by the cosine of static word vectors, those that watch for drift.

Candidates share signs of random projections (Charikar, STOC 2002): of a cosine of 0.95, 16 signs are the same with
probability 0.18, and in one of 24 bands of them with 0.99. Vectors wait in a file, half a kilobyte a row and more.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mainspring.curation.duplicates.bands import Bands
from mainspring.curation.duplicates.candidates import Alike, Comparing
from mainspring.curation.fates import Fates
from mainspring.curation.numbers import Numbers
from mainspring.curation.rows import Row
from mainspring.curation.surroundings import Tell
from mainspring.curation.texts import parts
from mainspring.observe.encoder import bundled
from mainspring.observe.words import Words

STEP, REASON = "semantic_duplicates", "means nearly what an earlier row means"
BANDS, SIGNS = 24, 16


class Meanings:
    """Taken of the rows as they are put to wait. Raises StackError where there is no encoder."""

    def __init__(self, folder: Path) -> None:
        self._words = Words(bundled())
        self._path = folder / "vectors"
        self._file = self._path.open("wb")
        self.bands = Bands(folder / "signs", BANDS)
        drawn = np.random.default_rng(0).standard_normal((self._words.dimensions, BANDS * SIGNS))
        self._directions = drawn.astype(np.float32)
        self._middle: NDArray[np.float32] | None = None

    def put(self, rows: Sequence[Row]) -> None:
        """What all texts have in common says nothing: the mean of the first batch is taken away from each."""
        vectors = self._words.embed(["\n".join(parts(row)) for row in rows])
        if self._middle is None:
            self._middle = vectors.mean(axis=0) if len(vectors) > 100 else np.zeros_like(vectors[0])
        vectors = vectors - self._middle
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        self._file.write(vectors.astype(np.float16).tobytes())
        signs = (vectors @ self._directions > 0).reshape(len(rows), BANDS, SIGNS)
        weights = np.uint64(1) << np.arange(SIGNS, dtype=np.uint64)
        self.bands.put((signs * weights).sum(axis=2).astype(np.uint64))

    def close(self) -> None:
        """Nothing more is put in; what is there can be read."""
        self._file.close()
        self.bands.close()

    def forget(self) -> None:
        self.close()

    def vectors(self) -> NDArray[np.float16]:
        """[rows, dimensions], of length 1, read where they are looked at."""
        if not self._path.stat().st_size:
            return np.zeros((0, self._words.dimensions), np.float16)
        return np.memmap(self._path, np.float16, "r").reshape(-1, self._words.dimensions)


def mark(meanings: Meanings, numbers: Numbers, fates: Fates, least: float, tell: Tell) -> None:
    """From a cosine of `least` on."""
    labels, vectors = numbers.of("label"), meanings.vectors()

    def compare(one: int, other: int) -> Alike:
        if float(vectors[one].astype(np.float32) @ vectors[other].astype(np.float32)) < least:
            return Alike.NO
        return Alike.SAME if labels[one] == labels[other] else Alike.CLOSE

    def told(fraction: float) -> None:
        tell(0.85 + 0.05 * fraction, "comparing rows by what they mean", {})

    Comparing(fates, STEP, REASON, compare).through(meanings.bands, told)
