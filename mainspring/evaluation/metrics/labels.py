"""Macro F1: every label counts as much, however rare."""

from collections.abc import Sequence

import numpy as np

from mainspring.evaluation.bounded import FEW
from mainspring.evaluation.intervals import quantile
from mainspring.evaluation.items import Floats, Sums, places, summed
from mainspring.evaluation.metrics.answers import Answer
from mainspring.evaluation.pairing import Scale, jackknifed, nothing, of_three
from mainspring.evaluation.results import Estimate, Measured


def macro_f1(name: str, answers: Sequence[Answer], level: float) -> Measured:
    """`f1.<name>`: the mean over labels of the harmonic mean of precision and recall; of labels that are expected at least
    once. The first of an answer's `expected` is its label."""
    scale = Scale(f"f1.{name}", "mean over labels", top=1.0)
    if not answers:
        return nothing(scale)
    sources, truth = [one.source for one in answers], [one.expected[0] for one in answers]
    paired = all(one.champion is not None for one in answers)
    own = _counts(truth, [one.challenger for one in answers])
    other = _counts(truth, [one.champion or "" for one in answers]) if paired else None
    sums = [None if one is None else summed(sources, one) for one in (own, other)]
    assert sums[0] is not None
    first, second, apart = jackknifed(f1_of, sums[0], sums[1], level)
    rare = _rare(truth, sources, level)
    three = (
        _widened(first, rare, _wrong(sums[0]), 0.0),
        None if second is None or sums[1] is None else _widened(second, rare, _wrong(sums[1]), 0.0),
        None if apart is None or other is None else _widened(apart, rare, _differ(sources, own, other), -1.0),
    )
    return of_three(scale, three, sources, {"labels": len(set(truth))})


def f1_of(sums: Sums) -> Floats:
    """Of columns of right ones, of those said wrongly, of those missed, a third each, a column a label."""
    right, said, missed = np.split(sums, 3, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = 2 * right / (2 * right + said + missed)
    return np.asarray(np.nanmean(np.where(right + missed > 0, each, np.nan), axis=1))


def _counts(truth: Sequence[str], answers: Sequence[str]) -> Floats:
    columns = {label: number for number, label in enumerate(sorted(set(truth)))}
    made = np.zeros((len(truth), 3, len(columns)))
    for row, (label, answer) in enumerate(zip(truth, answers, strict=True)):
        if label == answer:
            made[row, 0, columns[label]] = 1
            continue
        made[row, 2, columns[label]] = 1
        if answer in columns:
            made[row, 1, columns[answer]] = 1
    return made.reshape(len(truth), -1)


def _wrong(sums: Sums) -> int:
    """Sources with a wrong answer, or with a right one if these are fewer."""
    third = sums.shape[1] // 3
    return int(min(np.count_nonzero(part.any(axis=1)) for part in (sums[:, :third], sums[:, third:])))


def _differ(sources: Sequence[str], own: Floats, other: Floats) -> int:
    return int(np.count_nonzero(summed(sources, np.abs(own - other)).any(axis=1)))


def _rare(truth: Sequence[str], sources: Sequence[str], level: float) -> float:
    """How much of the figure could be lost unseen: a label in n sources may go wrong in so many of them that none of n
    showed it. The mean over labels, by Wilson's bound where nothing was seen."""
    rows, count = places(sources)
    if count < 2:
        return 1.0
    z = quantile(level, count - 1) ** 2
    found: dict[str, set[int]] = {}
    for label, row in zip(truth, rows, strict=True):
        found.setdefault(label, set()).add(int(row))
    return sum(z / (len(one) + z) for one in found.values()) / len(found)


def _widened(one: Estimate, rare: float, unlike: int, floor: float) -> Estimate:
    """With few sources that are unlike the others their variance is not known, so that what may be unseen is added."""
    if one.low is None or one.high is None:
        return one
    more = rare if unlike < FEW else 0.0
    return Estimate(one.value, max(floor, one.low - more), min(1.0, one.high + more))
