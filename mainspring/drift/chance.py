"""Randomness by number: what is drawn for a request depends on the seed and on the request's place alone."""

import numpy as np

from mainspring.drift.arrays import Floats

_LIMIT = 2**64


def uniforms(seed: int, place: int, stream: int, count: int) -> Floats:
    """`count` numbers in [0, 1) for one request. `stream` keeps apart what different detectors draw for it.

    By counter (Philox; Salmon et al., SC 2011): there is no state to save, and batches draw what single requests draw.
    """
    bits = np.random.Philox(key=np.array([seed % _LIMIT, stream], np.uint64), counter=[0, place, 0, 0])
    return np.random.Generator(bits).random(count)
