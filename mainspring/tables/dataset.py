"""A dataset: examples with their origin, named by the digest of what is in them; immutable once it is there."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base
from mainspring.tables.work import Work, rules


class Dataset(Work, Base):
    """`plan`: of what it is made, and how it is cleaned. Once it has succeeded: `digest`, `rows` by split, `bytes`, and the
    `card`: origins, licences, what was removed and why. `deployment`: for whom.
    """

    __tablename__ = "datasets"
    __table_args__ = (*rules(__tablename__), Index("ix_datasets_digest", "digest"))

    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"), index=True)
    plan: Mapped[dict[str, Any]]
    digest: Mapped[str | None]
    rows: Mapped[dict[str, Any] | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    card: Mapped[dict[str, Any] | None]
