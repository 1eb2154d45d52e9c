"""Claim, hand back, cancel: the conditional updates by which exactly one attempt holds a job.

A nudge says only that a version has work; the claim takes the job whose turn it is (turns.py). So a lost, late or
doubled message changes neither which job is next nor how often it is answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    ScalarSelect,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.sql import ColumnElement

from mainspring.serving.ending import ending
from mainspring.serving.unanswered import ENDED, observed
from mainspring.tables import Incarnation, Job, JobState, constant
from mainspring.tracecontext import Carried, TraceContext


@dataclass(frozen=True)
class Fence:
    """Which attempt of which life holds a job; every later write of it repeats this in its condition."""

    job_id: UUID
    incarnation: UUID
    attempt: int

    def values(self) -> dict[str, Any]:
        """For the parameters of HOLDS."""
        return {"fence_job": self.job_id, "fence_life": self.incarnation, "fence_attempt": self.attempt}


# The condition of every write by whoever runs a job.
HOLDS = (
    Job.id == bindparam("fence_job"),
    Job.state == constant(JobState.RUNNING),
    Job.incarnation == bindparam("fence_life"),
    Job.attempt == bindparam("fence_attempt"),
)


SUSPECT: ColumnElement[int] = literal_column("2", Integer)  # so many losses: it runs alone from then on


@dataclass(frozen=True)
class Claimed:
    """What an attempt has to know of its job. `seconds_left`: until its deadline; None if it has none.

    `trace`: None for a job that is not traced.
    """

    fence: Fence
    input: Any
    parameters: dict[str, Any]
    seed: int
    session_id: UUID | None
    seconds_left: float | None
    tenant_id: UUID
    queue_seconds: float = 0.0  # from acceptance to this claim
    trace: Carried | None = None


# One column for all of it, null for jobs that are not traced: then a claim costs no more than without.
TRACE = case(
    (
        Job.traceparent.is_not(None),
        func.jsonb_build_array(
            Job.traceparent,
            Job.tracestate,
            func.extract("epoch", Job.created_at),
            func.extract("epoch", Job.started_at),
        ),
    ),
)


def _following(trusted: ColumnElement[bool]) -> ScalarSelect[UUID]:
    return (
        select(Job.id)
        .where(
            Job.version_id == bindparam("version"),
            Job.state == constant(JobState.QUEUED),
            Job.after.is_(None),
            or_(Job.deadline_at.is_(None), Job.deadline_at > func.clock_timestamp()),
            trusted,
        )
        .order_by(Job.turn, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


_BASE = (
    update(Job)
    .where(
        exists().where(
            Incarnation.id == bindparam("life"),
            Incarnation.ended_at.is_(None),
            Incarnation.lease_until > func.now(),
        ),
    )
    .values(
        state=constant(JobState.RUNNING),
        incarnation=bindparam("life"),
        attempt=Job.attempt + 1,
        started_at=func.clock_timestamp(),
    )
    .returning(
        Job.id,
        Job.attempt,
        Job.input,
        Job.parameters,
        Job.seed,
        Job.session_id,
        Job.tenant_id,
        func.extract("epoch", Job.deadline_at - func.clock_timestamp()).label("seconds_left"),
        func.extract("epoch", Job.started_at - Job.created_at).label("queue_seconds"),
        TRACE.label("trace"),
        # Not worth a flush to disk: a claim that a crash of PostgreSQL forgets was never made. The job is queued
        # again, and whoever claims it has the fence.
        func.set_config("synchronous_commit", "off", True),
    )
)
# Built once: building a statement costs more than running it.
_CLAIM = _BASE.where(Job.id == _following(Job.losses < SUSPECT))
_CLAIM_SUSPECT = _BASE.where(Job.id == _following(Job.losses >= SUSPECT))
_SUSPECTS = (
    select(Job.version_id).where(Job.state == constant(JobState.QUEUED), Job.losses >= SUSPECT).distinct()
)
_HAND_BACK = (
    update(Job)
    .where(*HOLDS)
    .values(
        state=constant(JobState.QUEUED),
        incarnation=None,
        started_at=None,
        losses=Job.losses + bindparam("loss", type_=Job.losses.type),
        evidence=Job.evidence.concat(bindparam("witnessed", type_=Job.evidence.type)),
    )
    .returning(Job.version_id)
)
_CANCELLED = (
    update(Job)
    .where(
        Job.id == bindparam("job"),
        Job.tenant_id == bindparam("tenant"),
        Job.state.in_([constant(JobState.QUEUED), constant(JobState.RUNNING)]),
    )
    .values(state=constant(JobState.CANCELLED), incarnation=None, finished_at=func.clock_timestamp())
    .returning(*ENDED)
    .cte("ended")
)
_CANCEL = select(_CANCELLED.c.id).add_cte(observed(_CANCELLED))
_HELD = select(Job.id, Job.attempt).where(
    Job.incarnation == bindparam("life"), Job.state == constant(JobState.RUNNING)
)


def claim(connection: Connection, version_id: UUID, incarnation: UUID) -> Claimed | None:
    """The queued job of the version whose turn it is, now running here; None: no such job, or the lease is over."""
    return claimed(
        connection.execute(_CLAIM, {"version": version_id, "life": incarnation}).first(), incarnation
    )


def claim_suspect(connection: Connection, version_id: UUID, incarnation: UUID) -> Claimed | None:
    """As claim, of the jobs that lost their worker too often to run beside others."""
    row = connection.execute(_CLAIM_SUSPECT, {"version": version_id, "life": incarnation}).first()
    return claimed(row, incarnation)


def suspects(connection: Connection) -> list[UUID]:
    """The versions for which such jobs wait."""
    return list(connection.scalars(_SUSPECTS))


def claimed(row: Row[Any] | None, incarnation: UUID) -> Claimed | None:
    """Of the columns that a claim returns."""
    if row is None:
        return None
    return Claimed(
        Fence(row.id, incarnation, row.attempt),
        row.input,
        row.parameters,
        row.seed,
        row.session_id,
        None if row.seconds_left is None else float(row.seconds_left),
        row.tenant_id,
        float(row.queue_seconds),
        carried(row.trace),
    )


def carried(trace: list[Any] | None) -> Carried | None:
    """Of the column TRACE."""
    return None if trace is None else Carried(TraceContext(*trace[:2]), *trace[2:])


def hand_back(
    connection: Connection, fence: Fence, *, lost: bool, evidence: Sequence[dict[str, Any]] = ()
) -> UUID | None:
    """Queue it again, in its old place: whose version has work now; None: the fence refused.

    `lost` counts it as an attempt that took its engine down; `evidence` says how, without its text.
    """
    values = {**fence.values(), "loss": int(lost), "witnessed": list(evidence)}
    version: UUID | None = connection.scalar(_HAND_BACK, values)
    return version


def cancel(connection: Connection, tenant_id: UUID, job_id: UUID) -> bool:
    """End a queued or running job as cancelled. False: it had ended, or is no job of this tenant.

    A running attempt is stopped by the notice that the caller sends; its late answer meets the fence.
    """
    return bool(ending(connection, _CANCEL, {"job": job_id, "tenant": tenant_id}))


def held_by(connection: Connection, incarnation: UUID) -> set[Fence]:
    """The attempts that the rows say this life holds."""
    return {
        Fence(row.id, incarnation, row.attempt) for row in connection.execute(_HELD, {"life": incarnation})
    }
