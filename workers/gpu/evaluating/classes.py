"""text-classification: whether the best label is the right one."""

from collections.abc import Sequence
from typing import Any

from mainspring.curation.rows import Row
from mainspring.errors import NotFinite
from mainspring.serving.engine import Engine
from workers.gpu.evaluating.answering import Answered, answers
from workers.gpu.evaluating.scores import Column, Score
from workers.gpu.evaluating.task import Examination

BROKEN = Score(float("nan"))


def examine(this: Examination) -> list[Column]:
    """`accuracy.<set>`, `f1.<set>`. Raises ModelRefused."""
    found: list[Column] = []
    with this.contestant.engine() as engine:
        for name, rows in this.sets.items():
            found += _columns(this, engine, name, rows)
    return found


def _columns(this: Examination, engine: Engine, name: str, rows: Sequence[Row]) -> list[Column]:
    tick = this.steps.begin(f"{this.contestant.who}: answering {name}")
    told = answers(engine, [row.text for row in rows], {}, this.suite.plan.seed, tick)
    scores = [_score(row, one) for row, one in zip(rows, told, strict=True)]
    clusters = this.clusters(name)
    return [
        Column(f"accuracy.{name}", "share of texts", "higher", clusters, scores),
        Column(f"f1.{name}", "mean F1 of the labels", "higher", clusters, scores, figure=macro_f1),
    ]


def _score(row: Row, answer: Answered) -> Score | None:
    """`seen`: the right label and the one that was given."""
    if answer is None or isinstance(answer, NotFinite):
        return None if answer is None else BROKEN
    label = answer.output["label"]
    return Score(float(label == row.label), seen=(row.label, label))


def macro_f1(pairs: Sequence[Any]) -> float:
    """The mean over the labels that are the right one of some, of pairs (right, given)."""
    right = {one for one, _ in pairs}
    return sum(_f1(pairs, label) for label in sorted(right)) / len(right)


def _f1(pairs: Sequence[Any], label: str) -> float:
    both = sum(one == other == label for one, other in pairs)
    either = sum((one == label) + (other == label) for one, other in pairs)
    return 2 * both / either if either else 0.0
