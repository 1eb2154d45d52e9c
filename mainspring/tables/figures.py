"""How a version did in an hour or on a day, in numbers that add up: see figures/. They stay when what they count has left."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of


class Span(StrEnum):
    """Each begins where it does in UTC."""

    HOUR = "hour"
    DAY = "day"


class Figures(Base):
    """`counts`, `tallies`, `means`, `said`: as in figures/gathered.py.

    `seq`: the last observation that had been looked at when its hour was counted. Of days null.
    """

    __tablename__ = "figures"
    __table_args__ = (
        CheckConstraint(one_of("span", Span), name="span"),
        Index("ix_figures_seq", "seq", postgresql_where=text("seq is not null")),
    )

    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"), primary_key=True)
    span: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    tallies: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    means: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    said: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    seq: Mapped[int | None] = mapped_column(BigInteger)
    computed_at: Mapped[datetime] = mapped_column(server_default=func.now())
