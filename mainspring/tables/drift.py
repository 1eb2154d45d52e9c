"""What was normal for a version, how far the present has moved from it, when that was too far, and what was decided."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of
from mainspring.terms import AlarmKind, DriftState


class Trigger(StrEnum):
    """Who asked for a retraining."""

    ALARM = "alarm"
    SCHEDULE = "schedule"
    PERSON = "person"


class RequestState(StrEnum):
    PENDING = "pending"
    TAKEN = "taken"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class Reference(Base):
    """The observations that say what normal was for a version. A trigger lets nobody change or delete one.

    The newest of a version counts. `content`: arrays, see drift/arrays.py; `digest`: their SHA-256. `first_seq` and
    `last_seq`: among which observations it was taken.

    `origin`: traffic, or a set of prompts; `origins`: the same of each feature, where it is not `origin` of all.
    `awaits_traffic`: what prompts do not tell will be taken from the version's first answers, in the reference after it.
    """

    __tablename__ = "drift_references"
    __table_args__ = (Index("ix_drift_references_version_id_made_at", "version_id", "made_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    origin: Mapped[str]  # traffic, or `prompts` and the name of their set
    origins: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    awaits_traffic: Mapped[bool] = mapped_column(server_default=text("false"))
    size: Mapped[int]
    first_seq: Mapped[int] = mapped_column(BigInteger)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    made_by: Mapped[str]
    reason: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DriftWatch(Base):
    """Where the detectors of a reference stand. `content`: as above, after `requests` up to the observation `seq`.

    `latest_…`: what a worker has given to those that it holds in memory since. `restarts`: how often they began anew;
    `resting`: requests that pass unwatched before they do, while an alarm is open and has been confirmed.
    """

    __tablename__ = "drift_watches"

    reference_id: Mapped[UUID] = mapped_column(ForeignKey("drift_references.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    requests: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    latest_seq: Mapped[int] = mapped_column(BigInteger)
    latest_requests: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    restarts: Mapped[int] = mapped_column(server_default=text("0"))
    resting: Mapped[int] = mapped_column(server_default=text("0"))
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DriftReading(Base):
    """A measure of a detector, or of a feature, at the end of a span of time, or so far in the present one.

    The measure `evidence` is the natural logarithm of a sequential test's evidence against "nothing has changed"; others are
    classical ones for people, see drift/readings.py and drift/accuracy.py, with what else is known of them in `details`.
    """

    __tablename__ = "drift_readings"

    reference_id: Mapped[UUID] = mapped_column(ForeignKey("drift_references.id"), primary_key=True)
    detector: Mapped[str] = mapped_column(primary_key=True)
    segment: Mapped[str] = mapped_column(primary_key=True, server_default="")
    measure: Mapped[str] = mapped_column(primary_key=True, server_default="evidence")
    span: Mapped[datetime] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    requests: Mapped[int] = mapped_column(BigInteger)
    value: Mapped[float]
    threshold: Mapped[float | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class DriftAlarm(Base):
    """The moment in which a reading crossed its bound, and what is known of it. `since`: when it most likely began.

    While it is open, further crossings of the same kind confirm it: `crossings`, the last of them at `last_at`.
    """

    __tablename__ = "drift_alarms"
    __table_args__ = (
        CheckConstraint(one_of("kind", AlarmKind), name="kind"),
        Index("ix_drift_alarms_deployment_at", "deployment", "at"),
        Index(
            "uq_drift_alarms_open",
            "version_id",
            "kind",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    reference_id: Mapped[UUID] = mapped_column(ForeignKey("drift_references.id"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"))
    kind: Mapped[str]
    detector: Mapped[str]
    segment: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    since: Mapped[datetime | None]
    requests: Mapped[int] = mapped_column(BigInteger)
    value: Mapped[float]
    threshold: Mapped[float]
    crossings: Mapped[int] = mapped_column(server_default=text("1"))
    last_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class DriftDecision(Base):
    """What was decided of a deployment last: see drift/decide.py."""

    __tablename__ = "drift_decisions"
    __table_args__ = (CheckConstraint(one_of("state", DriftState), name="state"),)

    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"), primary_key=True)
    state: Mapped[str]
    reasons: Mapped[list[str]]
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    decided_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RetrainingRequest(Base):
    """A wish for a better version. One open at a time for each deployment."""

    __tablename__ = "retraining_requests"
    __table_args__ = (
        CheckConstraint(one_of("trigger", Trigger), name="trigger"),
        CheckConstraint(one_of("state", RequestState), name="state"),
        Index(
            "uq_retraining_requests_open",
            "deployment",
            unique=True,
            postgresql_where=text("state in ('pending', 'taken')"),
        ),
        Index("ix_retraining_requests_deployment_created_at", "deployment", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"))
    version_id: Mapped[UUID | None] = mapped_column(ForeignKey("versions.id"))
    trigger: Mapped[str]
    alarm_id: Mapped[UUID | None] = mapped_column(ForeignKey("drift_alarms.id"))
    reasons: Mapped[list[str]]
    asked_by: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=RequestState.PENDING.value)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
