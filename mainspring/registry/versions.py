"""A stored model becomes a version of a deployment: the next number, stage `registered`."""

from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from mainspring.errors import Conflict, DeploymentRetired, UnknownVersion
from mainspring.identifiers import uuid7
from mainspring.lifecycle import BEEN_IN_PRODUCTION
from mainspring.registry.inspection import Inspection
from mainspring.registry.locks import lock
from mainspring.registry.store import Stored
from mainspring.tables import Deployment, Event, Stage, Version

_LEFT = (Stage.DRAINING.value, Stage.RETIRED.value)


def register(
    session: Session,
    deployment: str,
    stored: Stored,
    found: Inspection,
    source: dict[str, Any],
    *,
    actor: str,
    reason: str,
    dataset: dict[str, Any] | None = None,
) -> Version:
    """The same bytes are the same version: registered again, it keeps its number, unless it was rejected or left before
    it had been in production.

    `dataset`: what it was trained with. Raises UnknownDeployment, DeploymentRetired.
    """
    refuse_retired(lock(session, deployment))
    known = _known(session, deployment, stored.digest)
    if known is not None:
        _again(session, known, stored, found)
        _tell(session, known, actor, reason, {"source": source, "again": True})
        return known
    highest = session.scalar(select(func.max(Version.number)).where(Version.deployment == deployment))
    version = Version(
        id=uuid7(),
        deployment=deployment,
        number=(highest or 0) + 1,
        digest=stored.digest,
        path=stored.path,
        files=stored.files,
        bytes=stored.bytes,
        tokenizer=found.tokenizer,
        dataset=dataset,
        architecture=found.architecture,
        parameters=found.parameters,
        context_length=found.context_length,
        licence=found.licence,
        source=source,
        stage=Stage.REGISTERED.value,
    )
    session.add(version)
    _tell(session, version, actor, reason, {"source": source, "dataset": dataset})
    return version


def _known(session: Session, deployment: str, digest: str) -> Version | None:
    """The newest of these bytes that was neither rejected nor left before it had been in production."""
    return session.scalar(
        select(Version)
        .where(
            Version.deployment == deployment,
            Version.digest == digest,
            Version.stage != Stage.REJECTED.value,
            or_(Version.stage.not_in(_LEFT), BEEN_IN_PRODUCTION),
        )
        .order_by(Version.number.desc())
        .limit(1)
    )


def _again(session: Session, known: Version, stored: Stored, found: Inspection) -> None:
    """Its files are there, from now on; what older code did not keep of it is known now."""
    known.deleted_at = None
    known.registered_at = session.scalars(select(func.clock_timestamp())).one()
    known.files = known.files or stored.files
    known.bytes = known.bytes or stored.bytes
    known.tokenizer = known.tokenizer or found.tokenizer


def _tell(session: Session, version: Version, actor: str, reason: str, inputs: dict[str, Any]) -> None:
    told = {"digest": version.digest, "tokenizer": version.tokenizer, **inputs}
    session.add(
        Event(kind="version.registered", about=version.label, actor=actor, reason=reason, inputs=told)
    )
    session.flush()


def of_digest(session: Session, digest: str, deployment: str) -> Version | None:
    """The version of these bytes: the deployment's own if it has one, else the one that was there first."""
    own = Version.deployment == deployment
    return session.scalar(
        select(Version).where(Version.digest == digest).order_by(own.desc(), Version.created_at).limit(1)
    )


def named(session: Session, label: str, *, deployment: str | None = None) -> Version:
    """The version `assistant@3`. Raises UnknownVersion, also for one of another deployment than the one meant."""
    name, _, number = label.rpartition("@")
    found = None
    plain = number.isdecimal() and len(number) < 10 and str(int(number)) == number
    if plain and deployment in (None, name) and name.isascii():
        found = session.scalar(
            select(Version).where(Version.deployment == name, Version.number == int(number))
        )
    if found is None:
        raise UnknownVersion(
            "no version has that name" if deployment is None else f"`{deployment}` has no such version",
            field="version",
            remedy="Name it as `assistant@3`; GET /v1/deployments/{name}/versions lists them.",
        )
    return found


def champion_of(session: Session, deployment: str) -> Version | None:
    """The version in production."""
    return session.scalar(
        select(Version).where(Version.deployment == deployment, Version.stage == Stage.PRODUCTION.value)
    )


def whole(session: Session, label: str) -> Version:
    """A version that an adapter can change. Raises UnknownVersion, Conflict for an adapter, or one without files."""
    found = named(session, label)
    refuse_deleted(found)
    if "base_digest" in found.source:
        raise Conflict(
            f"{label} is an adapter itself",
            field="base",
            remedy=f"Name the version that both change: {found.source.get('base')}.",
        )
    return found


def refuse_retired(deployment: Deployment) -> None:
    """Raises DeploymentRetired."""
    if deployment.retired_at is not None:
        raise retired(deployment.name)


def refuse_deleted(version: Version) -> None:
    """Raises Conflict for one whose files are no longer kept."""
    if version.deleted_at is not None:
        raise Conflict(
            f"the files of {version.label} are no longer kept",
            field="version",
            remedy="Register the same model again: it keeps its number.",
        )


def retired(name: str) -> DeploymentRetired:
    return DeploymentRetired(
        f"`{name}` was retired",
        field="deployment",
        remedy="Address another one (GET /v1/deployments), or deploy a model under this name again.",
    )
