"""How a version is made: by a recipe, from parameters, by one incarnation of a train worker at a time."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base
from mainspring.tables.work import Work, rules


class TrainingRun(Work, Base):
    """`measures` are losses and the like. `dataset_id`: what it learns from, where that is one of ours."""

    __tablename__ = "training_runs"
    __table_args__ = rules(__tablename__)

    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"), index=True)
    recipe: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    dataset_id: Mapped[UUID | None] = mapped_column(ForeignKey("datasets.id"))
    version_id: Mapped[UUID | None] = mapped_column(ForeignKey("versions.id"))
