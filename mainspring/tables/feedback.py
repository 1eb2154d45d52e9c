"""What a person, or the world, said of an answer."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func
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
    """`name` is an outcome's."""

    __tablename__ = "feedback"
    __table_args__ = (CheckConstraint(one_of("kind", FeedbackKind), name="kind"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    name: Mapped[str | None]
    value: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
