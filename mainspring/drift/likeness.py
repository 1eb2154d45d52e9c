"""What a reference teaches before anything is watched: how strange a vector is, which cluster it is in, what varies.

The reference is cut in two at random. From the one half, *learned*, comes everything here; the other, *calibrating*, is
never fitted to, so that its members and new requests are exchangeable as long as nothing changed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mainspring.drift.arrays import Floats, Vectors
from mainspring.drift.sphere import k_means, unit

NEIGHBOURS = 3
_SHRINKAGE = 2.0  # of the covariance, in mean eigenvalues: few vectors of many dimensions
# Where all are alike, as constant answers are, what is left are the last bits of products, and these depend on how they are
# made: a spread of cosines, or a variance, below this is none.
_LAST_BITS = 1e-6


def stored(vectors: Vectors) -> Vectors:
    """Rows of length 1, as half precision keeps them: that is how they are stored."""
    return np.asarray(unit(vectors).astype(np.float16), np.float32)


@dataclass(frozen=True)
class Likeness:
    """`learned`: [n, d] unit vectors, [n] how `strange` each is among the others, in units of `scale` (middle, spread).
    `mean`: [d]; `precision`: [d, d] the inverse of the shrunk covariance. `centres`: [clusters, d] of length 1; `widths`:
    [clusters] parts of the whole."""

    learned: Vectors
    scale: Floats
    strange: Floats
    mean: Vectors
    precision: Vectors
    centres: Vectors
    widths: Floats

    @classmethod
    def learn(cls, learned: Vectors, clusters: int, rng: np.random.Generator) -> "Likeness":
        alike = learned @ learned.T
        np.fill_diagonal(alike, -np.inf)
        raw = _nearest(alike)
        spread = float(raw.std())
        scale = np.array([raw.mean(), spread if spread > _LAST_BITS else 1.0])
        mean = learned.mean(axis=0)
        centred = (learned - mean).astype(np.float64)
        covariance = centred.T @ centred / len(learned)
        ridge = _SHRINKAGE * max(float(np.trace(covariance)) / len(covariance), _LAST_BITS)
        precision = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))
        centres, own = k_means(learned, clusters, rng)
        members = np.bincount(own, minlength=len(centres))
        widths = (members + 0.5) / (members + 0.5).sum()
        strange = (raw - scale[0]) / scale[1]
        return cls(learned, scale, strange, mean, precision.astype(np.float32), centres, widths)

    def strangeness(self, vector: Vectors) -> float:
        """Minus the mean cosine to the nearest learned ones, in standard deviations from what is usual."""
        return float((_nearest((self.learned @ vector)[None])[0] - self.scale[0]) / self.scale[1])

    def cluster(self, vector: Vectors) -> int:
        return int((self.centres @ vector).argmax())

    def lengths(self, vectors: Vectors) -> Floats:
        """[n] squared, from the mean and in the precision's measure."""
        centred = vectors - self.mean
        return np.asarray(((centred @ self.precision) * centred).sum(axis=1), np.float64)

    @cached_property
    def learned_lengths(self) -> Floats:
        return self.lengths(self.learned)


def _nearest(cosines: Vectors) -> Floats:
    count = min(NEIGHBOURS, cosines.shape[1] - 1)
    return np.asarray(-np.partition(cosines, -count, axis=1)[:, -count:].mean(axis=1, dtype=np.float64))
