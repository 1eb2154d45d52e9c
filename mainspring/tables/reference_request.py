"""A wish for a reference that is made of prompts: it takes a while, since the frozen encoder reads them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of


class Making(StrEnum):
    """waiting → made or failed."""

    WAITING = "waiting"
    MADE = "made"
    FAILED = "failed"


class ReferenceRequest(Base):
    """One open at a time for each version. `read`: of the set's prompts, by the encoder so far; `tries`: without one there."""

    __tablename__ = "reference_requests"
    __table_args__ = (
        CheckConstraint(one_of("state", Making), name="state"),
        CheckConstraint("(state = 'waiting') = (ended_at is null)", name="ended"),
        Index("ix_reference_requests_version_id_created_at", "version_id", "created_at"),
        Index(
            "uq_reference_requests_open",
            "version_id",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    set_id: Mapped[UUID] = mapped_column(ForeignKey("prompt_sets.id"))
    state: Mapped[str] = mapped_column(server_default=Making.WAITING.value)
    prompts: Mapped[int]
    read: Mapped[int] = mapped_column(server_default=text("0"))
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    asked_by: Mapped[str]
    reason: Mapped[str]
    error: Mapped[dict[str, Any] | None]
    reference_id: Mapped[UUID | None] = mapped_column(ForeignKey("drift_references.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
