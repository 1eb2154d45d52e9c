"""Randomness by number: what is drawn for a request depends on the seed and on the request's place alone."""

import numpy as np

from mainspring.drift.arrays import Floats

MOST = 64  # numbers a request
_WORDS = 4  # that Philox makes at each count


def uniforms(seed: int, stream: int, first: int, requests: int, count: int) -> Floats:
    """[requests, count] numbers in [0, 1) for the requests from place `first`. `stream` keeps apart what different
    detectors draw for one request.

    By counter (Philox; Salmon et al., SC 2011): there is no state to save, and batches draw what single requests draw.
    """
    if count > MOST:
        raise ValueError(f"a request draws at most {MOST} numbers")
    bits = np.random.Philox(key=np.array([seed, stream], np.uint64), counter=first * (MOST // _WORDS))
    return np.asarray(np.random.Generator(bits).random((requests, MOST))[:, :count])
