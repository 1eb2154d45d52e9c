"""Where a process shows its own counters, for Prometheus to find it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class ScrapeTarget(Base):
    """`address`: host and port as Prometheus reaches them. `seen_at`: the process says again and again that it lives."""

    __tablename__ = "scrape_targets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str]  # api, infer or ops
    host: Mapped[str]
    address: Mapped[str]
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
