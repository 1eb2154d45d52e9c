"""The second pass: of the rows that wait, which stay and on which side of the split. Their numbers alone are looked at."""

import math

import numpy as np
from numpy.typing import NDArray

from mainspring.curation.duplicates import exact, near, semantic
from mainspring.curation.fates import Fates
from mainspring.curation.numbers import Numbers
from mainspring.curation.plan import CurationPlan
from mainspring.curation.sources.evaluations import learned
from mainspring.curation.spill import Spill
from mainspring.curation.splitting import FREE, TRAIN, sides
from mainspring.curation.surroundings import Surroundings
from mainspring.curation.writing import Settled

LEAKS, ASKED = "contamination", "an evaluation holds it"
SPLIT, TORN = "split", "it is close to both sides of an earlier split"
BALANCE, MANY = "balance", "its label has more than enough rows"


def settled(plan: CurationPlan, around: Surroundings, spill: Spill) -> Settled:
    """Raises what `tell` raises."""
    numbers, fates = spill.numbers, Fates.of(len(spill.numbers))
    around.tell(0.66, "looking for duplicates", {"rows_cleaned": len(numbers)})
    exact.mark(numbers, fates)
    if spill.sketches is not None and plan.near_duplicates is not None:
        near.mark(spill.sketches, numbers, fates, plan.near_duplicates, around.tell)
    if spill.meanings is not None and plan.semantic_duplicates is not None:
        semantic.mark(spill.meanings, numbers, fates, plan.semantic_duplicates, around.tell)
    around.tell(0.9, "splitting", {})
    pins = numbers.of("pin").copy()
    free = pins == FREE
    pins[free & np.isin(numbers.of("same"), learned(plan, around))] = TRAIN
    found = sides(numbers.of("group"), pins, fates.linked, fates.stays, plan.held_out)
    fates.remove(numbers.of("known").astype(bool) & free & ~found.held_out, LEAKS, ASKED)
    fates.remove(found.torn, SPLIT, TORN)
    if plan.most_per_label is not None:
        # Of what is held out as large a part, since measuring by ten times as much would take longer than learning.
        aside = math.ceil(plan.most_per_label * plan.held_out / (1 - plan.held_out))
        for side, most in ((~found.held_out, plan.most_per_label), (found.held_out, aside)):
            fates.remove(_too_many(numbers, fates.stays & side, most), BALANCE, MANY)
    return Settled(fates, found.held_out)


def _too_many(numbers: Numbers, rows: NDArray[np.bool_], most: int) -> NDArray[np.int64]:
    """Of each label those beyond `most`, in the order of their hashes: a sample, and the same each time."""
    places = np.flatnonzero(rows & (numbers.of("label") != 0))
    labels = numbers.of("label")[places]
    order = places[np.lexsort((numbers.of("same")[places], labels))]
    ordered = numbers.of("label")[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(order) else order
    within = np.arange(len(order)) - np.repeat(starts, np.diff(np.concatenate((starts, [len(order)]))))
    return np.asarray(order[within >= most], np.int64)
