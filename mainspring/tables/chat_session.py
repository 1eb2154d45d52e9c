"""A session: a conversation whose jobs run in order, on the version that it began on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Double, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class ChatSession(Base):
    """`name` is the client's own, unique for its tenant and deployment. `rollout_id` and `share`: as a job's.

    One that has ended begins anew when its name is used again: what was said counts from jobs later than `since`.
    `moved_from`: the version that it was taken from, until its next job has been told.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        UniqueConstraint("tenant_id", "deployment", "name"),
        Index("ix_sessions_open", "version_id", postgresql_where=text("ended_at is null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"))
    name: Mapped[str]
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    rollout_id: Mapped[UUID | None]
    share: Mapped[float | None] = mapped_column(Double)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    since: Mapped[UUID | None]
    moved_from: Mapped[UUID | None]
