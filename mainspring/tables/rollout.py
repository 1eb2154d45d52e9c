"""A rollout: the move of a deployment's traffic from its champion to a challenger, step by step, or back."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of


class RolloutState(StrEnum):
    """Loading → canary → one of the ends; `waiting` for a person's word where the policy says so.

    Before the canary, where the plan says so: `testing` with stored prompts, and `shadow` beside the champion.
    """

    LOADING = "loading"
    TESTING = "testing"
    SHADOW = "shadow"
    CANARY = "canary"
    WAITING = "waiting"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"


class Rollout(Base):
    """`share`: the probability with which new work goes to the challenger. `plan`: see release/plan.py.

    `step` counts the plan's steps from 0. `judged`: the last look at the evidence. While `paused_at` is set, no step is
    made; what is worse is rolled back all the same. `shadowed_at`: when the shadow had been seen enough.
    """

    __tablename__ = "rollouts"
    __table_args__ = (
        CheckConstraint(one_of("state", RolloutState), name="state"),
        CheckConstraint("share >= 0 and share <= 1", name="share"),
        CheckConstraint(
            "(state in ('promoted', 'rolled_back', 'aborted')) = (ended_at is not null)", name="ended"
        ),
        Index("uq_rollouts_open", "deployment", unique=True, postgresql_where=text("ended_at is null")),
        Index("ix_rollouts_challenger_id", "challenger_id", postgresql_where=text("ended_at is null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    deployment: Mapped[str] = mapped_column(ForeignKey("deployments.name"))
    challenger_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    champion_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    state: Mapped[str] = mapped_column(server_default=RolloutState.LOADING.value)
    plan: Mapped[dict[str, Any]]
    step: Mapped[int] = mapped_column(server_default=text("0"))
    share: Mapped[float] = mapped_column(Double, server_default=text("0"))
    judged: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    reason: Mapped[str]
    began_at: Mapped[datetime] = mapped_column(server_default=func.now())
    step_at: Mapped[datetime] = mapped_column(server_default=func.now())
    shadowed_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
