"""Take waiting jobs and conversations from one version to another. What runs ends where it is; no answer changes.

Rows are locked in the order of registry/locks.py: conversations by id, then jobs by id. Who moves from several versions
in one transaction holds all their conversations first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Uuid, and_, any_, bindparam, case, func, not_, or_, select, update
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
# Who named the version, outside of a conversation, means that version for as long as it answers.
_MEANT = and_(Job.pinned, Job.session_id.is_(None))
_WAITING = (
    select(Job.id)
    .where(
        Job.version_id == bindparam("old"),
        Job.state == _QUEUED,
        or_(bindparam("even_meant", type_=Boolean), not_(_MEANT)),
    )
    .order_by(Job.id)
    .with_for_update(key_share=True)
    .cte("waiting")
)
_JOBS = (
    update(Job)
    .where(Job.id.in_(select(_WAITING.c.id)), Job.state == _QUEUED)
    .values(
        version_id=bindparam("new"),
        turn=Job.turn - _FIRST + _PRESENT,
        queued_at=func.clock_timestamp(),
        rollout_id=None,
        share=None,
        moved_from=case((or_(Job.session_id.is_not(None), Job.pinned), _LEFT), else_=Job.moved_from),
    )
    .returning(Job.id)
)
_OPEN = (
    select(ChatSession.id)
    .where(ChatSession.version_id == bindparam("old"), ChatSession.ended_at.is_(None))
    .order_by(ChatSession.id)
    .with_for_update(key_share=True)
    .cte("open")
)
_SESSIONS = (
    update(ChatSession)
    .where(ChatSession.id.in_(select(_OPEN.c.id)))
    .values(
        version_id=bindparam("new"),
        rollout_id=None,
        share=None,
        moved_from=func.coalesce(ChatSession.moved_from, bindparam("old")),
    )
    .returning(ChatSession.id)
)

_HOLD = (
    select(ChatSession.id)
    .where(
        ChatSession.version_id == any_(bindparam("all", type_=ARRAY(Uuid))), ChatSession.ended_at.is_(None)
    )
    .order_by(ChatSession.id)
    .with_for_update(key_share=True)
)


@dataclass(frozen=True)
class Moved:
    """How many."""

    jobs: int
    sessions: int


def hold(session: Session, versions: Iterable[UUID]) -> None:
    """Their conversations that have not ended get no message until this transaction ends."""
    session.connection().execute(_HOLD, {"all": list(versions)}).all()


def move(session: Session, old: UUID, new: UUID, *, stays: bool = False) -> Moved:
    """All conversations that have not ended, and all jobs that wait; the ones of conversations say whence.

    If the old version `stays`, for those who name it, their jobs stay with it.
    """
    talks = move_sessions(session, old, new)
    given = {"old": old, "new": new, "even_meant": not stays}
    return Moved(len(session.connection().execute(_JOBS, given).all()), talks)


def move_sessions(session: Session, old: UUID, new: UUID) -> int:
    """Their next answers come from the other version. One that has ended is drawn anew when it begins again."""
    return len(session.connection().execute(_SESSIONS, {"old": old, "new": new}).all())
