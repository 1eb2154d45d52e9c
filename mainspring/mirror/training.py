"""Training runs, as runs: their parameters, what they measured, and how they ended."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, exists, select
from sqlalchemy.orm import Session

from mainspring.mirror.progress import Kind
from mainspring.mirror.things import Input, Point, Run, Status, texts
from mainspring.tables import Mirrored, TrainingRun, Version, WorkState

SERIES = ("training_loss", "tokens_per_second")  # as far as it is when a round looks
STATUS = {
    WorkState.QUEUED: Status.SCHEDULED,
    WorkState.RUNNING: Status.RUNNING,
    WorkState.SUCCEEDED: Status.FINISHED,
    WorkState.PAUSED: Status.SCHEDULED,
    WorkState.FAILED: Status.FAILED,
    WorkState.CANCELLED: Status.KILLED,
}
_SETTLED = exists().where(
    Mirrored.kind == Kind.RUN.value, Mirrored.key == cast(TrainingRun.id, String), Mirrored.settled
)


def runs(session: Session) -> list[Run]:
    """Those that may have changed since they were written, the oldest first."""
    found = session.execute(
        select(TrainingRun, Version)
        .outerjoin(Version, Version.id == TrainingRun.version_id)
        .where(~_SETTLED)
        .order_by(TrainingRun.id)
    )
    return [_run(row, version) for row, version in found]


def _run(row: TrainingRun, version: Version | None) -> Run:
    """What it has measured is written when it has ended: until then it changes, and a point cannot be replaced. What
    goes on by steps is a series from the beginning."""
    ended, learned = row.finished_at, row.parameters.get("dataset")
    return Run(
        key=str(row.id),
        name=f"{row.deployment} by {row.recipe}",
        status=STATUS[WorkState(row.state)],
        began_at=row.started_at or row.created_at,
        ended_at=ended,
        parameters=texts(**row.parameters),
        tags=texts(
            kind="training",
            deployment=row.deployment,
            recipe=row.recipe,
            version=None if version is None else version.label,
            attempt=row.attempt,
            dataset=learned,
            error=None if row.error is None else row.error.get("code"),
        ),
        points=tuple(_going(row)) if ended is None else tuple(_ended(row.measures, ended)),
        inputs=() if learned is None else (Input("dataset", learned, "training"),),
        settled=ended is not None,
    )


def _going(row: TrainingRun) -> Iterator[Point]:
    """By step, all at the moment in which it began: the same point again changes nothing."""
    step = row.measures.get("step")
    if row.started_at is None or type(step) is not int:
        return
    for name in SERIES:
        value = row.measures.get(name)
        if isinstance(value, int | float):
            yield Point(f"progress/{name}", value, row.started_at, step)


def _ended(measures: dict[str, Any], at: datetime) -> Iterator[Point]:
    step = int(measures.get("step", 0))
    for name, value in measures.items():
        if type(value) in (int, float):
            yield Point(name, value, at, step)
    for name, rungs in measures.get("candidates", {}).items():
        for rung, found in enumerate(rungs):
            for metric, value in found.items():
                if type(value) in (int, float):
                    yield Point(f"candidates/{name}/{metric}", value, at, rung)
