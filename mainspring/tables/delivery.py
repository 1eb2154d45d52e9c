"""A webhook's delivery: that a job has ended is told to its producer, tried again until it was heard or given up."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of
from mainspring.terms import DeliveryState


class Delivery(Base):
    """Made with its job; due once `next_at` has come, which is null until the job has ended.

    `tenant_id` is its job's and `lane` is a hash of the receiver's host, 0 to 255. Triggers fill these three in, whatever
    an INSERT gives for them, and set `next_at` when the job ends.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("job_id"),
        CheckConstraint(one_of("state", DeliveryState), name="state"),
        Index(
            "ix_deliveries_lanes",
            "tenant_id",
            "lane",
            "next_at",
            postgresql_where=text("state = 'waiting' and next_at is not null"),
        ),
        Index("ix_deliveries_tenant_id_id", "tenant_id", "id"),
        Index("ix_deliveries_tenant_id_state_id", "tenant_id", "state", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    tenant_id: Mapped[UUID]
    lane: Mapped[int] = mapped_column(SmallInteger)
    url: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=DeliveryState.WAITING.value)
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]


class DeliveryTry(Base):
    """The log: one row a try. `problem` is a class of error, never what the receiver answered."""

    __tablename__ = "delivery_tries"

    delivery_id: Mapped[UUID] = mapped_column(
        ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    status: Mapped[int | None]
    problem: Mapped[str | None]
    seconds: Mapped[float] = mapped_column(Double)
