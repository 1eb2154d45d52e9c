"""Claim, hand back, cancel: the conditional updates by which exactly one attempt holds a job.

A nudge says only that a version has work; the claim takes the most urgent job of that version. So a lost,
late or doubled message changes neither which job is next nor how often it is answered.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from mainspring.tables import Incarnation, Job, JobState


@dataclass(frozen=True)
class Fence:
    """Which attempt of which life holds a job; every later write of it repeats this in its condition."""

    job_id: UUID
    incarnation: UUID
    attempt: int

    def holds(self) -> list[ColumnElement[bool]]:
        return [
            Job.id == self.job_id,
            Job.state == JobState.RUNNING.value,
            Job.incarnation == self.incarnation,
            Job.attempt == self.attempt,
        ]


def claim(session: Session, version_id: UUID, incarnation: UUID) -> Job | None:
    """The most urgent queued job of the version, now running here; None when there is none or the lease is over."""
    following = (
        select(Job.id)
        .where(Job.version_id == version_id, Job.state == JobState.QUEUED.value)
        .order_by(Job.queued_at, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    alive = exists().where(
        Incarnation.id == incarnation, Incarnation.ended_at.is_(None), Incarnation.lease_until > func.now()
    )
    return session.scalar(
        update(Job)
        .where(Job.id == following, Job.state == JobState.QUEUED.value, alive)
        .values(
            state=JobState.RUNNING.value,
            incarnation=incarnation,
            attempt=Job.attempt + 1,
            started_at=func.clock_timestamp(),
        )
        .returning(Job)
        .execution_options(synchronize_session=False)
    )


def hand_back(session: Session, fence: Fence, *, lost: bool) -> UUID | None:
    """Queue it again, in its old place: whose version has work now; None: the fence refused.

    `lost` counts it as an attempt that took its engine down.
    """
    return session.scalar(
        update(Job)
        .where(*fence.holds())
        .values(
            state=JobState.QUEUED.value,
            incarnation=None,
            started_at=None,
            losses=Job.losses + (1 if lost else 0),
        )
        .returning(Job.version_id)
    )


def cancel(session: Session, tenant_id: UUID, job_id: UUID) -> Job | None:
    """End a queued or running job as cancelled; one that has ended stays as it is. None: no such job.

    A running attempt is stopped by the notice that the caller sends; its late answer meets the fence.
    """
    mine = (Job.id == job_id) & (Job.tenant_id == tenant_id)
    session.execute(
        update(Job)
        .where(mine, or_(Job.state == JobState.QUEUED.value, Job.state == JobState.RUNNING.value))
        .values(state=JobState.CANCELLED.value, incarnation=None, finished_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )
    return session.scalar(select(Job).where(mine).execution_options(populate_existing=True))


def held_by(session: Session, incarnation: UUID) -> set[Fence]:
    """The attempts that the rows say this life holds."""
    rows = session.execute(
        select(Job.id, Job.attempt).where(Job.incarnation == incarnation, Job.state == JobState.RUNNING.value)
    )
    return {Fence(job_id, incarnation, attempt) for job_id, attempt in rows}
