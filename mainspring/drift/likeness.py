"""What a reference teaches before anything is watched: how strange a vector is, which cluster it is in, what varies.

The reference is cut in two at random. From the one half, *learned*, comes everything here; the other, *calibrating*, is
never fitted to, so that its members and new requests are exchangeable as long as nothing changed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mainspring.drift.arrays import Counts, Floats, Vectors

NEIGHBOURS = 3
_SHRINKAGE = 2.0  # of the covariance, in mean eigenvalues: few vectors of many dimensions
_ROUNDS = 12  # of k-means


def unit(vectors: Vectors) -> Vectors:
    """Rows of length 1, as half precision keeps them: that is how they are stored."""
    rows = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray((rows / np.maximum(lengths, 1e-12)).astype(np.float16), np.float32)


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
        scale = np.array([raw.mean(), raw.std() + 1e-9])
        mean = learned.mean(axis=0)
        centred = (learned - mean).astype(np.float64)
        covariance = centred.T @ centred / len(learned)
        ridge = _SHRINKAGE * max(float(np.trace(covariance)) / len(covariance), 1e-9)
        precision = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))
        centres, members = _k_means(learned, clusters, rng)
        widths = (members + 0.5) / (members + 0.5).sum()
        strange = (raw - scale[0]) / scale[1]
        return cls(learned, scale, strange, mean, precision.astype(np.float32), centres, widths)

    def strangeness(self, vector: Vectors) -> float:
        """Minus the mean cosine to the nearest learned ones, in standard deviations from what is usual."""
        return float((_nearest((self.learned @ vector)[None])[0] - self.scale[0]) / self.scale[1])

    def cluster(self, vector: Vectors) -> int:
        return int((self.centres @ vector).argmax())

    def ranks(self, strangeness: Floats) -> Floats:
        """The share of the learned ones that are less strange."""
        return np.searchsorted(np.sort(self.strange), strangeness) / len(self.strange)

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


def _k_means(vectors: Vectors, clusters: int, rng: np.random.Generator) -> tuple[Vectors, Counts]:
    """On the sphere: [k, d] centres of length 1 and how many are in each."""
    centres = vectors[rng.choice(len(vectors), min(clusters, len(vectors)), replace=False)]
    for _ in range(_ROUNDS):
        own = (vectors @ centres.T).argmax(axis=1)
        sums = np.stack([vectors[own == one].sum(axis=0) for one in range(len(centres))])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), centres).astype(np.float32)
    own = (vectors @ centres.T).argmax(axis=1)
    return centres, np.bincount(own, minlength=len(centres))
