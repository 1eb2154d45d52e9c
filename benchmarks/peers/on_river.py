"""River's online detectors on the distance to the reference's centre, which first see the reference's own distances."""

import copy

from river.base import DriftDetector
from river.drift import ADWIN, KSWIN

from benchmarks.drifting.distance import Distance
from benchmarks.drifting.plan import Requests
from benchmarks.drifting.watching import ALPHA, serve


class OnDistance:
    def __init__(self, reference: Requests, detector: DriftDetector) -> None:
        self._distance, self._detector = Distance(reference), detector
        for usual in self._distance.usual:
            detector.update(float(usual))

    def first_alarm(self, stream: Requests) -> int | None:
        detector = copy.deepcopy(self._detector)
        for number, distance in enumerate(self._distance(stream)):
            detector.update(float(distance))
            if detector.drift_detected:
                return number
        return None


if __name__ == "__main__":
    serve(
        {
            "adwin": lambda reference: OnDistance(reference, ADWIN(delta=ALPHA)),
            "kswin": lambda reference: OnDistance(reference, KSWIN(alpha=ALPHA, seed=1)),
        }
    )
