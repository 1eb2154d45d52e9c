"""What beat asks for every few seconds: re-queue what a dead worker held, nudge again what lost its message.

Idempotent, and safe to run twice at once: rows are locked, and a nudge too many finds nothing to claim.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import String, case, cast, func, select, update
from sqlalchemy.orm import Session

from mainspring.errors import AttemptsExhausted
from mainspring.messages import Answer, Message, Train
from mainspring.serving.lease import overdue
from mainspring.tables import Incarnation, Job, JobState, RunState, TrainingRun

MOST_NUDGES = 64  # a version; each one wakes a slot, and a slot works until its queue is empty


@dataclass(frozen=True)
class Swept:
    """`ended`: jobs that have failed, whose watchers must be told."""

    dead: Sequence[UUID]
    requeued: int
    ended: Sequence[UUID]


def requeue_lost(session: Session, max_losses: int) -> Swept:
    """End the lives whose lease ran out; what they held goes back to its place in the queue, or has failed."""
    dead = overdue(session)
    if not dead:
        return Swept(dead, 0, ())
    session.execute(update(Incarnation).where(Incarnation.id.in_(dead)).values(ended_at=func.now()))
    _requeue_runs(session, dead)
    poisonous = Job.losses + 1 >= max_losses
    error = AttemptsExhausted(
        f"{max_losses} workers died while they held this job",
        remedy="Look at the infer worker's log around the attempts; submit a smaller or different input.",
    )
    moved = session.execute(
        update(Job)
        .where(Job.incarnation.in_(dead), Job.state == JobState.RUNNING.value)
        .values(
            state=case((poisonous, JobState.FAILED.value), else_=JobState.QUEUED.value),
            incarnation=None,
            losses=Job.losses + 1,
            started_at=case((poisonous, Job.started_at), else_=None),
            finished_at=case((poisonous, func.clock_timestamp()), else_=None),
            error=case((poisonous, func.jsonb_build_object(*_pairs(error))), else_=None),
        )
        .returning(Job.id, Job.state)
    ).all()
    ended = [job for job, state in moved if state == JobState.FAILED]
    return Swept(dead, len(moved) - len(ended), ended)


def nudges(
    session: Session, live_messages: Callable[[Sequence[str]], Sequence[int]], older_than_seconds: float
) -> list[Message]:
    """For queued work that is older than so many seconds and has no message on its queue.

    `live_messages` says how many messages wait on each of these queues (Redis LLEN).
    """
    then = func.now() - timedelta(seconds=older_than_seconds)
    waiting = session.execute(
        select(Job.version_id, func.count(), func.min(cast(Job.id, String)))
        .where(Job.state == JobState.QUEUED.value, Job.queued_at < then)
        .group_by(Job.version_id)
    ).all()
    found: list[Message] = []
    lengths = live_messages([Answer(str(version), "").queue for version, _, _ in waiting])
    for (version, count, oldest), live in zip(waiting, lengths, strict=True):
        missing = min(count - live, MOST_NUDGES)
        found.extend(Answer(str(version), str(oldest)) for _ in range(missing))
    runs = session.scalars(
        select(TrainingRun.id).where(TrainingRun.state == RunState.QUEUED.value, TrainingRun.queued_at < then)
    ).all()
    if runs and not live_messages([Train("").queue])[0]:
        found.append(Train(str(runs[0])))
    return found


def _requeue_runs(session: Session, dead: Sequence[UUID]) -> None:
    session.execute(
        update(TrainingRun)
        .where(TrainingRun.incarnation.in_(dead), TrainingRun.state == RunState.RUNNING.value)
        .values(
            state=RunState.QUEUED.value,
            incarnation=None,
            losses=TrainingRun.losses + 1,
            activity="queued again: its worker died",
        )
    )


def _pairs(error: AttemptsExhausted) -> list[str]:
    return [part for pair in error.as_json().items() for part in pair]
