"""What was measured of one finished job. No text."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class Observation(Base):
    """Lengths in tokens, times in seconds, log-probability in nats a token, or a label or answer that was chosen."""

    __tablename__ = "observations"
    __table_args__ = (Index("ix_observations_version_id_at", "version_id", "at"),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    state: Mapped[str]
    finish_reason: Mapped[str | None]
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    mean_logprob: Mapped[float | None]
    queue_seconds: Mapped[float | None]
    first_token_seconds: Mapped[float | None]
    total_seconds: Mapped[float | None]
    measures: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
