"""How a version is made: by a recipe, from parameters, by one incarnation of a train worker at a time."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class TrainingRun(Base):
    """`progress` from 0 to 1; `activity` says in words what it is doing; `measures` what it found (losses).

    `asked_by`: as events name it, such as `key …`; None: nobody said.
    """

    __tablename__ = "training_runs"
    __table_args__ = (
        CheckConstraint(one_of("state", RunState), name="state"),
        CheckConstraint("(state = 'running') = (incarnation is not null)", name="held"),
        CheckConstraint("progress between 0 and 1", name="progress"),
        Index("ix_training_runs_queue", "created_at", postgresql_where=text("state = 'queued'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"), index=True)
    recipe: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    asked_by: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default=RunState.QUEUED.value)
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    losses: Mapped[int] = mapped_column(server_default=text("0"))
    incarnation: Mapped[UUID | None] = mapped_column(ForeignKey("incarnations.id"))
    progress: Mapped[float] = mapped_column(server_default=text("0"))
    activity: Mapped[str | None]
    measures: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    error: Mapped[dict[str, Any] | None]
    version_id: Mapped[UUID | None] = mapped_column(ForeignKey("versions.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    queued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
