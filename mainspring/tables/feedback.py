"""What a person, or the world, said of an answer."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of


class FeedbackKind(StrEnum):
    """rating: how good; correction: what it should have been; label: what was true; outcome: a named figure."""

    RATING = "rating"
    CORRECTION = "correction"
    LABEL = "label"
    OUTCOME = "outcome"


class Feedback(Base):
    """`name` is an outcome's. Of the same kind and name, the newest of a job counts.

    `seq`: its place among the observations, without which nobody has looked at it yet; `version_id` and `at`: those of
    its job's observation. `loss`: from 0, it was right or liked, to 1; null: it says nothing of that.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        CheckConstraint(one_of("kind", FeedbackKind), name="kind"),
        Index("ix_feedback_unseen", "created_at", postgresql_where=text("seq is null")),
        Index("ix_feedback_version_id_seq", "version_id", "seq"),
        Index("ix_feedback_version_id_at", "version_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    name: Mapped[str | None]
    value: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    version_id: Mapped[UUID | None]
    at: Mapped[datetime | None]
    seq: Mapped[int | None] = mapped_column(BigInteger)
    loss: Mapped[float | None]
