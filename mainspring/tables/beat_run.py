"""When each of beat's tasks was last carried out, by whichever worker, and with what success."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class BeatRun(Base):
    """`every`: seconds between two, as beat has it. `did`: what the last whole one found to do; `error`: its code."""

    __tablename__ = "beat_runs"

    task: Mapped[str] = mapped_column(primary_key=True)
    every: Mapped[float]
    runs: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    seconds: Mapped[float | None]
    did: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    error: Mapped[str | None]
    overdue: Mapped[bool] = mapped_column(server_default=text("false"))  # an event says so
