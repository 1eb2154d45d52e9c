"""Alibi-Detect: its online MMD, looked at after each request, and its classifier on windows, with PyTorch and sklearn.

The online one takes no alpha but the expected number of requests to a false alarm. One false alarm in a hundred streams
of 2,000 would be 200,000 and as many simulations of each reference, which take 7 ms each. It is asked for 10,000, which is
one false alarm in five or six streams. The classifier is a logistic regression on five folds, so that each request is
judged by one that did not see it.
"""

import numpy as np
import torch
from alibi_detect.cd import ClassifierDrift, MMDDriftOnline
from sklearn.linear_model import LogisticRegression

from benchmarks.drifting.plan import Requests
from benchmarks.drifting.watching import ALPHA, first_window, serve

TO_A_FALSE_ALARM = 10_000  # requests
SIMULATIONS = 12_000  # its quantile refuses fewer than one a request
TOGETHER = 50  # in its sliding window
FOLDS = 5


class Online:
    def __init__(self, reference: Requests) -> None:
        torch.manual_seed(1)
        self._detector = MMDDriftOnline(
            reference.vectors,
            ert=TO_A_FALSE_ALARM,
            window_size=TOGETHER,
            n_bootstraps=SIMULATIONS,
            backend="pytorch",
            verbose=False,
        )

    def first_alarm(self, stream: Requests) -> int | None:
        self._detector.reset_state()
        for number, vector in enumerate(stream.vectors):
            if self._detector.predict(vector)["data"]["is_drift"]:
                return number
        return None


class Classifier:
    def __init__(self, reference: Requests) -> None:
        self._detector = ClassifierDrift(
            reference.vectors,
            LogisticRegression(max_iter=500),
            backend="sklearn",
            p_val=ALPHA,
            train_size=None,
            n_folds=FOLDS,
        )

    def first_alarm(self, stream: Requests) -> int | None:
        return first_window(stream, self._drifted)

    def _drifted(self, window: Requests) -> bool:
        return bool(self._detector.predict(np.asarray(window.vectors))["data"]["is_drift"])


if __name__ == "__main__":
    serve({"alibi_mmd": Online, "alibi_classifier": Classifier})
