"""The end of a version that answers nothing new: it stays until its conversations and jobs have ended, then retires.

The part `drain` of a deployment's policy says how long a conversation may be silent, how long all of them may take, and
how long a version is kept at hand in any case, for the way back. Who names the version is told the deadline (`Sunset`),
so from the first one that is told, it stays until then.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from mainspring.lifecycle import advance
from mainspring.registry import champion_of, lock_free
from mainspring.release.moving import hold, move_sessions
from mainspring.release.observing import held
from mainspring.tables import ChatSession, Deployment, Event, Job, JobState, Stage, Version, constant

ACTOR = "drain"
_DONE = "its last conversation and job have ended"
_RUNNING = (constant(JobState.RUNNING),)
_OPEN = (constant(JobState.QUEUED), *_RUNNING)
Seconds = Annotated[float, Field(ge=0, le=365 * 86400, allow_inf_nan=False)]


class DrainPlan(BaseModel):
    """`idle_seconds`: a conversation silent for so long has ended. `deadline_seconds`: then those that are left, and the
    jobs that wait, move to the champion. `keep_seconds`: so long the version stays loaded even if nobody needs it, for an
    instant way back. `delete_seconds`: so long after it has left, its files may be deleted; None: never."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    idle_seconds: Seconds = 1800.0
    deadline_seconds: Seconds = 86400.0
    keep_seconds: Seconds = 30.0
    delete_seconds: Seconds | None = 30 * 86400.0

    def last_day(self, since: datetime) -> datetime:
        """Until when a version answers that began to leave then."""
        return since + timedelta(seconds=self.deadline_seconds)


def drain_plan(policy: dict[str, Any]) -> DrainPlan:
    return DrainPlan.model_validate(policy.get("drain", {}))


def unlocked(session: Session, which: ColumnElement[bool]) -> list[tuple[Version, DrainPlan, datetime]]:
    """Those of them whose deployments nobody else has locked, each with its plan and the time; locked from now on."""
    mine = lock_free(session, session.scalars(select(Version.deployment).where(which).distinct()))
    found = session.execute(
        select(Version, Deployment.policy, func.clock_timestamp())
        .join(Deployment, Deployment.name == Version.deployment)
        .where(which, Version.deployment.in_(mine))
        .order_by(Version.id)
    ).all()
    return [(version, drain_plan(policy), now) for version, policy, now in found]


def retire_drained(session: Session) -> list[str]:
    """One look at each draining version; the labels of those that have retired now."""
    done = [
        (version, why)
        for version, plan, now in unlocked(session, Version.stage == Stage.DRAINING.value)
        if (why := _why(session, version, plan, now)) is not None
    ]
    hold(session, [version.id for version, _ in done])
    for version, why in done:
        _retire(session, version, why)
    return [version.label for version, _ in done]


def _why(session: Session, version: Version, plan: DrainPlan, now: datetime) -> str | None:
    """Why it retires now; None: it does not."""
    overdue = now >= plan.last_day(version.stage_at)
    champion = champion_of(session, version.deployment)
    _, refusals = held(session, version.id)
    refused = bool(refusals) and champion is not None
    given_up = refused or (overdue and champion is not None)  # its jobs that wait are taken in as strays
    if _has_jobs(session, version, _RUNNING if given_up else _OPEN):
        return None
    if refused:
        return f"no worker can hold it any more: {refusals[0]}"
    needed = _talks(session, version, now - timedelta(seconds=plan.idle_seconds)) or _promised(
        session, version
    )
    kept = now < version.stage_at + timedelta(seconds=plan.keep_seconds)
    if kept or (needed and not overdue):
        return None
    return "its deadline passed" if needed else _DONE


def _retire(session: Session, version: Version, why: str) -> None:
    champion = champion_of(session, version.deployment)
    left = 0 if champion is None else move_sessions(session, version.id, champion.id)
    if left and champion is not None and why != _DONE:
        inputs = {"sessions": left, "to": champion.label}
        session.add(Event(kind="sessions.moved", about=version.label, actor=ACTOR, reason=why, inputs=inputs))
    advance(session, version, Stage.RETIRED, actor=ACTOR, reason=why, inputs={"sessions_moved": left})


def _has_jobs(session: Session, version: Version, states: Sequence[ColumnElement[str]]) -> bool:
    return bool(session.scalar(select(exists().where(Job.version_id == version.id, Job.state.in_(states)))))


def _promised(session: Session, version: Version) -> bool:
    """Whether somebody named it, and was told its last day."""
    named = exists().where(Job.version_id == version.id, Job.pinned, Job.created_at >= version.stage_at)
    return bool(session.scalar(select(named)))


def _talks(session: Session, version: Version, since: datetime) -> bool:
    """Whether it has a conversation that has not ended, and was not silent since then."""
    spoke = exists().where(Job.session_id == ChatSession.id, Job.created_at > since)
    talks = exists().where(ChatSession.version_id == version.id, ChatSession.ended_at.is_(None), spoke)
    return bool(session.scalar(select(talks)))
