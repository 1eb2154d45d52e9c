"""What versions write themselves, greedily, beside what was expected."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mainspring.curation.rows import Row
from mainspring.evaluation.metrics import answers as metrics
from workers.gpu.evaluating.answering import answering, made
from workers.gpu.evaluating.passages import answer_of
from workers.gpu.evaluating.scores import Column, Said, by_answers
from workers.gpu.evaluating.task import Examination, sources

MEASURES = {
    "chrf": metrics.chrf,
    "rouge_l": metrics.rouge_l,
    "exact_match": metrics.exact_match,
    "f1": metrics.answer_f1,
}


@dataclass(frozen=True)
class Asked:
    """How rows of a task are asked: as which input, and which of them."""

    given: Callable[[Row], Any]
    which: Callable[[Row], bool]


def written_columns(this: Examination, asked: Asked, unasked: Sequence[str]) -> list[Column]:
    """Of each set those metrics that the plan names; if it names none, those that are made `unasked`."""
    wanted = {name: _wanted(this, name, unasked) for name in this.sets}
    if not any(wanted.values()):
        return []
    found: list[Column] = []
    with answering(this) as answer:
        for name, chosen in wanted.items():
            rows = [row for row in this.sets[name] if asked.which(row)]
            if chosen and rows:
                told = answer([asked.given(row) for row in rows], this.begin(f"writing answers to {name}"))
                entries = _said(rows, told)
                found += [
                    Column(f"{one}.{name}", sources(rows), entries, by_answers(MEASURES[one], name))
                    for one in chosen
                ]
    return found


def _wanted(this: Examination, name: str, unasked: Sequence[str]) -> list[str]:
    return [one for one in MEASURES if this.wants(one, name, unasked=one in unasked)]


def _said(rows: Sequence[Row], told: Sequence[Any]) -> list[Any]:
    return made(told, lambda at, output: Said(answer_of(rows[at]), str(output["text"])))
