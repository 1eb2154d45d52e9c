"""What is measured of versions that read and write texts by reading alone: nothing is written, so it is quick and sure."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from mainspring.curation.rows import Kind, Row
from mainspring.evaluation.pairing import Scale
from workers.gpu.evaluating.likelihood import calibration, likelihood
from workers.gpu.evaluating.passages import is_asked
from workers.gpu.evaluating.perturbations import changed
from workers.gpu.evaluating.reading import Read
from workers.gpu.evaluating.scores import BROKEN, Broken, Column, Score, by_score
from workers.gpu.evaluating.steps import Tick
from workers.gpu.evaluating.task import Examination, sources

Reader = Callable[[Sequence[Row], Tick], list[Any]]  # a Read, Broken or None of each row


def read_columns(this: Examination, read: Reader) -> list[Column]:
    """Of each set `likelihood` and `calibration`; of what answers something, `robustness`; of preferences, `preference`."""
    found = []
    for name, rows in this.sets.items():
        own = read(rows, this.begin(f"reading {name}"))
        if this.wants("likelihood", name):
            found.append(likelihood(f"likelihood.{name}", sources(rows), own))
        if this.wants("calibration", name):
            found.append(calibration(f"calibration.{name}", sources(rows), own))
        found += _robustness(this, read, name, own)
        found += _preference(this, read, name, own)
    return found


def _robustness(this: Examination, read: Reader, name: str, own: Sequence[Any]) -> list[Column]:
    """By how much the answer's likelihood changes when what was asked does: what is written differs for many reasons, and
    most of them make no difference."""
    places = [at for at, row in enumerate(this.sets[name]) if is_asked(row)][: this.suite.plan.perturbed]
    if not places or not this.wants("robustness", name):
        return []
    rows = [this.sets[name][at] for at in places]
    again = changed(rows, this.suite.plan.seed, lambda row: row)
    found = again.grouped(read(again.asked, this.begin(f"reading {name} a little changed")), len(rows))
    made = [_moved(own[at], others) for at, others in zip(places, found, strict=True)]
    scale = Scale(f"robustness.{name}", "nats per token that an answer changes by")
    return [Column(scale.name, sources(rows), made, by_score(scale))]


def _moved(own: Any, others: Sequence[Any]) -> Any:
    if not isinstance(own, Read):
        return own
    if any(isinstance(one, Broken) for one in others):
        return BROKEN
    read = [one.total for one in others if isinstance(one, Read)]
    return Score(fmean(read) - own.total, own.tokens) if read else None


def _preference(this: Examination, read: Reader, name: str, own: Sequence[Any]) -> list[Column]:
    """How often the better of two answers is likelier, a token."""
    places = [at for at, row in enumerate(this.sets[name]) if row.kind == Kind.PREFERENCE]
    if not places or not this.wants("preference", name):
        return []
    rows = [this.sets[name][at] for at in places]
    worse = read([replace(row, chosen=row.rejected) for row in rows], this.begin(f"reading {name} rejected"))
    made = [_preferred(own[at], other) for at, other in zip(places, worse, strict=True)]
    scale = Scale(f"preference.{name}", "share of pairs", top=1.0)
    return [Column(scale.name, sources(rows), made, by_score(scale))]


def _preferred(own: Any, other: Any) -> Any:
    if not isinstance(own, Read) or not isinstance(other, Read):
        return BROKEN if BROKEN in (own, other) else None
    return Score(float(own.total / own.tokens > other.total / other.tokens))
