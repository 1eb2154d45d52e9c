"""A job: one enqueued request. `(incarnation, attempt)` is the fence that every write of a running job repeats."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of
from mainspring.terms import JobState, Priority


class Job(Base):
    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("tenant_id", "idempotency_key"),
        CheckConstraint(one_of("state", JobState), name="state"),
        CheckConstraint("(state = 'running') = (incarnation is not null)", name="held"),
        CheckConstraint("(state in ('queued', 'running')) = (finished_at is null)", name="ended"),
        CheckConstraint("(state = 'succeeded') = (output is not null)", name="answered"),
        CheckConstraint(one_of("priority", Priority), name="priority"),
        Index(
            "ix_jobs_queue",
            "version_id",
            "turn",
            "id",
            postgresql_where=text("state = 'queued' and after is null"),
        ),
        Index(
            "ix_jobs_flow",
            "version_id",
            "tenant_id",
            "priority",
            "turn",
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "ix_jobs_held",
            "version_id",
            "turn",
            "incarnation",
            postgresql_where=text("state = 'running'"),
        ),
        Index(
            "ix_jobs_deadline",
            "deadline_at",
            postgresql_where=text("state in ('queued', 'running') and deadline_at is not null"),
        ),
        Index("ix_jobs_suspect", "version_id", postgresql_where=text("state = 'queued' and losses >= 2")),
        Index("ix_jobs_session", "session_id", "id", postgresql_where=text("session_id is not null")),
        Index("ix_jobs_after", "after", postgresql_where=text("after is not null")),
        Index("ix_jobs_rollout_id", "rollout_id", postgresql_where=text("rollout_id is not null")),
        Index("ix_jobs_pinned", "version_id", "created_at", postgresql_where=text("pinned")),
        Index("ix_jobs_tenant_id_id", "tenant_id", "id"),
        Index("ix_jobs_tenant_id_deployment_id", "tenant_id", "deployment", "id"),
        Index("ix_jobs_tenant_id_state_id", "tenant_id", "state", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    state: Mapped[str] = mapped_column(server_default=JobState.QUEUED.value)

    input: Mapped[Any] = mapped_column(JSONB)
    parameters: Mapped[dict[str, Any]]
    seed: Mapped[int] = mapped_column(BigInteger)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=text("'{}'::jsonb"))
    idempotency_key: Mapped[str | None]
    request_digest: Mapped[bytes] = mapped_column(LargeBinary)

    priority: Mapped[str] = mapped_column(server_default=Priority.NORMAL.value)
    turn: Mapped[float] = mapped_column(Double, server_default=text("0"))  # the order of the queue
    deadline_at: Mapped[datetime | None]
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("sessions.id"))
    after: Mapped[UUID | None]  # the job of the same session that has to end first
    pinned: Mapped[bool] = mapped_column(server_default=text("false"))  # it named its version
    moved_from: Mapped[
        str | None
    ]  # the version that it, or its conversation, was on until then: `assistant@3`
    subject: Mapped[str | None]  # whom it is about
    webhook: Mapped[bool] = mapped_column(server_default=text("false"))  # whether its end is told
    traceparent: Mapped[str | None]  # the W3C context that its spans belong to; null: it is not traced
    tracestate: Mapped[str | None]

    # The rollout that was open when it was accepted, and the challenger's probability in the draw of its version.
    rollout_id: Mapped[UUID | None]
    share: Mapped[float | None] = mapped_column(Double)

    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    losses: Mapped[int] = mapped_column(server_default=text("0"))  # attempts that died with their worker
    incarnation: Mapped[UUID | None] = mapped_column(ForeignKey("incarnations.id"))

    output: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))  # text: nobody searches it
    error: Mapped[dict[str, Any] | None]
    evidence: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))  # of lost attempts
    usage: Mapped[dict[str, Any] | None]
    timings: Mapped[dict[str, Any] | None]

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    queued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    left_at: Mapped[
        datetime | None
    ]  # who read it as it was written went before its end; null: nobody, or came back
