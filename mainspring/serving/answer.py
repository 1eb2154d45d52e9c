"""Finish a job under its fence: an attempt that lost its job changes nothing."""

from typing import Any

from sqlalchemy import Numeric, cast, func, null, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from mainspring.errors import AttemptsExhausted, MainspringError
from mainspring.serving.claim import Fence, hand_back
from mainspring.serving.engine import EngineAnswer
from mainspring.tables import Job, JobState


def succeed(session: Session, fence: Fence, answer: EngineAnswer) -> Job | None:
    """The ended job; None: the fence refused."""
    timings = _timings(answer.first_token_seconds, answer.engine_seconds)
    return _end(session, fence, JobState.SUCCEEDED, timings, output=answer.output, usage=answer.usage)


def fail(session: Session, fence: Fence, error: MainspringError) -> Job | None:
    """The ended job; None: the fence refused."""
    return _end(session, fence, JobState.FAILED, _timings(None, None), error=error.as_json())


def set_back(session: Session, fence: Fence, *, lost: bool, max_losses: int) -> Job | None:
    """Queue it again, or fail it when this was one loss too many; the job as it then is. None: the fence refused."""
    losses = session.scalar(select(Job.losses).where(*fence.holds()).with_for_update())
    if losses is None:
        return None
    if lost and losses + 1 >= max_losses:
        exhausted = AttemptsExhausted(
            f"{losses + 1} attempts were lost while they held this job",
            remedy="Look at the infer worker's log around the attempts; submit a smaller or different input.",
        )
        return fail(session, fence, exhausted)
    hand_back(session, fence, lost=lost)
    return session.get_one(Job, fence.job_id, populate_existing=True)


def _end(
    session: Session, fence: Fence, state: JobState, timings: ColumnElement[Any], **values: Any
) -> Job | None:
    return session.scalar(
        update(Job)
        .where(*fence.holds())
        .values(
            state=state.value,
            incarnation=None,
            finished_at=func.clock_timestamp(),
            timings=timings,
            **values,
        )
        .returning(Job)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def _timings(first_token: float | None, engine: float | None) -> ColumnElement[Any]:
    """Seconds. `queue`: acceptance to this attempt. `first_token` and `total`: from acceptance."""
    queue = func.extract("epoch", Job.started_at - Job.created_at)
    total = func.extract("epoch", func.clock_timestamp() - Job.created_at)
    return func.jsonb_build_object(
        "queue",
        _rounded(queue),
        "first_token",
        null() if first_token is None else _rounded(queue + first_token),
        "engine",
        null() if engine is None else _rounded(engine),
        "total",
        _rounded(total),
    )


def _rounded(seconds: Any) -> ColumnElement[Any]:
    return func.round(cast(seconds, Numeric), 4)
