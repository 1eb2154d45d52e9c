"""The end of a version that answers nothing new: it stays until its conversations and jobs have ended, then retires.

The part `drain` of a deployment's policy says how long a conversation may be silent, how long all of them may take, and
how long a version is kept at hand in any case, for the way back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from mainspring.lifecycle import LIVE, advance
from mainspring.release.moving import move_jobs, move_sessions
from mainspring.release.observing import held
from mainspring.release.rollout import champion_of
from mainspring.tables import ChatSession, Deployment, Event, Job, JobState, Stage, Version, constant

ACTOR = "drain"
_RUNNING = (constant(JobState.RUNNING),)
_OPEN = (constant(JobState.QUEUED), *_RUNNING)
Seconds = Annotated[float, Field(ge=0, le=365 * 86400, allow_inf_nan=False)]


class DrainPlan(BaseModel):
    """`idle_seconds`: a conversation silent for so long has ended. `deadline_seconds`: then those that are left move to
    the champion. `keep_seconds`: so long the version stays loaded even if nobody needs it. `delete_seconds`: so long after
    it has left, its files may be deleted; None: never."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    idle_seconds: Seconds = 1800.0
    deadline_seconds: Seconds = 86400.0
    keep_seconds: Seconds = 0.0
    delete_seconds: Seconds | None = 30 * 86400.0


def drain_plan(policy: dict[str, Any]) -> DrainPlan:
    return DrainPlan.model_validate(policy.get("drain", {}))


def retire_drained(session: Session) -> list[str]:
    """One look at each draining version; the labels of those that have retired now."""
    found = session.execute(
        select(Version, Deployment.policy, func.clock_timestamp())
        .join(Deployment, Deployment.name == Version.deployment)
        .where(Version.stage == Stage.DRAINING.value)
        .order_by(Version.id)
        .with_for_update(of=Version, skip_locked=True)
    ).all()
    return [
        version.label
        for version, policy, now in found
        if _looked_at(session, version, drain_plan(policy), now)
    ]


def take_in_strays(session: Session) -> dict[str, int]:
    """Jobs that were drawn for a version while it was rolled back go to the champion: how many, by its id."""
    strays = session.execute(
        select(Job.version_id, Version.deployment)
        .join(Version, Version.id == Job.version_id)
        .where(
            Job.state == constant(JobState.QUEUED),
            Version.stage.not_in([stage.value for stage in LIVE]),
        )
        .distinct()
    ).all()
    moved: dict[str, int] = {}
    for version_id, deployment in strays:
        champion = champion_of(session, deployment)
        if champion is not None:
            count = move_jobs(session, version_id, champion.id)
            moved[str(champion.id)] = moved.get(str(champion.id), 0) + count
    return moved


def _looked_at(session: Session, version: Version, plan: DrainPlan, now: datetime) -> bool:
    """Whether it has retired."""
    age = now - version.stage_at
    talks = _talks(session, version, now - timedelta(seconds=plan.idle_seconds))
    _, refused = held(session, version.id)
    champion = champion_of(session, version.deployment)
    if refused and champion is not None:  # its jobs that wait are taken in as strays
        if _has_jobs(session, version, _RUNNING):
            return False
        why = f"no worker can hold it any more: {refused[0]}"
    else:
        if _has_jobs(session, version, _OPEN) or age < timedelta(seconds=plan.keep_seconds):
            return False
        if talks and age < timedelta(seconds=plan.deadline_seconds):
            return False
        why = "its deadline passed" if talks else "its last conversation and job have ended"
    left = 0
    if champion is not None:
        left = move_sessions(session, version.id, champion.id)
    if talks:
        inputs = {"sessions": talks, "to": None if champion is None else champion.label}
        session.add(Event(kind="sessions.moved", about=version.label, actor=ACTOR, reason=why, inputs=inputs))
    advance(session, version, Stage.RETIRED, actor=ACTOR, reason=why, inputs={"sessions_moved": left})
    return True


def _has_jobs(session: Session, version: Version, states: Sequence[ColumnElement[str]]) -> bool:
    return bool(session.scalar(select(exists().where(Job.version_id == version.id, Job.state.in_(states)))))


def _talks(session: Session, version: Version, since: datetime) -> int:
    """Conversations of it that have not ended, and were not silent since then."""
    spoke = exists().where(Job.session_id == ChatSession.id, Job.created_at > since)
    asked = select(func.count()).where(
        ChatSession.version_id == version.id, ChatSession.ended_at.is_(None), spoke
    )
    return session.scalars(asked).one()
