"""Deliveries of webhooks as rows: which are due, what each try brought, when the next one is.

At least once: a delivery is taken for a while, sent, and its try is written; who dies between has it sent again.
The pauses are those that Standard Webhooks recommends, with a fifth of jitter.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Interval, bindparam, case, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert

from mainspring.tables import (
    ChatSession,
    Delivery,
    DeliveryState,
    DeliveryTry,
    Job,
    JobState,
    Version,
    constant,
)

PAUSES = tuple(
    timedelta(**one)
    for one in (
        {"seconds": 5},
        {"minutes": 5},
        {"minutes": 30},
        {"hours": 2},
        {"hours": 5},
        {"hours": 10},
        {"hours": 10},
    )
)
TAKEN_FOR = timedelta(seconds=60)  # longer than a try may last
GONE = 410  # the receiver wants no more of it


@dataclass(frozen=True)
class Due:
    """A delivery to send now. `job` are the columns that clients are shown."""

    id: UUID
    url: str
    number: int
    tenant_id: UUID
    job: Any


@dataclass(frozen=True)
class Tried:
    """What came of a try. `problem` names a class of failure, never what the receiver said."""

    seconds: float
    status: int | None = None
    problem: str | None = None

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


_TAKEN = (
    update(Delivery)
    .where(
        Delivery.id.in_(
            select(Delivery.id)
            .join(Job, Job.id == Delivery.job_id)
            .where(
                Delivery.state == constant(DeliveryState.WAITING),
                Delivery.next_at <= func.now(),
                Job.finished_at.is_not(None),
            )
            .order_by(Delivery.next_at)
            .limit(bindparam("most"))
            .with_for_update(of=Delivery, skip_locked=True)
        )
    )
    .values(next_at=func.now() + TAKEN_FOR, tries=Delivery.tries + 1)
    .returning(Delivery.id, Delivery.url, Delivery.tries, Delivery.job_id)
)
_TRY = insert(DeliveryTry).on_conflict_do_nothing()
_SETTLE = (
    update(Delivery)
    .where(
        Delivery.id == bindparam("delivery"),
        Delivery.tries == bindparam("number"),
        Delivery.state == constant(DeliveryState.WAITING),
    )
    .values(
        state=bindparam("to_state"),
        ended_at=case((bindparam("to_state") == DeliveryState.WAITING.value, None), else_=func.now()),
        next_at=func.now() + cast(bindparam("pause"), Interval),
    )
)


def due(connection: Connection, columns: tuple[Any, ...], most: int) -> list[Due]:
    """Take up to so many; nobody else takes them for a while. `columns`: what is read of their jobs."""
    taken = {row.job_id: row for row in connection.execute(_TAKEN, {"most": most})}
    if not taken:
        return []
    jobs = connection.execute(
        select(*columns, Job.tenant_id)
        .join(Version, Version.id == Job.version_id)
        .outerjoin(ChatSession, ChatSession.id == Job.session_id)
        .where(Job.id.in_(taken))
    )
    return [Due(taken[job.id].id, taken[job.id].url, taken[job.id].tries, job.tenant_id, job) for job in jobs]


def settle(
    connection: Connection, one: Due, tried: Tried, uniform: Callable[[float, float], float] = random.uniform
) -> DeliveryState:
    """Write the try, and what becomes of the delivery."""
    row = {"delivery_id": one.id, "number": one.number, "status": tried.status}
    connection.execute(_TRY, {**row, "problem": tried.problem, "seconds": tried.seconds})
    state, pause = DeliveryState.WAITING, timedelta()
    if tried.delivered:
        state = DeliveryState.DELIVERED
    elif tried.status == GONE or one.number > len(PAUSES):
        state = DeliveryState.ABANDONED
    else:
        pause = PAUSES[one.number - 1] * uniform(0.9, 1.1)
    connection.execute(
        _SETTLE, {"delivery": one.id, "number": one.number, "to_state": state.value, "pause": pause}
    )
    return state


def event_type(state: str) -> str:
    """As receivers see it: `job.succeeded`."""
    assert JobState(state).ended
    return f"job.{state}"
