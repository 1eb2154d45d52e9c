"""Rows that say the same, but for case and space: the first of them stays."""

import numpy as np

from mainspring.curation.fates import Fates
from mainspring.curation.numbers import Numbers

STEP = "exact_duplicates"
COPY, CONTRADICTION = "says what an earlier row says", "has another label than an earlier row with its text"


def mark(numbers: Numbers, fates: Fates) -> None:
    """One that has another label than the first is removed, too: of two answers to a question one is wrong."""
    same, labels = numbers.of("same"), numbers.of("label")
    order = np.argsort(same, kind="stable")  # the first of each stays the first
    starts = (
        np.concatenate(([True], same[order][1:] != same[order][:-1])) if len(order) else np.zeros(0, bool)
    )
    first = order[np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))]
    copies = order[~starts]
    of = first[~starts]
    differs = labels[copies] != labels[of]
    fates.remove(copies[~differs], STEP, COPY)
    fates.remove(copies[differs], STEP, CONTRADICTION)
    fates.link(np.stack([copies, of], axis=1))
