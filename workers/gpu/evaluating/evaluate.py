"""The order of an evaluation: the same items are drawn for both, each version is examined by itself, what came out is laid
side by side, and at last the two are timed in turn."""

from collections.abc import Sequence
from pathlib import Path

from mainspring.evaluation.results import Measured, Results
from mainspring.evaluation.suite import Suite
from mainspring.settings import Settings
from mainspring.terms import Task
from workers.gpu.evaluating import (
    causal,
    classes,
    extra,
    harness,
    masked,
    questions,
    rewriting,
    spans,
    vectors,
)
from workers.gpu.evaluating.contestant import Contestant
from workers.gpu.evaluating.items import drawn
from workers.gpu.evaluating.pace import paced
from workers.gpu.evaluating.pairing import paired
from workers.gpu.evaluating.prompted import Ask, prompted
from workers.gpu.evaluating.scores import Column
from workers.gpu.evaluating.steps import Steps, Tell
from workers.gpu.evaluating.task import Examination, Examine, Sets

EXAMINERS: dict[Task, Examine] = {
    Task.TEXT_GENERATION: causal.examine,
    Task.TEXT_CLASSIFICATION: classes.examine,
    Task.TOKEN_CLASSIFICATION: spans.examine,
    Task.FILL_MASK: masked.examine,
    Task.QUESTION_ANSWERING: questions.examine,
    Task.FEATURE_EXTRACTION: vectors.examine,
    Task.TRANSLATION: rewriting.examine,
    Task.SUMMARIZATION: rewriting.examine,
}


def evaluate(
    suite: Suite,
    challenger: Path,
    champion: Path | None,
    datasets: Path,
    tell: Tell,
    *,
    settings: Settings | None = None,
    ask: Ask | None = None,
) -> Results:
    """Of versions' folders, an adapter's base beside it. What `tell` raises ends it. `ask`: the plan's judge; None: there
    is none. The same versions and suite give the same results, but for what is timed and what a judge says.

    Raises EvaluationFailed, ModelRefused, LoadingFailed, EngineFailed.
    """
    sets: Sets = {one.name: drawn(datasets, one, suite.plan.items, suite.plan.seed) for one in suite.sets}
    notes = [f"{name}: there are no rows to measure with" for name, rows in sets.items() if not rows]
    if suite.plan.judge is not None and (ask is None or champion is None):
        notes.append(f"judge: there is {'none to ask' if ask is None else 'no champion to compare with'}")
    some = {name: rows for name, rows in sets.items() if rows}
    contestants = _contestants(suite, challenger, champion, settings or Settings())
    steps = Steps(tell, _most_steps(suite, some) * len(contestants) + 1)
    sides = [
        _examined(Examination(suite, some, one, steps, alone=champion is None), ask) for one in contestants
    ]
    measured, said = paired(sides[0], sides[1] if len(sides) > 1 else None, suite.plan.level)
    fast, left = _timed(suite, some, contestants, steps)
    notes += [*said, *left, *_unmeasured(suite, some, measured)]
    results = Results(suite.plan.level, (*measured, *fast), tuple(notes))
    tell(1.0, "measured", {one.name: one.challenger.value for one in results.measured if one.challenger})
    return results


def _contestants(
    suite: Suite, challenger: Path, champion: Path | None, settings: Settings
) -> Sequence[Contestant]:
    paths = {"challenger": challenger} | ({} if champion is None else {"champion": champion})
    return [Contestant(who, path, suite.task, settings) for who, path in paths.items()]


def _examined(this: Examination, ask: Ask | None) -> list[Column]:
    return [
        *EXAMINERS[this.suite.task](this),
        *prompted(this, ask),
        *harness.examine(this),
        *extra.examine(this),
    ]


def _timed(
    suite: Suite, sets: Sets, contestants: Sequence[Contestant], steps: Steps
) -> tuple[list[Measured], list[str]]:
    if suite.plan.timed == 0:
        return [], []
    return paced(suite, sets, contestants, steps.begin("timing answers"))


def _unmeasured(suite: Suite, sets: Sets, measured: Sequence[Measured]) -> list[str]:
    """What the plan asks for in vain, and sets whose rows are of no use for the task."""
    made = {name for one in measured for name in (one.name, one.metric)}
    wanted = suite.plan.metrics or ()
    empty = [name for name in sets if not any(one.name.endswith(f".{name}") for one in measured)]
    return [
        *(f"{name}: it is not measured of these" for name in wanted if name not in made),
        *(f"{name}: it has no rows that {suite.task} is measured by" for name in empty if not wanted),
    ]


def _most_steps(suite: Suite, sets: Sets) -> int:
    """Of one version: of a set it is read, read changed, read rejected, and written to."""
    plan = suite.plan
    beside = bool(plan.golden) + (plan.judge is not None) + len(suite.extra)
    return 4 * len(sets) + beside + (len(plan.harness.tasks) if plan.harness else 0)
