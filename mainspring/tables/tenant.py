"""Who may ask: tenants and their API keys. A key is stored as its prefix and its hash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, ForeignKey, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class Tenant(Base):
    """`weight`: its share of a busy version against other tenants'. The bounds are null where there is none:
    jobs that may wait, jobs that may run at once, jobs accepted in a minute."""

    __tablename__ = "tenants"
    __table_args__ = (CheckConstraint("weight > 0", name="weight"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    weight: Mapped[float] = mapped_column(Double, server_default=text("1"))
    queue_bound: Mapped[int | None]
    running_bound: Mapped[int | None]
    per_minute: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(Base):
    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
