"""A stored set of prompts, with which the versions of a deployment are tested and compared. Immutable once made."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class PromptSet(Base):
    """`digest` is over all its prompts: the same name with other prompts is refused."""

    __tablename__ = "prompt_sets"
    __table_args__ = (UniqueConstraint("deployment", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"))
    name: Mapped[str]
    digest: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Prompt(Base):
    """`input` and `parameters` as a job has them; `expected`: what a right answer is or contains, if that is known."""

    __tablename__ = "prompts"
    __table_args__ = (UniqueConstraint("set_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    set_id: Mapped[UUID] = mapped_column(ForeignKey("prompt_sets.id", ondelete="CASCADE"))
    position: Mapped[int]
    input: Mapped[Any] = mapped_column(JSONB)
    parameters: Mapped[dict[str, Any]]
    expected: Mapped[str | None]
