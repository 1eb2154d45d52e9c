"""Finish a job under its fence: an attempt that lost its job changes nothing."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from mainspring.errors import MainspringError
from mainspring.serving.claim import Fence
from mainspring.serving.engine import EngineAnswer
from mainspring.tables import Job, JobState


def succeed(session: Session, fence: Fence, answer: EngineAnswer) -> bool:
    """False: the fence refused it."""
    return _end(
        session,
        fence,
        JobState.SUCCEEDED,
        first_token=answer.first_token_seconds,
        engine=answer.engine_seconds,
        output=answer.output,
        usage=answer.usage,
    )


def fail(session: Session, fence: Fence, error: MainspringError) -> bool:
    """False: the fence refused it."""
    return _end(session, fence, JobState.FAILED, first_token=None, engine=None, error=error.as_json())


def _end(
    session: Session,
    fence: Fence,
    state: JobState,
    *,
    first_token: float | None,
    engine: float | None,
    **values: Any,
) -> bool:
    now = session.execute(
        select(Job.created_at, Job.started_at, func.clock_timestamp()).where(*fence.holds())
    ).first()
    if now is None:
        return False
    created, started, ended = now
    assert started is not None
    ended_row = session.execute(
        update(Job)
        .where(*fence.holds())
        .values(
            state=state.value,
            incarnation=None,
            finished_at=ended,
            timings=timings(created, started, ended, first_token, engine),
            **values,
        )
        .returning(Job.id)
    )
    return ended_row.first() is not None


def timings(
    created: datetime, started: datetime, ended: datetime, first_token: float | None, engine: float | None
) -> dict[str, float | None]:
    """Seconds. `queue`: acceptance to this attempt. `first_token` and `total`: from acceptance."""
    queue = (started - created).total_seconds()
    return {
        "queue": round(queue, 4),
        "first_token": None if first_token is None else round(queue + first_token, 4),
        "engine": None if engine is None else round(engine, 4),
        "total": round((ended - created).total_seconds(), 4),
    }
