"""Whose turn it is: self-clocked fair queueing (Golestani, INFOCOM 1994) among the flows of a version.

A flow is a tenant's jobs of one priority. A job's turn is set once, when it is accepted: its flow's last turn, or the
version's present if the flow has nothing waiting, plus 1/weight. Claims go by rising turns. So every flow with work
gets its weight's share of the version, whatever the others have queued; who alone has work gets it all; and `low`
goes on, slowly, while `high` saturates. All of it stands in the rows: no counter to lose.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import aliased

from mainspring.tables import Job, JobState, Priority, Version, constant

SHARES = {Priority.HIGH: 16.0, Priority.NORMAL: 4.0, Priority.LOW: 1.0}

_Running, _Queued, _Flow = aliased(Job), aliased(Job), aliased(Job)

# Columns for a statement that selects from versions, with parameters `tenant` and `priority`.
# The present: the turn of what was claimed last; of what is next, if nothing runs.
RUNNING_TURN = (
    select(func.max(_Running.turn))
    .where(_Running.version_id == Version.id, _Running.state == constant(JobState.RUNNING))
    .correlate(Version)
    .scalar_subquery()
)
NEXT_TURN = (
    select(func.min(_Queued.turn))
    .where(
        _Queued.version_id == Version.id,
        _Queued.state == constant(JobState.QUEUED),
        _Queued.after.is_(None),
    )
    .correlate(Version)
    .scalar_subquery()
)
FLOW_TURN = (
    select(func.max(_Flow.turn))
    .where(
        _Flow.version_id == Version.id,
        _Flow.state == constant(JobState.QUEUED),
        _Flow.tenant_id == bindparam("tenant"),
        _Flow.priority == bindparam("priority"),
    )
    .correlate(Version)
    .scalar_subquery()
)


@dataclass(frozen=True)
class Clock:
    """What a version's rows say of its turns; None where there is no such row."""

    running: float | None
    following: float | None
    flow: float | None

    def turn(self, tenant_weight: float, priority: Priority) -> float:
        """Of a job that is accepted now."""
        pace = step(tenant_weight, priority)
        present = self.running
        if present is None:  # nothing runs: beside what is next, and before nobody
            present = 0.0 if self.following is None else self.following - pace
        return (present if self.flow is None else max(present, self.flow)) + pace


def step(tenant_weight: float, priority: Priority) -> float:
    """From one job of a flow to its next."""
    return 1.0 / (tenant_weight * SHARES[priority])
