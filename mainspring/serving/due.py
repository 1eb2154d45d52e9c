"""Which deliveries are sent next: the oldest due ones, as far as their tenants and receivers have not their share of
the hands.

`next_at` is null until a delivery's job has ended, so those of queued jobs are not in the index that is read here. It is
ordered by tenant and lane, and read from lane to lane: what this costs grows with how many receivers are waited for, not
with how much waits for one of them, be it due or between two tries.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Integer, bindparam, func, literal_column, select, true, tuple_, update

from mainspring.serving.hands import Hands, Receiver
from mainspring.serving.views import SHOWN
from mainspring.tables import ChatSession, Delivery, DeliveryState, Job, Version, constant
from mainspring.tracecontext import TraceContext

TRY_SECONDS = 15.0  # the longest that a try may last
# A try, and then twice as long at most for writing what came of it.
TAKEN_FOR = timedelta(seconds=4 * TRY_SECONDS)


@dataclass(frozen=True)
class Due:
    """A delivery to send now, for the `number`-th time. `job`: the columns that clients are shown, and its trace context."""

    id: UUID
    url: str
    number: int
    receiver: Receiver
    job: Any

    @property
    def trace(self) -> TraceContext | None:
        given = self.job.traceparent
        return None if given is None else TraceContext(given, self.job.tracestate)


_WAITS = (Delivery.state == constant(DeliveryState.WAITING), Delivery.next_at.is_not(None))
_IN_LANES = (
    select(Delivery.tenant_id, Delivery.lane, Delivery.next_at)
    .where(*_WAITS)
    .order_by(Delivery.tenant_id, Delivery.lane, Delivery.next_at)
    .limit(literal_column("1", Integer))  # not a parameter, of which a prepared plan would expect more
)
_LANES = select(_IN_LANES.subquery()).cte("lanes", recursive=True)
_NEXT_LANE = _IN_LANES.where(
    tuple_(Delivery.tenant_id, Delivery.lane) > tuple_(_LANES.c.tenant_id, _LANES.c.lane)
).lateral()
_LANES = _LANES.union_all(select(_NEXT_LANE).select_from(_LANES.join(_NEXT_LANE, true())))
_FIRST = (
    select(Delivery.id, Delivery.next_at)
    .where(
        Delivery.tenant_id == _LANES.c.tenant_id,
        Delivery.lane == _LANES.c.lane,
        Delivery.next_at <= func.now(),
        *_WAITS,
    )
    .order_by(Delivery.next_at)
    .limit(bindparam("most"))
    .lateral()
)
_HEADS = (
    select(_FIRST.c.id, _LANES.c.tenant_id, _LANES.c.lane)
    .select_from(_LANES.join(_FIRST, true()))
    .where(_LANES.c.next_at <= func.now())
    .order_by(_FIRST.c.next_at)
)
_TAKEN = (
    update(Delivery)
    .where(
        Delivery.id.in_(
            select(Delivery.id)
            .where(
                Delivery.id.in_(bindparam("chosen", expanding=True)),
                Delivery.state == constant(DeliveryState.WAITING),
                Delivery.next_at <= func.now(),
            )
            .with_for_update(skip_locked=True)
        )
    )
    .values(next_at=func.now() + TAKEN_FOR, tries=Delivery.tries + 1)
    .returning(
        Delivery.id,
        Delivery.url,
        Delivery.tries,
        Delivery.job_id,
        Delivery.tenant_id,
        Delivery.lane,
        # Not worth a flush to disk: what a crash of PostgreSQL forgets here is sent again.
        func.set_config("synchronous_commit", "off", True),
    )
)
_JOBS = (
    select(*SHOWN, Job.traceparent, Job.tracestate)
    .join(Version, Version.id == Job.version_id)
    .outerjoin(ChatSession, ChatSession.id == Job.session_id)
    .where(Job.id.in_(bindparam("jobs", expanding=True)))
)


def due(connection: Connection, hands: Hands) -> list[Due]:
    """Take as many as there are hands for, inside a transaction: nobody else takes them for a while."""
    if not hands.free:
        return []
    heads = connection.execute(_HEADS, {"most": hands.free})
    chosen = hands.choose((row.id, Receiver(row.tenant_id, row.lane)) for row in heads)
    if not chosen:
        return []
    taken = {row.job_id: row for row in connection.execute(_TAKEN, {"chosen": chosen})}
    return [_due(taken[job.id], job) for job in connection.execute(_JOBS, {"jobs": list(taken)})]


def _due(row: Any, job: Any) -> Due:
    return Due(row.id, row.url, row.tries, Receiver(row.tenant_id, row.lane), job)
