"""One number of each request, for detectors that watch a number: how far it is from the reference's centre."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.drifting.plan import Requests


class Distance:
    """The centre is of the reference's first half; `usual` are the second half's distances, which did not make it."""

    def __init__(self, reference: Requests) -> None:
        half = len(reference.vectors) // 2
        centre = reference.vectors[:half].mean(0)
        self._centre = centre / np.linalg.norm(centre)
        self.usual = self._of(reference.vectors[half:])

    def __call__(self, requests: Requests) -> NDArray[np.float64]:
        return self._of(requests.vectors)

    def _of(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        return (1 - vectors @ self._centre).astype(np.float64)
