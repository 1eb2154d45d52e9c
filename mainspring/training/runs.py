"""Training runs: asked for, claimed, followed, ended. Like jobs, each write repeats (incarnation, attempt)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from mainspring.errors import AttemptsExhausted, UnknownDeployment
from mainspring.identifiers import uuid7
from mainspring.registry import refuse_retired
from mainspring.tables import Deployment, Incarnation, RunState, Task, TrainingRun
from mainspring.training.recipes import validated


@dataclass(frozen=True)
class RunFence:
    """Which attempt of which life holds a run."""

    run_id: UUID
    incarnation: UUID
    attempt: int

    def holds(self) -> list[ColumnElement[bool]]:
        return [
            TrainingRun.id == self.run_id,
            TrainingRun.state == RunState.RUNNING.value,
            TrainingRun.incarnation == self.incarnation,
            TrainingRun.attempt == self.attempt,
        ]


def request_run(
    session: Session,
    deployment: Deployment | str,
    recipe: str,
    parameters: dict[str, Any],
    *,
    asked_by: str | None = None,
) -> TrainingRun:
    """A queued run with its parameters complete. `asked_by`: as events name it.

    Raises UnknownDeployment, DeploymentRetired, InvalidRequest, UnknownParameter.
    """
    found = session.get(Deployment, deployment) if isinstance(deployment, str) else deployment
    if found is None:
        raise UnknownDeployment(f"there is no deployment {deployment}", field="deployment")
    refuse_retired(found)
    run = TrainingRun(
        id=uuid7(),
        deployment=found.name,
        recipe=recipe,
        parameters=validated(recipe, Task(found.task), parameters).model_dump(exclude_none=True),
        asked_by=asked_by,
    )
    session.add(run)
    session.flush()
    session.refresh(run)
    return run


def claim_run(
    session: Session, run_id: UUID | None, incarnation: UUID, *, max_losses: int
) -> TrainingRun | None:
    """This run, or with None the one queued longest, now running here; None when there is none to claim.

    A run under which so many workers have died is failed first, so that it does not block the others.
    """
    _fail_poisonous(session, max_losses)
    following = (
        select(TrainingRun.id)
        .where(TrainingRun.state == RunState.QUEUED.value)
        .order_by(TrainingRun.queued_at, TrainingRun.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if run_id is not None:
        following = following.where(TrainingRun.id == run_id)
    alive = exists().where(
        Incarnation.id == incarnation, Incarnation.ended_at.is_(None), Incarnation.lease_until > func.now()
    )
    return session.scalar(
        update(TrainingRun)
        .where(
            TrainingRun.id == following.scalar_subquery(), TrainingRun.state == RunState.QUEUED.value, alive
        )
        .values(
            state=RunState.RUNNING.value,
            incarnation=incarnation,
            attempt=TrainingRun.attempt + 1,
            started_at=func.clock_timestamp(),
            activity="starting",
        )
        .returning(TrainingRun)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def progress(
    session: Session, fence: RunFence, fraction: float, activity: str, measures: dict[str, Any]
) -> bool:
    """False: the fence refused, stop. `measures` are merged into what is there."""
    return _write(
        session,
        fence,
        progress=min(max(fraction, 0.0), 1.0),
        activity=activity,
        measures=TrainingRun.measures.op("||")(measures),
    )


def finish_run(session: Session, fence: RunFence, version_id: UUID, measures: dict[str, Any]) -> bool:
    """False: the fence refused, and the caller must roll back what it registered."""
    return _write(
        session,
        fence,
        state=RunState.SUCCEEDED.value,
        incarnation=None,
        progress=1.0,
        activity="done",
        measures=TrainingRun.measures.op("||")(measures),
        version_id=version_id,
        finished_at=func.clock_timestamp(),
    )


def fail_run(session: Session, fence: RunFence, error: dict[str, Any]) -> bool:
    """`error` as MainspringError.as_json() gives it."""
    return _write(
        session,
        fence,
        state=RunState.FAILED.value,
        incarnation=None,
        activity="failed",
        error=error,
        finished_at=func.clock_timestamp(),
    )


def hand_back_run(session: Session, fence: RunFence, activity: str) -> bool:
    """Queue it again, in its old place; the next attempt resumes from the last checkpoint."""
    return _write(session, fence, state=RunState.QUEUED.value, incarnation=None, activity=activity)


def hand_back_all(session: Session, incarnation: UUID) -> None:
    """Before a life ends: whatever it still holds goes back, since the sweep looks at lives that did not end."""
    session.execute(
        update(TrainingRun)
        .where(TrainingRun.incarnation == incarnation, TrainingRun.state == RunState.RUNNING.value)
        .values(state=RunState.QUEUED.value, incarnation=None, losses=TrainingRun.losses + 1)
        .execution_options(synchronize_session=False)
    )


def _write(session: Session, fence: RunFence, **values: Any) -> bool:
    written = session.scalar(
        update(TrainingRun)
        .where(*fence.holds())
        .values(**values)
        .returning(TrainingRun.id)
        .execution_options(synchronize_session=False)
    )
    return written is not None


def _fail_poisonous(session: Session, max_losses: int) -> None:
    error = AttemptsExhausted(
        f"{max_losses} workers died while they held this run",
        remedy="Look at the train worker's log; ask for fewer or smaller batches, or for more memory.",
    )
    session.execute(
        update(TrainingRun)
        .where(TrainingRun.state == RunState.QUEUED.value, TrainingRun.losses >= max_losses)
        .values(
            state=RunState.FAILED.value,
            activity="failed",
            error=error.as_json(),
            finished_at=func.clock_timestamp(),
        )
        .execution_options(synchronize_session=False)
    )
