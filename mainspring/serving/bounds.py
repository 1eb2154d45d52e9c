"""How much may wait and how fast it may come: what a deployment's policy and a tenant's row allow.

How many of a tenant's jobs may run at once is looked at when they are claimed (claim.py), not here.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, literal, select

from mainspring.access import Caller
from mainspring.errors import QueueFull, RateLimited
from mainspring.identifiers import uuid7
from mainspring.tables import Job, JobState, constant, queue_bound

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


def of_the_deployment(name: str, policy: dict[str, Any], waiting: int, seconds: float | None) -> None:
    """Raises QueueFull."""
    bound = queue_bound(policy)
    if waiting < bound:
        return
    pause = min(max(math.ceil((seconds or 5.0) / 4), 1), 60)
    raise QueueFull(
        f"{bound} jobs wait for `{name}`, as many as its policy allows",
        retry_after=pause,
        remedy=f"Try again in {pause} s, or raise the deployment's `queue_bound`.",
    )


def of_the_tenant(connection: Connection, caller: Caller) -> None:
    """Raises QueueFull or RateLimited."""
    bound, rate = caller.queue_bound, caller.per_minute
    if bound is not None:
        asked = {"tenant": caller.tenant_id, "most": bound}
        if int(connection.scalar(_WAITING, asked) or 0) >= bound:
            raise QueueFull(
                f"{bound} of your jobs wait, as many as are allowed",
                retry_after=5,
                remedy="Wait until some of them have been answered.",
            )
    if rate is not None:
        asked = {"tenant": caller.tenant_id, "most": rate, "since": _a_minute_ago()}
        if int(connection.scalar(_LATELY, asked) or 0) >= rate:
            raise RateLimited(
                f"{rate} jobs were accepted in the last minute, as many as are allowed",
                retry_after=5,
                remedy="Send them more slowly, or ask for a higher rate.",
            )


def _a_minute_ago() -> UUID:
    """The least identifier of that moment."""
    then = (datetime.now(UTC) - timedelta(minutes=1)).timestamp()
    return uuid7(clock=lambda: then, randbits=lambda _: 0)
