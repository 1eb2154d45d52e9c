"""A refresh: the road from a wish to a better version that has taken over, or to the reasons why none has."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of


class RefreshState(StrEnum):
    """curating → training → evaluating → releasing → released; `waiting` for a person's word before the release.

    refused: by the gate, a person, or since there was nothing to learn from. rolled_back: by the judge of its rollout.
    parked: a stage has failed too often. cancelled: somebody stopped it.
    """

    CURATING = "curating"
    TRAINING = "training"
    EVALUATING = "evaluating"
    WAITING = "waiting"
    RELEASING = "releasing"
    RELEASED = "released"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"
    PARKED = "parked"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in ENDS


ENDS = frozenset(
    {
        RefreshState.RELEASED,
        RefreshState.REFUSED,
        RefreshState.ROLLED_BACK,
        RefreshState.PARKED,
        RefreshState.CANCELLED,
    }
)


class Refresh(Base):
    """`plan`: the policy's part `refresh`, as it was when it began. `tries`: of its present stage; `not_before`: of the next.

    `reason`: why it is where it is. What each stage has made stays: dataset, run, version, evaluation, verdict, rollout.
    """

    __tablename__ = "refreshes"
    __table_args__ = (
        CheckConstraint(one_of("state", RefreshState), name="state"),
        CheckConstraint(
            f"(state in ({', '.join(sorted(repr(end.value) for end in ENDS))})) = (ended_at is not null)",
            name="ended",
        ),
        Index("uq_refreshes_open", "deployment", unique=True, postgresql_where=text("ended_at is null")),
        Index("ix_refreshes_deployment_began_at", "deployment", "began_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"))
    request_id: Mapped[UUID] = mapped_column(ForeignKey("retraining_requests.id"), unique=True)
    champion_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    state: Mapped[str] = mapped_column(server_default=RefreshState.CURATING.value)
    plan: Mapped[dict[str, Any]]
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    not_before: Mapped[datetime | None]
    reason: Mapped[str]
    error: Mapped[dict[str, Any] | None]
    dataset_id: Mapped[UUID | None] = mapped_column(ForeignKey("datasets.id"))
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("training_runs.id"))
    version_id: Mapped[UUID | None] = mapped_column(ForeignKey("versions.id"), index=True)
    evaluation_id: Mapped[UUID | None] = mapped_column(ForeignKey("evaluations.id"))
    verdict_id: Mapped[UUID | None] = mapped_column(ForeignKey("verdicts.id"))
    rollout_id: Mapped[UUID | None] = mapped_column(ForeignKey("rollouts.id"))
    began_at: Mapped[datetime] = mapped_column(server_default=func.now())
    state_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
