"""What was measured of one finished job. No text. In partitions of a week each, which leave as a whole."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class Observation(Base):
    """Lengths in tokens, times in seconds, log-probability in nats a token, or a label or answer that was chosen.

    The upper half is written with the job's end; the lower by the task `observe`, a moment later. `seq`: the order in
    which it did, without which nobody has looked yet. Vectors are half-precision numbers, see observe/vectors.py:
    `words_…` of every request, `encoded_…` of a sample, drawn with the probability `sampled`. `at` is the job's end.

    `begins`: it is the first of its conversation; `again`: its input is that of the job before it there, word for word.
    Both are null without a conversation. `unread`: who read it as it was written had gone before its end.

    No foreign keys: to drop a partition that has one locks the table to which it points.
    """

    __tablename__ = "observations"
    __table_args__ = (
        Index("ix_observations_version_id_at", "version_id", "at"),
        Index("ix_observations_version_id_seq", "version_id", "seq"),
        Index("ix_observations_unseen", "at", postgresql_where=text("seq is null")),
        {"postgresql_partition_by": "range (at)"},
    )

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    version_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(server_default=func.now(), primary_key=True)
    state: Mapped[str]
    finish_reason: Mapped[str | None]
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    mean_logprob: Mapped[float | None]
    queue_seconds: Mapped[float | None]
    first_token_seconds: Mapped[float | None]
    total_seconds: Mapped[float | None]
    measures: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))

    seq: Mapped[int | None] = mapped_column(BigInteger)
    tenant_id: Mapped[UUID | None]
    session_id: Mapped[UUID | None]
    language: Mapped[str | None]
    begins: Mapped[bool | None]
    again: Mapped[bool | None]
    unread: Mapped[bool | None]
    sampled: Mapped[float | None]
    words_prompt: Mapped[bytes | None] = mapped_column(LargeBinary)
    words_answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    encoded_prompt: Mapped[bytes | None] = mapped_column(LargeBinary)
    encoded_answer: Mapped[bytes | None] = mapped_column(LargeBinary)
