"""Training runs, as runs: their parameters, what they measured, and how they ended."""

from sqlalchemy import String, cast, exists, select
from sqlalchemy.orm import Session

from mainspring.mirror.progress import Kind
from mainspring.mirror.things import Point, Run, Status, texts
from mainspring.tables import Mirrored, TrainingRun, Version, WorkState

_STATUS = {
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
    """Its numbers are written when it has ended: until then they change, and a point cannot be replaced."""
    ended = row.finished_at
    step = row.measures.get("step", 0)
    numbers = {name: value for name, value in row.measures.items() if type(value) in (int, float)}
    return Run(
        key=str(row.id),
        name=f"{row.deployment} by {row.recipe}",
        status=_STATUS[WorkState(row.state)],
        began_at=row.started_at or row.created_at,
        ended_at=ended,
        parameters=texts(**row.parameters),
        tags=texts(
            kind="training",
            deployment=row.deployment,
            recipe=row.recipe,
            version=None if version is None else version.label,
            attempt=row.attempt,
            error=None if row.error is None else row.error.get("code"),
        ),
        points=()
        if ended is None
        else tuple(Point(name, value, ended, int(step)) for name, value in numbers.items()),
        settled=ended is not None,
    )
