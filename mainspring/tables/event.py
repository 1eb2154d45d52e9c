"""What the system or a person decided, with reason and inputs. Append-only: a trigger refuses change and removal."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class Event(Base):
    __tablename__ = "events"
    __table_args__ = (Index("ix_events_about_id", "about", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    kind: Mapped[str]  # version.advanced, key.made, …
    about: Mapped[str]  # assistant@7, a job's or a key's id
    actor: Mapped[str]
    reason: Mapped[str]
    inputs: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
