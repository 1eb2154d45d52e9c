"""Evidently on windows: its classifier of embeddings and its classifier of texts, by its defaults and at alpha.

What is called is the method behind its metric of embeddings and the test behind its report of a text column, without
the pictures that either draws each time. By default the embeddings' classifier alarms above an AUC of 0.55 once the
reference has 1,000 rows, and the texts' above the 95th percentile of random guesses.
"""

from functools import cache, partial
from typing import Any

import pandas as pd
from evidently.legacy.calculations.stattests import perc_text_content_drift_stat_test
from evidently.legacy.core import ColumnType
from evidently.legacy.metrics.data_drift.embedding_drift_methods import DriftMethod, model
from evidently.legacy.utils import data_drift_utils

from benchmarks.drifting.plan import Requests
from benchmarks.drifting.watching import ALPHA, first_window, serve


class Embeddings:
    def __init__(self, reference: Requests, method: DriftMethod) -> None:
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
    """What a thousand random guesses reach, and so the bound, is the same for labels that are the same."""
    guesses = data_drift_utils.roc_auc_random_classifier_percentile

    @cache
    def of_labels(labels: tuple[int, ...], p_value: float) -> Any:
        return guesses(pd.Series(labels), p_value=p_value)

    data_drift_utils.roc_auc_random_classifier_percentile = lambda labels, p_value: of_labels(
        tuple(labels), p_value
    )


if __name__ == "__main__":
    guesses_once()
    serve(
        {
            "evidently_embeddings": partial(Embeddings, method=model()),
            "evidently_embeddings_alpha": partial(
                Embeddings, method=model(bootstrap=True, quantile_probability=1 - ALPHA)
            ),
            "evidently_texts": partial(Texts, percentile=perc_text_content_drift_stat_test.default_threshold),
            "evidently_texts_alpha": partial(Texts, percentile=1 - ALPHA),
        }
    )
