"""text-classification: whether the best label is the right one, and how sure it was."""

from collections.abc import Sequence
from typing import Any

from mainspring.curation.rows import Kind, Row
from mainspring.evaluation.items import Item
from mainspring.evaluation.metrics.answers import accuracy
from mainspring.evaluation.metrics.labels import macro_f1
from mainspring.evaluation.metrics.robustness import robustness, unchanged
from mainspring.evaluation.results import Measured
from workers.gpu.evaluating.answering import Answer, answering, made
from workers.gpu.evaluating.perturbations import changed
from workers.gpu.evaluating.scores import (
    BROKEN,
    Broken,
    Column,
    Lay,
    Pair,
    Said,
    by_answers,
    by_calibration,
)
from workers.gpu.evaluating.task import Examination, sources


def examine(this: Examination) -> list[Column]:
    """`accuracy`, `f1`, `calibration` and `robustness` of each set's labelled rows. Raises ModelRefused."""
    found: list[Column] = []
    with answering(this) as answer:
        for name, rows in this.sets.items():
            labelled = [row for row in rows if row.kind == Kind.LABELLED]
            if labelled:
                found += _columns(this, answer, name, labelled)
    return found


def _columns(this: Examination, answer: Answer, name: str, rows: Sequence[Row]) -> list[Column]:
    told = answer([row.text for row in rows], this.begin(f"answering {name}"))
    entries = made(told, lambda at, output: _said(rows[at], output))
    lays = {
        "accuracy": by_answers(accuracy, name),
        "f1": by_answers(macro_f1, name),
        "calibration": by_calibration(name),
    }
    found = [
        Column(f"{metric}.{name}", sources(rows), entries, lay)
        for metric, lay in lays.items()
        if this.wants(metric, name)
    ]
    return found + _robustness(this, answer, name, rows, entries)


def _said(row: Row, output: Any) -> Said:
    return Said(str(row.label), str(output["label"]), float(output["score"]))


def _robustness(
    this: Examination, answer: Answer, name: str, rows: Sequence[Row], entries: Sequence[Any]
) -> list[Column]:
    some = rows[: this.suite.plan.perturbed]
    if not some or not this.wants("robustness", name):
        return []
    again = changed(some, this.suite.plan.seed, lambda row: row.text)
    told = answer(again.asked, this.begin(f"answering {name} a little changed"))
    others = again.grouped(made(told, lambda _, output: str(output["label"])), len(some))
    own = [kept(entry, other) for entry, other in zip(entries, others, strict=False)]
    return [Column(f"robustness.{name}", sources(some), own, by_share(name))]


def kept(entry: Any, others: Sequence[Any]) -> Any:
    """The share of answers that a small change of the question left as they were."""
    if not isinstance(entry, Said):
        return entry
    if any(isinstance(one, Broken) for one in others):
        return BROKEN
    said = [one for one in others if one is not None]
    return unchanged(entry.said, said) if said else None


def by_share(name: str) -> Lay:
    """Of entries from kept()."""

    def lay(pairs: Sequence[Pair], level: float) -> Measured:
        return robustness(name, [Item(one.source, one.challenger, one.champion) for one in pairs], level)

    return lay
