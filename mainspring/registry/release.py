"""Which version answers: release makes one the champion at once, desired() is what infer workers reconcile with.

The way step by step is release/rollout.py.
"""

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from mainspring.lifecycle import LIVE, advance
from mainspring.registry.locks import lock
from mainspring.settings import Environment
from mainspring.tables import (
    Deployment,
    EngineWish,
    Job,
    JobState,
    Rollout,
    RolloutState,
    Stage,
    Task,
    Version,
    engine_wish,
)


def release(session: Session, version: Version, *, actor: str, reason: str) -> Version | None:
    """Put it into production; the former champion, which is returned, drains: its jobs are still answered."""
    lock(session, version.deployment)
    champion = session.scalar(
        select(Version).where(
            Version.deployment == version.deployment, Version.stage == Stage.PRODUCTION.value
        )
    )
    if champion is not None and champion.id == version.id:
        return None
    if champion is not None:
        advance(
            session,
            champion,
            Stage.DRAINING,
            actor=actor,
            reason=f"replaced by {version.label}: {reason}",
            inputs={"challenger": version.label},
        )
    inputs = {"digest": version.digest, "champion": champion.label if champion else None}
    advance(session, version, Stage.PRODUCTION, actor=actor, reason=reason, inputs=inputs)
    return champion


def desired(session: Session, environment: Environment = Environment.ALL) -> list[Version]:
    """The versions that the infer workers of an environment should hold.

    Of a deployment that was retired, which is no longer talked to, a draining one only while an open job names it.
    """
    open_jobs = exists().where(
        Job.version_id == Version.id, Job.state.in_([JobState.QUEUED.value, JobState.RUNNING.value])
    )
    return list(
        session.scalars(
            select(Version)
            .join(Deployment, Deployment.name == Version.deployment)
            .where(
                _wanted(environment),
                or_(Version.stage != Stage.DRAINING.value, Deployment.retired_at.is_(None), open_jobs),
            )
            .order_by(Version.created_at, Version.id)
        )
    )


def _wanted(environment: Environment) -> ColumnElement[bool]:
    """In production, too, what is next to answer there: who is in staging and has been seen enough."""
    rollout = (Rollout.challenger_id == Version.id, Rollout.ended_at.is_(None))
    tested = and_(Version.stage == Stage.TESTING.value, exists().where(*rollout))
    next_one = exists().where(
        *rollout,
        Rollout.state == RolloutState.LOADING.value,
        or_(Rollout.shadowed_at.is_not(None), Rollout.plan["shadow"].as_string().is_(None)),
    )
    answering = Version.stage.in_([stage.value for stage in LIVE if stage is not Stage.STAGING])
    staged = Version.stage == Stage.STAGING.value
    return {
        Environment.ALL: or_(answering, staged, tested),
        Environment.TESTING: tested,
        Environment.STAGING: staged,
        Environment.PRODUCTION: or_(answering, and_(staged, next_one)),
    }[environment]


def task_of(session: Session, version: Version) -> Task:
    """Its deployment's task."""
    return Task(session.scalars(select(Deployment.task).where(Deployment.name == version.deployment)).one())


def base_files_of(session: Session, version: Version) -> dict[str, str] | None:
    """Of an adapter: the digest of each file of its base. None for a whole model, and where nobody recorded them."""
    digest = version.source.get("base_digest")
    if digest is None:
        return None
    return session.scalar(
        select(Version.files).where(Version.digest == digest, Version.files.is_not(None)).limit(1)
    )


def engine_of(session: Session, version: Version) -> EngineWish:
    """What its deployment's policy asks to be served by."""
    return engine_wish(
        session.scalars(select(Deployment.policy).where(Deployment.name == version.deployment)).one()
    )
