"""What was measured of a version, beside the champion of that time; and what the gate said of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of
from mainspring.tables.work import Work, rules


class Evaluation(Work, Base):
    """`suite`: all that decides what is measured, and how. `results`: every number with its interval, when it has succeeded."""

    __tablename__ = "evaluations"
    __table_args__ = (
        *rules(__tablename__),
        Index("ix_evaluations_challenger_id", "challenger_id"),
    )

    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"), index=True)
    challenger_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    champion_id: Mapped[UUID | None] = mapped_column(ForeignKey("versions.id"))
    suite: Mapped[dict[str, Any]]
    results: Mapped[dict[str, Any] | None]


class Judgement(StrEnum):
    ACCEPT = "accept"
    REJECT = "reject"
    NEEDS_HUMAN = "needs_human"


class Verdict(Base):
    """What the gate decided, from `plan` and `results` alone: from them it can be decided again, and comes out the same."""

    __tablename__ = "verdicts"
    __table_args__ = (CheckConstraint(one_of("decision", Judgement), name="decision"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    evaluation_id: Mapped[UUID] = mapped_column(ForeignKey("evaluations.id"), index=True)
    decision: Mapped[str]
    plan: Mapped[dict[str, Any]]
    results: Mapped[dict[str, Any]]
    reasons: Mapped[list[str]]
    details: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
