"""A version that leaves by somebody's word, and who still needs it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.errors import Conflict
from mainspring.lifecycle import advance
from mainspring.registry import champion_of, lock
from mainspring.release.moving import move
from mainspring.tables import ChatSession, Event, Job, Stage, Tenant, Version

_UNTRIED = (Stage.REGISTERED, Stage.TESTING)
_GONE = (Stage.RETIRED, Stage.REJECTED)


@dataclass(frozen=True)
class Left:
    """So many jobs that waited and conversations moved to the `champion`; None: there was nothing to move."""

    champion: UUID | None = None
    jobs: int = 0
    sessions: int = 0


@dataclass(frozen=True)
class Needing:
    """A tenant that a version cannot leave without noticing: its open conversations, and jobs that named the version.

    `last_at`: when it last handed in a job for it.
    """

    tenant: str
    sessions: int
    pinned: int
    last_at: datetime | None


def retire_version(session: Session, version: Version, *, actor: str, reason: str) -> Left:
    """It answers nothing more; what runs may end. One that never answered is rejected. Twice changes nothing.

    Raises Conflict for the champion and for the challenger of an open rollout.
    """
    lock(session, version.deployment)
    session.refresh(version)
    stage = Stage(version.stage)
    if stage in _GONE:
        return Left()
    if stage in _UNTRIED:
        advance(session, version, Stage.REJECTED, actor=actor, reason=reason)
        return Left()
    if stage is not Stage.DRAINING:
        name = version.deployment
        remedy = f"End its rollout first: mainspring abort {name}."
        if stage is Stage.PRODUCTION:
            remedy = f"Let another one take over first, or retire all of it: mainspring retire {name}."
        raise Conflict(f"{version.label} is in {stage.value} and answers", field="version", remedy=remedy)
    return _sent_away(session, version, actor, reason)


def needing(session: Session, version: Version) -> list[Needing]:
    """By tenant, whatever stage the version is in: who asks before a rollout knows whom it will concern."""
    talks = (
        select(
            ChatSession.tenant_id,
            func.count(ChatSession.id.distinct()).label("sessions"),
            func.max(Job.created_at).label("last_at"),
        )
        .outerjoin(Job, Job.session_id == ChatSession.id)
        .where(ChatSession.version_id == version.id, ChatSession.ended_at.is_(None))
        .group_by(ChatSession.tenant_id)
        .subquery()
    )
    pinned = (
        select(Job.tenant_id, func.count().label("jobs"), func.max(Job.created_at).label("last_at"))
        .where(Job.version_id == version.id, Job.pinned)
        .group_by(Job.tenant_id)
        .subquery()
    )
    found = session.execute(
        select(
            Tenant.name,
            func.coalesce(talks.c.sessions, 0),
            func.coalesce(pinned.c.jobs, 0),
            func.greatest(talks.c.last_at, pinned.c.last_at),
        )
        .outerjoin(talks, talks.c.tenant_id == Tenant.id)
        .outerjoin(pinned, pinned.c.tenant_id == Tenant.id)
        .where(func.coalesce(talks.c.sessions, pinned.c.jobs).is_not(None))
        .order_by(Tenant.name)
    )
    return [Needing(*row) for row in found]


def _sent_away(session: Session, version: Version, actor: str, reason: str) -> Left:
    champion = champion_of(session, version.deployment)
    left = Left()
    if champion is not None:
        moved = move(session, version.id, champion.id)
        left = Left(champion.id, moved.jobs, moved.sessions)
    if left.sessions or left.jobs:
        assert champion is not None
        inputs = {"sessions": left.sessions, "jobs": left.jobs, "to": champion.label}
        session.add(
            Event(kind="sessions.moved", about=version.label, actor=actor, reason=reason, inputs=inputs)
        )
    inputs = {"sessions_moved": left.sessions}
    advance(session, version, Stage.RETIRED, actor=actor, reason=reason, inputs=inputs)
    return left
