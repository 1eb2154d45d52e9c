"""What beat asks for every few seconds: re-queue what a dead worker held, nudge again what lost its message.

Idempotent, and safe to run twice at once: rows are locked, and a nudge too many finds nothing to claim.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Interval, String, bindparam, case, cast, func, select, update
from sqlalchemy.orm import Session

from mainspring import work
from mainspring.errors import MainspringError
from mainspring.messages import Answer, Message, Train
from mainspring.serving.answer import EXPIRED, exhausted
from mainspring.serving.claim import TRACE, Fence, carried
from mainspring.serving.ending import ending
from mainspring.serving.lease import overdue
from mainspring.serving.unanswered import ENDED, observed
from mainspring.tables import (
    HeldVersion,
    Incarnation,
    Job,
    JobState,
    Observation,
    Version,
    constant,
)
from mainspring.tracecontext import Carried

MOST_NUDGES = 64  # a version; each one wakes a slot, and a slot works until its queue is empty
# Of each version's queue the beginning is looked at: the cost depends on the number of versions, not of jobs.
_NEXT = (
    select(Job.id, Job.queued_at)
    .where(Job.version_id == Version.id, Job.state == constant(JobState.QUEUED), Job.after.is_(None))
    .order_by(Job.turn, Job.id)
    .limit(1000)
    .correlate(Version)
    .lateral()
)
_WAITING = (
    select(Version.id, func.count(), func.min(cast(_NEXT.c.id, String)))
    .join(_NEXT, _NEXT.c.queued_at < func.now() - cast(bindparam("then"), Interval))
    .group_by(Version.id)
)


class Lost(NamedTuple):
    """An attempt of a traced job that died with its worker. `version`: its label."""

    fence: Fence
    deployment: str
    version: str
    trace: Carried


@dataclass(frozen=True)
class Swept:
    """`ended`: jobs that have failed, whose watchers must be told. `traced`: what the dead could not say themselves."""

    dead: Sequence[UUID]
    requeued: int
    ended: Sequence[UUID]
    traced: Sequence[Lost] = ()


def requeue_lost(session: Session, max_losses: int) -> Swept:
    """End the lives whose lease ran out; what they held goes back to its place in the queue, or has failed."""
    dead = overdue(session)
    if not dead:
        return Swept(dead, 0, ())
    session.execute(update(Incarnation).where(Incarnation.id.in_(dead)).values(ended_at=func.now()))
    work.lost(session, dead, "queued again: its worker died")
    traced = _traced(session, dead)
    poisonous = Job.losses + 1 >= max_losses
    evidence = Job.evidence.concat(
        func.jsonb_build_array(
            func.jsonb_build_object(
                "attempt", Job.attempt, "worker", cast(Job.incarnation, String), "cause", "the worker died"
            )
        )
    )
    error = func.jsonb_build_object(*_pairs(exhausted(max_losses))).concat(
        func.jsonb_build_object("evidence", evidence)
    )
    moved = (
        update(Job)
        .where(Job.incarnation.in_(dead), Job.state == JobState.RUNNING.value)
        .values(
            state=case((poisonous, JobState.FAILED.value), else_=JobState.QUEUED.value),
            incarnation=None,
            losses=Job.losses + 1,
            started_at=case((poisonous, Job.started_at), else_=None),
            finished_at=case((poisonous, func.clock_timestamp()), else_=None),
            evidence=evidence,
            error=case((poisonous, error), else_=None),
        )
        .returning(*ENDED)
        .cte("moved")
    )
    rows = ending(session.connection(), select(moved.c.id, moved.c.state).add_cte(observed(moved)))
    ended = [row.id for row in rows if row.state == JobState.FAILED]
    moved_ids = {row.id for row in rows}
    told = [one for one in traced if one.fence.job_id in moved_ids]
    return Swept(dead, len(rows) - len(ended), ended, told)


def _traced(session: Session, dead: Sequence[UUID]) -> list[Lost]:
    found = session.execute(
        select(Job.id, Job.incarnation, Job.attempt, Job.deployment, Version.number, TRACE.label("trace"))
        .join(Version, Version.id == Job.version_id)
        .where(
            Job.incarnation.in_(dead), Job.state == constant(JobState.RUNNING), Job.traceparent.is_not(None)
        )
    )
    return [
        Lost(
            Fence(row.id, row.incarnation, row.attempt),
            row.deployment,
            f"{row.deployment}@{row.number}",
            trace,
        )
        for row in found
        if (trace := carried(row.trace)) is not None
    ]


def untold(session: Session, dead: Sequence[UUID], lease_seconds: float) -> list[UUID]:
    """Jobs that may have ended just before these lives did, so that the notices of it died with them."""
    since = Incarnation.lease_until - timedelta(seconds=2 * lease_seconds)
    return list(
        session.scalars(
            select(Observation.job_id)
            .join(HeldVersion, HeldVersion.version_id == Observation.version_id)
            .join(Incarnation, Incarnation.id == HeldVersion.incarnation)
            .where(Incarnation.id.in_(dead), Observation.at > since)
            .distinct()
        )
    )


def expire(session: Session) -> list[UUID]:
    """End the queued jobs whose deadline has passed; those that run are ended by their workers."""
    late = (
        select(Job.id)
        .where(Job.state == constant(JobState.QUEUED), Job.deadline_at <= func.now())
        .with_for_update(key_share=True, skip_locked=True)
        .cte("late")
    )
    ended = (
        update(Job)
        .where(Job.id.in_(select(late.c.id)))
        .values(
            state=constant(JobState.EXPIRED),
            finished_at=func.clock_timestamp(),
            error=func.jsonb_build_object(*_pairs(EXPIRED)),
        )
        .returning(*ENDED)
        .cte("ended")
    )
    rows = ending(session.connection(), select(ended.c.id).add_cte(observed(ended)))
    return [row.id for row in rows]


def nudges(
    session: Session, live_messages: Callable[[Sequence[str]], Sequence[int]], older_than_seconds: float
) -> list[Message]:
    """For queued work that is older than so many seconds and has no message on its queue.

    `live_messages` says how many messages wait on each of these queues (Redis LLEN).
    """
    then = func.now() - timedelta(seconds=older_than_seconds)
    waiting = session.execute(_WAITING, {"then": timedelta(seconds=older_than_seconds)}).all()
    found: list[Message] = []
    lengths = live_messages([Answer(str(version), "").queue for version, _, _ in waiting])
    for (version, count, oldest), live in zip(waiting, lengths, strict=True):
        missing = min(count - live, MOST_NUDGES)
        found.extend(Answer(str(version), str(oldest)) for _ in range(missing))
    undone = work.waiting(session, then)
    if undone is not None and not live_messages([Train("").queue])[0]:
        found.append(Train(str(undone)))
    return found


def _pairs(error: MainspringError) -> list[str]:
    return [part for pair in error.as_json().items() for part in pair]
