"""A repeated Idempotency-Key: the same key with the same body gives the job that it made before."""

from sqlalchemy import Connection, bindparam, select

from mainspring.access import Caller
from mainspring.errors import IdempotencyConflict
from mainspring.serving import backlog
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.throughput import wait
from mainspring.tables import Job, JobState, Version

_FIND = (
    select(
        Job.id,
        Job.state,
        Job.created_at,
        Job.deployment,
        Job.version_id,
        Job.request_digest,
        Job.turn,
        Version.number,
    )
    .join_from(Job, Version, Version.id == Job.version_id)
    .where(Job.tenant_id == bindparam("tenant"), Job.idempotency_key == bindparam("key"))
)


def earlier(connection: Connection, caller: Caller, asked: Submission) -> Receipt | None:
    """None: the key is new, or there is none. Raises IdempotencyConflict for another body."""
    if asked.idempotency_key is None:
        return None
    job = connection.execute(_FIND, {"tenant": caller.tenant_id, "key": asked.idempotency_key}).first()
    if job is None:
        return None
    if job.request_digest != asked.digest:
        raise IdempotencyConflict(
            "this key came before with another body",
            field="Idempotency-Key",
            remedy="Use a new key for a new request, or repeat the first body unchanged.",
        )
    expected = None
    if job.state == JobState.QUEUED:
        ahead = max(0, backlog.before(connection, job.version_id, job.turn) - 1)  # without itself
        expected = wait(connection, job.version_id, ahead)
    return Receipt(
        job.id,
        JobState(job.state),
        job.created_at,
        job.deployment,
        job.version_id,
        job.number,
        expected,
        fresh=False,
    )
