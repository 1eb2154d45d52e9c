"""Long work that the train worker does for a row: what all such rows have. See mainspring/work.py for how it is written."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import SchemaItem

from mainspring.tables.base import one_of


class WorkState(StrEnum):
    """queued → running → one of the ends; paused until somebody lets it go on."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (WorkState.SUCCEEDED, WorkState.FAILED, WorkState.CANCELLED)


class Wish(StrEnum):
    """What somebody wants of work that runs: its worker sees it when it next tells how far it is."""

    PAUSE = "pause"
    CANCEL = "cancel"


class Work:
    """`progress` from 0 to 1; `activity` says in words what it is doing; `measures`: what it has found so far.

    `(incarnation, attempt)` is the fence that every write repeats; `losses`: attempts that died with their worker. `error`:
    as MainspringError.as_json() gives it. `asked_by`: as events name it; None: nobody said.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    asked_by: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default=WorkState.QUEUED.value)
    wish: Mapped[str | None]
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    losses: Mapped[int] = mapped_column(server_default=text("0"))
    incarnation: Mapped[UUID | None] = mapped_column(ForeignKey("incarnations.id"))
    progress: Mapped[float] = mapped_column(server_default=text("0"))
    activity: Mapped[str | None]
    measures: Mapped[dict[str, Any]] = mapped_column(
        JSONB(none_as_null=True), server_default=text("'{}'::jsonb")
    )
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    queued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


def rules(table: str) -> tuple[SchemaItem, ...]:
    """The constraints and the index of a table of work."""
    return (
        CheckConstraint(one_of("state", WorkState), name="state"),
        CheckConstraint(one_of("wish", Wish), name="wish"),
        CheckConstraint("(state = 'running') = (incarnation is not null)", name="held"),
        CheckConstraint("progress between 0 and 1", name="progress"),
        Index(f"ix_{table}_queue", "created_at", postgresql_where=text("state = 'queued'")),
    )
