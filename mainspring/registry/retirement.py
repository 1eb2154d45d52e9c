"""Retire a deployment: nothing new is taken, what was accepted is answered, and every row stays.

Its live versions drain: workers hold them for as long as an open job names them. Declared again, it is back.
"""

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from mainspring.lifecycle import advance
from mainspring.registry.locks import lock
from mainspring.registry.versions import retired
from mainspring.tables import (
    Deployment,
    Event,
    Job,
    JobState,
    Rollout,
    RolloutState,
    Stage,
    TrainingRun,
    Version,
    WorkState,
)

_LEAVES = {
    Stage.PRODUCTION: Stage.DRAINING,
    Stage.CANARY: Stage.DRAINING,
    Stage.STAGING: Stage.REJECTED,
    Stage.TESTING: Stage.REJECTED,
}


def retire(session: Session, name: str, *, actor: str, reason: str) -> int:
    """How many of its jobs are still to be answered. Doing it twice changes nothing. Raises UnknownDeployment."""
    deployment = lock(session, name)
    if deployment.retired_at is None:
        deployment.retired_at = session.scalar(select(func.now()))
        left = _open_jobs(session, name)
        rollouts = _end_rollout(session, name)
        inputs = {
            "open_jobs": left,
            "versions": _withdraw(session, name, actor, reason),
            "rollouts": rollouts,
        }
        _give_up_runs(session, name)
        session.add(Event(kind="deployment.retired", about=name, actor=actor, reason=reason, inputs=inputs))
        session.flush()
        return left
    return _open_jobs(session, name)


def restore(session: Session, deployment: Deployment, *, actor: str, reason: str) -> None:
    """It takes jobs again once it has a version in production."""
    inputs = {"retired_at": None if deployment.retired_at is None else deployment.retired_at.isoformat()}
    deployment.retired_at = None
    session.add(
        Event(kind="deployment.restored", about=deployment.name, actor=actor, reason=reason, inputs=inputs)
    )
    session.flush()


def _withdraw(session: Session, name: str, actor: str, reason: str) -> list[str]:
    """Those that were live, as they were: `assistant@3 production`."""
    found = session.scalars(
        select(Version)
        .where(Version.deployment == name, Version.stage.in_([stage.value for stage in _LEAVES]))
        .order_by(Version.number)
    ).all()
    told = [f"{version.label} {version.stage}" for version in found]
    for version in found:
        advance(session, version, _LEAVES[Stage(version.stage)], actor=actor, reason=reason)
    return told


def _end_rollout(session: Session, name: str) -> list[str]:
    """The one that is open, aborted; its challenger leaves with the others."""
    ended = session.scalars(
        update(Rollout)
        .where(Rollout.deployment == name, Rollout.ended_at.is_(None))
        .values(state=RolloutState.ABORTED.value, share=0.0, ended_at=func.clock_timestamp())
        .returning(Rollout.id)
        .execution_options(synchronize_session=False)
    )
    return [str(rollout) for rollout in ended]


def _open_jobs(session: Session, name: str) -> int:
    states = [JobState.QUEUED.value, JobState.RUNNING.value]
    found = select(func.count()).select_from(Job).where(Job.deployment == name, Job.state.in_(states))
    return session.scalars(found).one()


def _give_up_runs(session: Session, name: str) -> None:
    """Those that wait; one that is at work finds out when it registers what it made."""
    session.execute(
        update(TrainingRun)
        .where(TrainingRun.deployment == name, TrainingRun.state == WorkState.QUEUED.value)
        .values(
            state=WorkState.FAILED.value,
            activity="failed",
            error=retired(name).as_json(),
            finished_at=func.clock_timestamp(),
        )
        .execution_options(synchronize_session=False)
    )
