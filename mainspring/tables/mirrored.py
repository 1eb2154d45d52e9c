"""What MLflow was given, so that what it missed is written when it is back, and nothing twice."""

from datetime import datetime

from sqlalchemy import func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class Mirrored(Base):
    """`key`: the thing's identifier in our rows; `ref`: what MLflow calls it.

    `written`: the digest of what was written, or of a series the moment up to which it was. `settled`: nothing of it will
    change any more. All of it may be deleted: then everything is looked for in MLflow, and written where it lacks.
    """

    __tablename__ = "mirrored"

    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str]
    written: Mapped[str]
    settled: Mapped[bool] = mapped_column(server_default=text("false"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
