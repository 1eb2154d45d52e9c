"""Vectors like those of texts: some kinds of requests, each a cloud around its own direction."""

import numpy as np

from mainspring.drift.arrays import Floats, Vectors

WIDTH = 48


def kinds(seed: int, count: int) -> Vectors:
    centres = np.random.default_rng([seed, 1]).normal(size=(count, WIDTH))
    return np.asarray(centres / np.linalg.norm(centres, axis=1, keepdims=True), np.float32)


def requests(centres: Vectors, mixture: Floats, count: int, seed: int) -> Vectors:
    """[count, WIDTH], each of a kind drawn by `mixture`."""
    rng = np.random.default_rng([seed, 2])
    chosen = rng.choice(len(centres), count, p=mixture)
    return np.asarray(centres[chosen] + rng.normal(scale=0.16, size=(count, WIDTH)), np.float32)


def changed(seed: int, share: float, quiet: int, after: int) -> tuple[Vectors, Vectors]:
    """A reference of 400 and a stream in which after `quiet` requests this share is of a kind not known before."""
    centres = kinds(seed, 6)
    known, new = np.array([0.2] * 5 + [0.0]), np.array([0.0] * 5 + [1.0])
    before = requests(centres, known, 400 + quiet, seed)
    later = requests(centres, (1 - share) * known + share * new, after, seed + 1)
    return before[:400], np.concatenate([before[400:], later])
