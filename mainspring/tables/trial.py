"""A trial: an answer that no client sees. A version tries what another one has answered, or a stored prompt."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of


class TrialState(StrEnum):
    """waiting → running → done or failed; back to waiting when its worker is lost."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Trial(Base):
    """Of a job (its shadow, or its replay later) or of a prompt. `rollout_id`: the rollout that wants it.

    `agreement`: with what the job was answered with, from 0 to 1; `right`: whether it is what the prompt expects.
    Times in seconds, log-probability in nats a token, as in observations.
    """

    __tablename__ = "trials"
    __table_args__ = (
        UniqueConstraint("version_id", "job_id"),
        UniqueConstraint("version_id", "prompt_id"),
        CheckConstraint(one_of("state", TrialState), name="state"),
        CheckConstraint("(job_id is null) <> (prompt_id is null)", name="source"),
        CheckConstraint("(state = 'running') = (incarnation is not null)", name="held"),
        CheckConstraint("(state in ('done', 'failed')) = (finished_at is not null)", name="ended"),
        Index("ix_trials_waiting", "version_id", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_trials_held", "incarnation", postgresql_where=text("state = 'running'")),
        Index("ix_trials_rollout_id", "rollout_id", postgresql_where=text("rollout_id is not null")),
        Index("ix_trials_job_id", "job_id", postgresql_where=text("job_id is not null")),
        Index("ix_trials_prompt_id", "prompt_id", postgresql_where=text("prompt_id is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    rollout_id: Mapped[UUID | None] = mapped_column(ForeignKey("rollouts.id"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    prompt_id: Mapped[UUID | None] = mapped_column(ForeignKey("prompts.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(server_default=TrialState.WAITING.value)
    incarnation: Mapped[UUID | None] = mapped_column(ForeignKey("incarnations.id"))
    losses: Mapped[int] = mapped_column(server_default=text("0"))  # attempts that died with their worker

    output: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    usage: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    agreement: Mapped[float | None] = mapped_column(Double)
    right: Mapped[bool | None]
    first_token_seconds: Mapped[float | None] = mapped_column(Double)
    engine_seconds: Mapped[float | None] = mapped_column(Double)
    mean_logprob: Mapped[float | None] = mapped_column(Double)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    @property
    def ended(self) -> bool:
        return self.state in (TrialState.DONE, TrialState.FAILED)
