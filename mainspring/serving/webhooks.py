"""Deliveries of webhooks as rows: what each try brought, and when the next one is; due.py says which are sent now.

At least once: a delivery is taken for a while, sent, and its try is written; who dies between has it sent again.
The pauses are those that Standard Webhooks recommends, with a fifth of jitter.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Double,
    Integer,
    Interval,
    String,
    bindparam,
    case,
    cast,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from mainspring.serving.due import Due
from mainspring.tables import Delivery, DeliveryState, DeliveryTry, JobState, constant

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
GONE = 410  # the receiver wants no more of it


@dataclass(frozen=True)
class Tried:
    """What came of a try. `problem` names a class of failure, never what the receiver said."""

    seconds: float
    status: int | None = None
    problem: str | None = None

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


_LOGGED = {
    "delivery_id": Delivery.id,
    "number": bindparam("number", type_=Integer),
    "status": bindparam("status", type_=Integer),
    "problem": bindparam("problem", type_=String),
    "seconds": bindparam("seconds", type_=Double),
}
# Of a delivery that is still there: it goes with its job, and the tries of others must not be lost by that.
_TRY = (
    insert(DeliveryTry)
    .from_select(
        list(_LOGGED),
        select(*_LOGGED.values())
        .where(Delivery.id == bindparam("delivery"))
        .with_for_update(read=True, key_share=True),
        include_defaults=False,
    )
    .on_conflict_do_nothing()
)
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


def settle(
    connection: Connection,
    tried: Sequence[tuple[Due, Tried]],
    uniform: Callable[[float, float], float] = random.uniform,
) -> list[DeliveryState]:
    """Write tries of several deliveries, and what becomes of each, in order."""
    rows = [_outcome(one, what, uniform) for one, what in tried]
    in_turn = sorted(rows, key=lambda row: row["delivery"])  # as every other process locks them
    connection.execute(_TRY, in_turn)
    connection.execute(_SETTLE, in_turn)
    return [DeliveryState(row["to_state"]) for row in rows]


def _outcome(one: Due, tried: Tried, uniform: Callable[[float, float], float]) -> dict[str, Any]:
    """The parameters of both statements."""
    state, pause = DeliveryState.WAITING, timedelta()
    if tried.delivered:
        state = DeliveryState.DELIVERED
    elif tried.status == GONE or one.number > len(PAUSES):
        state = DeliveryState.ABANDONED
    else:
        pause = PAUSES[one.number - 1] * uniform(0.9, 1.1)
    return {
        "delivery": one.id,
        "number": one.number,
        "status": tried.status,
        "problem": tried.problem,
        "seconds": tried.seconds,
        "to_state": state.value,
        "pause": pause,
    }


def event_type(state: str) -> str:
    """As receivers see it: `job.succeeded`."""
    assert JobState(state).ended
    return f"job.{state}"
