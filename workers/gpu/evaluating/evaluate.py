"""The order of an evaluation: the same items are drawn for both, each examined by itself, and the two laid side by side."""

from collections.abc import Sequence
from pathlib import Path

from mainspring.evaluation.errors import EvaluationFailed
from mainspring.evaluation.results import Results
from mainspring.evaluation.suite import Suite
from mainspring.settings import Settings
from mainspring.terms import Task
from workers.gpu.evaluating import causal, classes
from workers.gpu.evaluating.contestant import Contestant
from workers.gpu.evaluating.items import drawn
from workers.gpu.evaluating.pairing import paired
from workers.gpu.evaluating.scores import Column
from workers.gpu.evaluating.steps import Steps, Tell
from workers.gpu.evaluating.task import Examination, Examine, Sets

EXAMINERS: dict[Task, Examine] = {
    Task.TEXT_GENERATION: causal.examine,
    Task.TEXT_CLASSIFICATION: classes.examine,
}


def evaluate(
    suite: Suite,
    challenger: Path,
    champion: Path | None,
    datasets: Path,
    tell: Tell,
    *,
    settings: Settings | None = None,
) -> Results:
    """Of versions' folders, an adapter's base beside it. What `tell` raises ends it.

    Raises EvaluationFailed (a set is not here), ModelRefused, LoadingFailed, EngineFailed.
    """
    contestants = _contestants(suite, challenger, champion, settings or Settings())
    sets: Sets = {one.name: drawn(datasets, one, suite.plan.items, suite.plan.seed) for one in suite.sets}
    notes = [f"{name}: no rows to measure with" for name, rows in sets.items() if not rows]
    some = {name: rows for name, rows in sets.items() if rows}
    steps = Steps(tell, len(some) * len(contestants))
    sides = [_examined(suite, some, one, steps) for one in contestants]
    measured, said = paired(sides[0], sides[1] if champion is not None else None, suite.plan)
    return Results(suite.plan.level, tuple(measured), (*notes, *said))


def _contestants(
    suite: Suite, challenger: Path, champion: Path | None, settings: Settings
) -> Sequence[Contestant]:
    paths = {"challenger": challenger} | ({} if champion is None else {"champion": champion})
    return [Contestant(who, path, suite.task, settings) for who, path in paths.items()]


def _examined(suite: Suite, sets: Sets, one: Contestant, steps: Steps) -> list[Column]:
    examine = EXAMINERS.get(suite.task)
    if examine is None:
        raise EvaluationFailed(f"versions for {suite.task} cannot be measured", field="suite.task")
    return examine(Examination(suite, sets, one, steps))
