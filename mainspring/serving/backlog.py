"""How much waits for a version, without counting it: the turns of a flow are evenly spaced, so first and last tell.

Exact up to EXACTLY jobs; beyond, as exact as the spacing (cancelled jobs leave gaps). The cost depends on the number of
flows, not of jobs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, literal, select, text

from mainspring.serving.turns import SHARES
from mainspring.tables import Job, JobState, Priority, Version, constant

EXACTLY = 1000

# How many wait for the version of the statement that this stands in, counted to one more than EXACTLY.
WAITING = (
    select(func.count())
    .select_from(
        select(literal(1).label("one"))
        .where(Job.version_id == Version.id, Job.state == constant(JobState.QUEUED))
        .limit(EXACTLY + 1)
        .correlate(Version)
        .subquery()
    )
    .scalar_subquery()
)
_BEFORE = select(func.count()).select_from(
    select(literal(1).label("one"))
    .where(
        Job.version_id == bindparam("version"),
        Job.state == constant(JobState.QUEUED),
        Job.after.is_(None),
        Job.turn <= bindparam("turn"),
    )
    .limit(EXACTLY + 1)
    .subquery()
)
# A loose index scan: each step of the recursion finds the next flow, whatever the length of the one before.
_FLOWS = text(
    """
    with recursive flow as (
        (select tenant_id, priority from jobs where version_id = :version and state = 'queued'
         order by tenant_id, priority limit 1)
        union all
        select following.tenant_id, following.priority from flow, lateral (
            select tenant_id, priority from jobs
            where version_id = :version and state = 'queued'
              and (tenant_id, priority) > (flow.tenant_id, flow.priority)
            order by tenant_id, priority limit 1
        ) following
    )
    select priority, weight,
        (select min(turn) from jobs where version_id = :version and state = 'queued'
            and jobs.tenant_id = flow.tenant_id and jobs.priority = flow.priority) as first,
        (select max(turn) from jobs where version_id = :version and state = 'queued'
            and jobs.tenant_id = flow.tenant_id and jobs.priority = flow.priority) as last
    from flow join tenants on tenants.id = flow.tenant_id
    """
)


@dataclass(frozen=True)
class Flow:
    """The waiting jobs of a tenant and priority: their first and last turn, and how many there are in one turn."""

    first: float
    last: float
    rate: float

    def count(self, until: float | None = None) -> int:
        """Of all, or of those whose turn is not later."""
        last = self.last if until is None else min(self.last, until)
        return 0 if last < self.first else round((last - self.first) * self.rate) + 1


@dataclass(frozen=True)
class Backlog:
    """How many jobs wait for a version, and its flows where that is too many to count."""

    waiting: int
    flows: Sequence[Flow] = ()


def flows(connection: Connection, version_id: UUID) -> Sequence[Flow]:
    return [
        Flow(row.first, row.last, row.weight * SHARES[Priority(row.priority)])
        for row in connection.execute(_FLOWS, {"version": version_id})
        if row.first is not None  # claimed meanwhile
    ]


def before(connection: Connection, version_id: UUID, turn: float) -> int:
    """How many will be claimed before a job of this turn, as things stand."""
    counted = _counted_before(connection, version_id, turn)
    return counted if counted <= EXACTLY else _estimated(counted, flows(connection, version_id), turn)


def standing(connection: Connection, version_id: UUID, counted: int) -> Backlog:
    """`counted` is what WAITING said."""
    if counted <= EXACTLY:
        return Backlog(counted)
    found = flows(connection, version_id)
    return Backlog(_estimated(counted, found), found)


def ahead(connection: Connection, version_id: UUID, turn: float, among: Backlog) -> int:
    """How many of them will be claimed before a job of this turn."""
    if not among.waiting:
        return 0
    counted = _counted_before(connection, version_id, turn)
    return counted if counted <= EXACTLY else _estimated(counted, among.flows, turn)


def _counted_before(connection: Connection, version_id: UUID, turn: float) -> int:
    """Up to one more than EXACTLY."""
    return int(connection.scalar(_BEFORE, {"version": version_id, "turn": turn}) or 0)


def _estimated(at_least: int, found: Sequence[Flow], until: float | None = None) -> int:
    return max(at_least, sum(flow.count(until) for flow in found))
