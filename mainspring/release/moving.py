"""Take waiting jobs and conversations from one version to another. What runs ends where it is; no answer changes."""

from uuid import UUID

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.orm import Session, aliased

from mainspring.tables import ChatSession, Job, JobState, Version, constant

_Theirs, _Running = aliased(Job), aliased(Job)
_QUEUED = constant(JobState.QUEUED)
# Their turns go on from the present of the other version's queue, in the same order and with the same distances.
_PRESENT = func.coalesce(
    select(func.max(_Running.turn))
    .where(_Running.version_id == bindparam("new"), _Running.state == constant(JobState.RUNNING))
    .scalar_subquery(),
    select(func.min(_Theirs.turn))
    .where(_Theirs.version_id == bindparam("new"), _Theirs.state == _QUEUED)
    .scalar_subquery(),
    0.0,
)
_FIRST = (
    select(func.min(_Theirs.turn))
    .where(_Theirs.version_id == bindparam("old"), _Theirs.state == _QUEUED)
    .scalar_subquery()
)
_LEFT = (
    select(func.concat(Version.deployment, "@", Version.number))
    .where(Version.id == bindparam("old"))
    .scalar_subquery()
)
_JOBS = (
    update(Job)
    .where(Job.version_id == bindparam("old"), Job.state == _QUEUED)
    .values(
        version_id=bindparam("new"),
        turn=Job.turn - _FIRST + _PRESENT,
        queued_at=func.clock_timestamp(),
        rollout_id=None,
        share=None,
        moved_from=case((Job.session_id.is_not(None), _LEFT), else_=Job.moved_from),
    )
    .returning(Job.id)
)
_SESSIONS = (
    update(ChatSession)
    .where(ChatSession.version_id == bindparam("old"))
    .values(
        version_id=bindparam("new"),
        rollout_id=None,
        share=None,
        moved_from=func.coalesce(ChatSession.moved_from, bindparam("old")),
    )
    .returning(ChatSession.id)
)


def move_jobs(session: Session, old: UUID, new: UUID) -> int:
    """Those that wait; the ones of conversations say whence. How many."""
    return len(session.connection().execute(_JOBS, {"old": old, "new": new}).all())


def move_sessions(session: Session, old: UUID, new: UUID) -> int:
    """All conversations: their next answers come from the other version. How many."""
    return len(session.connection().execute(_SESSIONS, {"old": old, "new": new}).all())
