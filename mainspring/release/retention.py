"""The files of versions that nobody can need any more leave the store; their rows, and what they said, stay."""

import shutil
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from mainspring.registry import champion_of, lock_free
from mainspring.registry.remote import Remote
from mainspring.registry.sharing import unshare
from mainspring.release.back import before
from mainspring.release.draining import drain_plan
from mainspring.tables import (
    ChatSession,
    Database,
    Deployment,
    Event,
    Job,
    JobState,
    Stage,
    Version,
    constant,
)

ACTOR = "retention"
_ENDS = (constant(Stage.RETIRED), constant(Stage.REJECTED))
_OPEN = (constant(JobState.QUEUED), constant(JobState.RUNNING))
_FRESH_SECONDS = 3600  # files that were stored so lately may belong to a version whose row is being written
_Other = aliased(Version)
# Since when it is out of service with its files there: they may have been deleted, and registered again.
_SINCE = func.greatest(Version.stage_at, Version.registered_at)
_BASE = Version.source["base_digest"].as_string()


def retain(database: Database, store: Path, behind: Remote | None = None) -> list[str]:
    """Once: the versions whose files may go, by label. Killed in between, the next time finishes it.

    `behind`: the store of which `store` has what this machine fetched.
    """
    with database.transaction() as session:
        gone = [version.label for version in _due(session) if _mark(session, version)]
    with database.transaction() as session:
        unneeded, needed = _unneeded(session), _needed(session)
    for path in unneeded:
        place = store / path
        if place.is_dir() and place.stat().st_mtime < time.time() - _FRESH_SECONDS:
            shutil.rmtree(place)
    if store.is_dir():
        unshare(store)
    if behind is not None:
        behind.keep_only(needed)
    return gone


def _due(session: Session) -> list[Version]:
    """Those that have been out of service for as long as their deployment's policy says, and that nothing needs."""
    gone = and_(Version.stage.in_(_ENDS), Version.deleted_at.is_(None))
    mine = lock_free(session, session.scalars(select(Version.deployment).where(gone).distinct()))
    talks = exists().where(ChatSession.version_id == Version.id, ChatSession.ended_at.is_(None))
    jobs = exists().where(Job.version_id == Version.id, Job.state.in_(_OPEN))
    found = session.execute(
        select(Version, Deployment.policy, func.clock_timestamp() - _SINCE)
        .join(Deployment, Deployment.name == Version.deployment)
        .where(gone, Version.deployment.in_(mine), ~talks, ~jobs)
        .order_by(Version.id)
    ).all()
    due = []
    for version, policy, age in found:
        seconds = drain_plan(policy).delete_seconds
        if seconds is not None and age >= timedelta(seconds=seconds) and not _way_back(session, version):
            due.append(version)
    return due


def _way_back(session: Session, version: Version) -> bool:
    """Whether a rollback would lead to it."""
    champion = champion_of(session, version.deployment)
    target = None if champion is None else before(session, champion)
    return target is not None and target.id == version.id


def _mark(session: Session, version: Version) -> bool:
    version.deleted_at = session.scalars(select(func.clock_timestamp())).one()
    reason = "out of service for as long as the policy keeps it, and nothing needs it"
    inputs = {"digest": version.digest, "stage": version.stage}
    session.add(Event(kind="version.deleted", about=version.label, actor=ACTOR, reason=reason, inputs=inputs))
    session.flush()
    return True


def _needed(session: Session) -> set[str]:
    """Digests, of adapters' bases too."""
    kept = select(Version.digest, _BASE).where(Version.deleted_at.is_(None))
    return {digest for row in session.execute(kept) for digest in row if digest is not None}


def _unneeded(session: Session) -> list[str]:
    """The paths that only deleted versions have, and that are no other's base."""
    other = or_(_Other.path == Version.path, _Other.source["base_digest"].as_string() == Version.digest)
    needed = exists().where(other, _Other.deleted_at.is_(None))
    paths = select(Version.path).where(Version.deleted_at.is_not(None), ~needed).distinct()
    return list(session.scalars(paths))
