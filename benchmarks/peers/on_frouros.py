"""Frouros: MMD with its permutation test on windows of the embeddings, and its incremental KS test on a distance.

Its online MMD gives distances without a bound or a p-value, so that the one for batches is asked once a window. Its
kernel is looked up in a matrix that is made once a window: the same values, for a hundredth of the time.
"""

import copy

import numpy as np
from frouros.callbacks import PermutationTestDistanceBased
from frouros.detectors.data_drift import MMD, IncrementalKSTest
from numpy.typing import NDArray

from benchmarks.drifting.distance import Distance
from benchmarks.drifting.plan import Requests
from benchmarks.drifting.watching import ALPHA, WINDOW, first_window, serve

PERMUTATIONS = 99  # the fewest with which a p-value can be alpha
KERNEL = np.empty(
    0
)  # the kernel of all pairs of reference and window; of the module, since its processes inherit it


def looked_up(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float32]:
    return KERNEL[left[:, 0]][:, right[:, 0]]


class Permuted:
    def __init__(self, reference: Requests) -> None:
        self._reference = reference.vectors
        squares = _squares(self._reference, self._reference)
        self._median = np.median(squares[np.triu_indices_from(squares, 1)])  # the usual choice of its width

    def first_alarm(self, stream: Requests) -> int | None:
        return first_window(stream, self._drifted)

    def _drifted(self, window: Requests) -> bool:
        global KERNEL  # noqa: PLW0603
        both = np.concatenate([self._reference, window.vectors])
        KERNEL = np.exp(-_squares(both, both) / self._median)
        rows = np.arange(len(both))[:, None]
        test = PermutationTestDistanceBased(
            PERMUTATIONS, num_jobs=1, method="conservative", random_state=1, name="permuted"
        )
        detector = MMD(kernel=looked_up, callbacks=test)
        detector.fit(X=rows[: len(self._reference)])
        _, said = detector.compare(X=rows[len(self._reference) :])
        return bool(said["permuted"]["p_value"] <= ALPHA)


class IncrementalKs:
    def __init__(self, reference: Requests) -> None:
        self._distance = Distance(reference)
        self._detector = IncrementalKSTest(window_size=WINDOW)
        self._detector.fit(X=self._distance.usual)

    def first_alarm(self, stream: Requests) -> int | None:
        detector = copy.deepcopy(self._detector)
        for number, distance in enumerate(self._distance(stream)):
            test, _ = detector.update(value=distance)
            if test is not None and test.p_value <= ALPHA:
                return number
        return None


def _squares(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distances of vectors of length one."""
    return np.maximum(2 - 2 * left @ right.T, 0)


if __name__ == "__main__":
    serve({"frouros_mmd": Permuted, "frouros_ks": IncrementalKs})
