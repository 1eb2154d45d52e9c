"""Evidently on windows: its classifier of embeddings and its classifier of texts, by its defaults and at alpha.

What is called is the method behind its metric of embeddings and the test behind its report of a text column, without
the pictures that either draws each time. By default the embeddings' classifier alarms above an AUC of 0.55 once the
reference has 1,000 rows, and the texts' above the 95th percentile of random guesses.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
from evidently.legacy.calculations.stattests import perc_text_content_drift_stat_test
from evidently.legacy.core import ColumnType
from evidently.legacy.metrics.data_drift import embedding_drift_methods as methods
from evidently.legacy.utils import data_drift_utils

from benchmarks.drifting.plan import Requests
from benchmarks.drifting.watching import ALPHA, first_window, serve


class Embeddings:
    def __init__(self, reference: Requests, method: methods.DriftMethod) -> None:
        self._reference, self._method = reference.vectors, method

    def first_alarm(self, stream: Requests) -> int | None:
        return first_window(stream, self._drifted)

    def _drifted(self, window: Requests) -> bool:
        # New frames each time: it adds a column to those that it is given.
        _, drifted, _ = self._method(pd.DataFrame(window.vectors), pd.DataFrame(self._reference))
        return bool(drifted)


class Texts:
    def __init__(self, reference: Requests, percentile: float) -> None:
        self._reference, self._percentile = pd.Series(reference.texts), percentile

    def first_alarm(self, stream: Requests) -> int | None:
        return first_window(stream, self._drifted)

    def _drifted(self, window: Requests) -> bool:
        found = perc_text_content_drift_stat_test(
            self._reference, pd.Series(window.texts), ColumnType.Text, self._percentile
        )
        return bool(found.drifted)


def guesses_once() -> None:
    """Random guesses at labels that are the same reach what they reached before: computed once, not once a window."""
    for module, name in (
        (data_drift_utils, "roc_auc_random_classifier_percentile"),
        (methods, "calc_roc_auc_random"),
    ):
        setattr(module, name, _once(getattr(module, name)))


def _once(of_labels: Callable[..., float]) -> Callable[..., float]:
    known: dict[Any, float] = {}

    def found(labels: pd.Series, *args: Any, **kwargs: Any) -> float:
        key = (labels.to_numpy().tobytes(), args, *kwargs.items())
        if key not in known:
            known[key] = of_labels(labels, *args, **kwargs)
        return known[key]

    return found


if __name__ == "__main__":
    guesses_once()
    serve(
        {
            "evidently_embeddings": partial(Embeddings, method=methods.model()),
            "evidently_embeddings_alpha": partial(
                Embeddings, method=methods.model(bootstrap=True, quantile_probability=1 - ALPHA)
            ),
            "evidently_texts": partial(Texts, percentile=perc_text_content_drift_stat_test.default_threshold),
            "evidently_texts_alpha": partial(Texts, percentile=1 - ALPHA),
        }
    )
