"""A repeated Idempotency-Key: the same key with the same body gives the job that it made before."""

from sqlalchemy import Connection, and_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from mainspring.access import Caller
from mainspring.errors import IdempotencyConflict
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.throughput import wait
from mainspring.tables import Job, JobState, Version, constant

_Other = aliased(Job)
_AHEAD = (
    select(func.count())
    .where(
        _Other.version_id == Job.version_id,
        _Other.state == constant(JobState.QUEUED),
        or_(
            _Other.queued_at < Job.queued_at,
            and_(_Other.queued_at == Job.queued_at, _Other.id < Job.id),
        ),
    )
    .correlate(Job)
    .scalar_subquery()
)
_FIND = (
    select(
        Job.id,
        Job.state,
        Job.created_at,
        Job.deployment,
        Job.version_id,
        Job.request_digest,
        Version.number,
        _AHEAD.label("ahead"),
    )
    .join_from(Job, Version, Version.id == Job.version_id)
    .where(Job.tenant_id == bindparam("tenant"), Job.idempotency_key == bindparam("key"))
)


def before(connection: Connection, caller: Caller, asked: Submission) -> Receipt | None:
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
    state = JobState(job.state)
    return Receipt(
        job.id,
        state,
        job.created_at,
        job.deployment,
        job.version_id,
        job.number,
        wait(connection, job.version_id, job.ahead) if state is JobState.QUEUED else None,
        fresh=False,
    )
