"""How much may wait and how fast it may come: what a deployment's policy and a tenant's row allow.

Whoever counts for a tenant with bounds, or close to a deployment's, holds a lock until its transaction ends, so that
nobody adds to what it has counted. How many of a tenant's jobs may run at once is looked at when they are claimed
(bounded.py), not here.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, literal, select

from mainspring.access import Caller
from mainspring.errors import QueueFull, RateLimited
from mainspring.identifiers import uuid7
from mainspring.serving.throughput import Wait
from mainspring.tables import Job, JobState, constant

_WAITING = select(func.count()).select_from(
    select(literal(1).label("one"))
    .where(Job.tenant_id == bindparam("tenant"), Job.state == constant(JobState.QUEUED))
    .limit(bindparam("most"))
    .subquery()
)
# Identifiers begin with the time: the last minute's are the end of the tenant's index.
_LATELY = select(func.count()).select_from(
    select(literal(1).label("one"))
    .where(Job.tenant_id == bindparam("tenant"), Job.id > bindparam("since"))
    .limit(bindparam("most"))
    .subquery()
)
# Of all processes. A lock's number is a hash of the name and of what it names.
_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name"), bindparam("kind"))))
_TENANT, _DEPLOYMENT = 1, 2
_CLOSE = 1000  # jobs: more than are accepted one by one between a look and what is stored by it
_BATCHES = 10  # or so many batches as the one at hand
# Large batches that are stored at once have the same turns, so backlog.py counts too few of them: hence so early.
_EARLY = 16


def queue_full(name: str, bound: int, expected: Wait) -> QueueFull:
    """For a job of this wait: a quarter of the queue may have been answered when it comes again."""
    pause = min(max(math.ceil((expected.seconds or 5.0) / 4), 1), 60)
    return QueueFull(
        f"{bound} jobs wait for `{name}`, as many as its policy allows",
        retry_after=pause,
        remedy=f"Try again in {pause} s, or raise the deployment's `queue_bound`.",
    )


@dataclass
class Taken:
    """Of a tenant's jobs, as far as it is bounded: how many wait, and how many came in the last minute."""

    waiting: int = 0
    lately: int = 0


def taken(connection: Connection, caller: Caller) -> Taken:
    """Asks nothing for a tenant without bounds."""
    found = Taken()
    if caller.queue_bound is not None:
        asked = {"tenant": caller.tenant_id, "most": caller.queue_bound}
        found.waiting = int(connection.scalar(_WAITING, asked) or 0)
    if caller.per_minute is not None:
        asked = {"tenant": caller.tenant_id, "most": caller.per_minute, "since": _a_minute_ago()}
        found.lately = int(connection.scalar(_LATELY, asked) or 0)
    return found


def of_the_tenant(caller: Caller, so_far: Taken) -> None:
    """Raises QueueFull or RateLimited."""
    bound, rate = caller.queue_bound, caller.per_minute
    if bound is not None and so_far.waiting >= bound:
        raise QueueFull(
            f"{bound} of your jobs wait, as many as are allowed",
            retry_after=5,
            remedy="Wait until some of them have been answered.",
        )
    if rate is not None and so_far.lately >= rate:
        raise RateLimited(
            f"{rate} jobs were accepted in the last minute, as many as are allowed",
            retry_after=5,
            remedy="Send them more slowly, or ask for a higher rate.",
        )


def bounded(caller: Caller) -> bool:
    """Whether its tenant has bounds of its own."""
    return caller.queue_bound is not None or caller.per_minute is not None


def near(bound: int, waiting: int, coming: int, *, many: bool) -> bool:
    """Whether others who accept jobs meanwhile could together exceed a deployment's; `many`: jobs in bulk."""
    others = _BATCHES * coming
    return bound <= _EARLY * (waiting + others) if many else bound - waiting <= max(_CLOSE, others)


def hold_tenant(connection: Connection, tenant_id: UUID) -> None:
    """Until the transaction ends nobody else holds it."""
    connection.execute(_LOCK, {"name": str(tenant_id), "kind": _TENANT})


def hold_deployment(connection: Connection, name: str) -> None:
    """As hold_tenant; whoever needs both takes this one last."""
    connection.execute(_LOCK, {"name": name, "kind": _DEPLOYMENT})


def _a_minute_ago() -> UUID:
    """The least identifier of that moment."""
    then = (datetime.now(UTC) - timedelta(minutes=1)).timestamp()
    return uuid7(clock=lambda: then, randbits=lambda _: 0)
