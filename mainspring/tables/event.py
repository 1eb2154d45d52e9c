"""What the system or a person decided, with reason and inputs. Append-only, and a chain: triggers see to both."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, FetchedValue, Identity, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class Event(Base):
    """`position` counts without gaps. `hash`: of `previous`, the hash of the event before it, and of the row: see audit.py."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_about_id", "about", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    kind: Mapped[str]  # version.advanced, key.made, …
    about: Mapped[str]  # assistant@7, a job's or a key's id
    actor: Mapped[str]
    reason: Mapped[str]
    inputs: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    position: Mapped[int] = mapped_column(BigInteger, FetchedValue(), unique=True)
    previous: Mapped[bytes] = mapped_column(LargeBinary, FetchedValue())
    hash: Mapped[bytes] = mapped_column(LargeBinary, FetchedValue())


class AuditHead(Base):
    """The end of the chain, in one row: where the next event goes, and what it follows."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("single", name="single"),)

    single: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    position: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
