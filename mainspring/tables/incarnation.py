"""One life of a worker process, and its lease: the one row that it renews, whatever number of jobs it holds."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.settings import Environment
from mainspring.tables.base import Base, one_of


class Incarnation(Base):
    """`ended_at` is set by the worker when it stops or by the sweep when the lease ran out; it never comes back."""

    __tablename__ = "incarnations"
    __table_args__ = (CheckConstraint(one_of("environment", Environment), name="environment"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str]  # infer or train
    environment: Mapped[str] = mapped_column(server_default=Environment.ALL.value)
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_until: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]


class Refusal(StrEnum):
    """Why a worker refused a version: it stays so, there may be room later, or it passes, as an outage does."""

    LASTING = "lasting"
    ROOM = "room"
    PASSING = "passing"


class HeldVersion(Base):
    """What an infer worker says of a version that it should hold: loading, ready, or refused and why.

    `engine`: what was asked for and what serves; of a refusal, which `refusal` it is and for how many seconds it has
    `lasted`, by the worker's clock.
    """

    __tablename__ = "held_versions"

    incarnation: Mapped[UUID] = mapped_column(
        ForeignKey("incarnations.id", ondelete="CASCADE"), primary_key=True
    )
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"), primary_key=True)
    state: Mapped[str]  # loading, ready, refused
    reason: Mapped[str | None]
    engine: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    memory_bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
