"""Who reads a job as it is written may go before its end. That stands in its row, until anybody asks for the job again."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Uuid, any_, bindparam, func, update

from mainspring.tables import Job, JobState, constant

_GONE = (
    update(Job)
    .where(
        Job.id == bindparam("job"),
        Job.tenant_id == bindparam("tenant"),
        Job.state.in_([constant(JobState.QUEUED), constant(JobState.RUNNING)]),
    )
    .values(left_at=func.clock_timestamp())
)
_BACK = (
    update(Job)
    .where(Job.id == any_(bindparam("jobs", type_=ARRAY(Uuid))), Job.left_at.is_not(None))
    .values(left_at=None)
)


def gone(connection: Connection, tenant_id: UUID, job_id: UUID) -> None:
    """Nothing, if it has ended meanwhile."""
    connection.execute(_GONE, {"job": job_id, "tenant": tenant_id})


def back(connection: Connection, jobs: Sequence[UUID]) -> None:
    """Of jobs whose rows say that their reader had gone."""
    if jobs:
        connection.execute(_BACK, {"jobs": list(jobs)})
