"""How a version runs on a kind of machine: what a short measurement chose when it was first loaded there."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class EnginePlan(Base):
    """`machine` names processor, threads and torch; `asked` is the engine of the policy: `auto`, or one by name.

    The other columns are those of serving.engine.Plan.
    """

    __tablename__ = "engine_plans"

    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True)
    machine: Mapped[str] = mapped_column(primary_key=True)
    asked: Mapped[str] = mapped_column(primary_key=True)
    engine: Mapped[str]
    slots: Mapped[int]
    threads: Mapped[int]
    dtype: Mapped[str]
    tried: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    reason: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
