"""What was asked and answered in a job, where a policy keeps it: never in plain words."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base


class KeptText(Base):
    """`content` is locked with the key of the name `key`, see kept/keys.py; both null: no key was there, and it waits for one.

    `at`: the job's end; `leaves_at`: until when the policy of that time keeps it. It leaves with its job, too.
    """

    __tablename__ = "kept_texts"
    __table_args__ = (
        CheckConstraint("(key is null) = (content is null)", name="locked"),
        Index("ix_kept_texts_deployment_at", "deployment", "at"),
        Index("ix_kept_texts_deployment_leaves_at", "deployment", "leaves_at"),
        Index("ix_kept_texts_waiting", "job_id", postgresql_where=text("content is null")),
    )

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"))
    at: Mapped[datetime]
    leaves_at: Mapped[datetime]
    kept_at: Mapped[datetime] = mapped_column(server_default=func.now())
    key: Mapped[str | None]
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
