"""A version: an immutable model artifact, `assistant@7`. Its stage is written by lifecycle.advance() alone."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of


class Stage(StrEnum):
    """Where a version is in its life."""

    REGISTERED = "registered"
    TESTING = "testing"
    STAGING = "staging"
    CANARY = "canary"
    PRODUCTION = "production"
    DRAINING = "draining"
    RETIRED = "retired"
    REJECTED = "rejected"


class Version(Base):
    """`digest` names the bytes: SHA-256 over the names and digests of every file. `source` says whence they came.

    What it was registered with is never changed: a trigger sees to it. None: registered before that was kept.
    """

    __tablename__ = "versions"
    __table_args__ = (
        UniqueConstraint("deployment", "number"),
        CheckConstraint(one_of("stage", Stage), name="stage"),
        # One champion a deployment: the backstop of lifecycle.advance().
        Index(
            "uq_versions_champion", "deployment", unique=True, postgresql_where=text("stage = 'production'")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"))
    number: Mapped[int]
    stage: Mapped[str] = mapped_column(server_default=Stage.REGISTERED.value)
    stage_at: Mapped[datetime] = mapped_column(server_default=func.now())  # since when; a trigger keeps it
    digest: Mapped[str]
    path: Mapped[str]  # below the store
    files: Mapped[dict[str, Any] | None]  # name → SHA-256 of each
    bytes: Mapped[int | None] = mapped_column(BigInteger)  # of all its files
    tokenizer: Mapped[dict[str, Any] | None]  # its kind and its digest
    dataset: Mapped[dict[str, Any] | None]  # what it was trained with: digest, examples, origin
    architecture: Mapped[str]
    parameters: Mapped[int] = mapped_column(BigInteger)
    context_length: Mapped[int | None]
    licence: Mapped[str | None]
    source: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    registered_at: Mapped[datetime | None]  # when it was registered again, the last time
    deleted_at: Mapped[datetime | None]  # since when its files are no longer kept

    @property
    def label(self) -> str:
        """As clients see it: `assistant@7`."""
        return f"{self.deployment}@{self.number}"
