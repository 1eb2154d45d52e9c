"""Vectors by their direction alone: rows of length 1, and groups of them."""

import numpy as np

from mainspring.drift.arrays import Counts, Vectors

_ROUNDS = 12  # of k-means


def unit(rows: Vectors) -> Vectors:
    """[n, d] each of length 1; what is nothing stays nothing."""
    given = np.asarray(rows, np.float32)
    lengths = np.linalg.norm(given, axis=1, keepdims=True)
    return np.asarray(given / np.maximum(lengths, 1e-12), np.float32)


def k_means(rows: Vectors, clusters: int, rng: np.random.Generator) -> tuple[Vectors, Counts]:
    """[k, d] centres of length 1 of rows of length 1, and the centre of each row (Dhillon, Modha, 2001)."""
    centres = rows[rng.choice(len(rows), min(clusters, len(rows)), replace=False)]
    for _ in range(_ROUNDS):
        own = (rows @ centres.T).argmax(axis=1)
        sums = np.stack([rows[own == one].sum(axis=0) for one in range(len(centres))])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), centres).astype(np.float32)
    return centres, (rows @ centres.T).argmax(axis=1)
