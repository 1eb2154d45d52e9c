"""Golden prompts, whose answers are known to have to be so, and what a judge is to compare."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from mainspring.curation.rows import Row
from mainspring.evaluation.metrics.golden import golden, passes
from mainspring.evaluation.metrics.judging import Asked, Order, heard, judge, question
from mainspring.evaluation.plan import JudgePlan
from mainspring.evaluation.results import Measured
from mainspring.terms import Task
from workers.gpu.evaluating.answering import WRITING, Answer, answering, made
from workers.gpu.evaluating.passages import asked_of, input_of, is_asked
from workers.gpu.evaluating.scores import Column, Lay, Pair
from workers.gpu.evaluating.task import Examination, sources

Ask = Callable[[Sequence[str]], Sequence[str | None]]  # questions to what a judge said of each; None: nothing


def prompted(this: Examination, ask: Ask | None) -> list[Column]:
    """`golden`, and `judge` where there is one to ask and two to compare. Raises ModelRefused, EngineFailed."""
    compared = _compared(this) if ask is not None and not this.alone else []
    if not this.suite.plan.golden and not compared:
        return []
    with answering(this) as answer:
        found = [_golden(this, answer)] if this.suite.plan.golden else []
        if compared and ask is not None:
            found.append(_judged(this, answer, compared, ask))
    return found


def said(output: Any) -> str:
    """What an answer says, as text."""
    if isinstance(output, dict):
        for name in ("text", "answer", "label"):
            if name in output:
                return str(output[name])
    return json.dumps(output, ensure_ascii=False)


def _golden(this: Examination, answer: Answer) -> Column:
    """What could not be asked at all has not passed."""
    prompts = this.suite.plan.golden
    told = answer([one.input for one in prompts], this.begin("answering golden prompts"))
    passed = made(told, lambda at, output: passes(prompts[at].checks, said(output)))
    return Column("golden", [""] * len(prompts), [one is True for one in passed], _lay_golden)


def _lay_golden(pairs: Sequence[Pair], level: float) -> Measured:  # noqa: ARG001  all there are, and no sample
    return golden([(one.challenger, one.champion) for one in pairs])


def _compared(this: Examination) -> list[Row]:
    plan: JudgePlan | None = this.suite.plan.judge
    if plan is None or this.suite.task not in WRITING:
        return []
    return [row for rows in this.sets.values() for row in rows if is_asked(row)][: plan.items]


def _judged(this: Examination, answer: Answer, rows: Sequence[Row], ask: Ask) -> Column:
    causal = this.suite.task == Task.TEXT_GENERATION
    inputs = [input_of(row) if causal else row.text for row in rows]
    told = answer(inputs, this.begin("writing what is judged"))
    entries = made(told, lambda at, output: (asked_of(rows[at])[-1]["content"], said(output)))
    return Column("judge", sources(rows), entries, _by_judge(ask))


def _by_judge(ask: Ask) -> Lay:
    """Asked in both orders, all at once, so that nothing of the order in time is told either."""

    def lay(pairs: Sequence[Pair], level: float) -> Measured:
        questions = [
            question(one.challenger[0], one.challenger[1], one.champion[1], order)
            for order in Order
            for one in pairs
        ]
        told = [heard(one or "") for one in ask(questions)]
        both = zip(told[: len(pairs)], told[len(pairs) :], pairs, strict=True)
        return judge([Asked(first, second, one.source) for first, second, one in both], level)

    return lay
