"""A repeated Idempotency-Key: the same key with the same body gives the job that it made before."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Text, any_, bindparam, select

from mainspring.access import Caller
from mainspring.errors import IdempotencyConflict
from mainspring.serving import backlog
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.throughput import wait
from mainspring.tables import Job, JobState, Version

_JOBS = (
    select(
        Job.id,
        Job.state,
        Job.created_at,
        Job.deployment,
        Job.version_id,
        Job.request_digest,
        Job.turn,
        Job.idempotency_key,
        Version.number,
    )
    .join_from(Job, Version, Version.id == Job.version_id)
    .where(Job.tenant_id == bindparam("tenant"))
)
_FIND = _JOBS.where(Job.idempotency_key == bindparam("key"))
_FIND_ALL = _JOBS.where(Job.idempotency_key == any_(bindparam("keys", type_=ARRAY(Text))))


def earlier(connection: Connection, caller: Caller, asked: Submission) -> Receipt | None:
    """None: the key is new, or there is none. Raises IdempotencyConflict for another body."""
    if asked.idempotency_key is None:
        return None
    job = connection.execute(_FIND, {"tenant": caller.tenant_id, "key": asked.idempotency_key}).first()
    return None if job is None else _repeated(connection, job, asked)


class Replays:
    """The keys of a batch: those that its tenants have used before, and those that it uses itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jobs: dict[tuple[UUID, str], Any] = {}
        self._made: dict[tuple[UUID, str], tuple[bytes, Receipt]] = {}

    def read(self, coming: Iterable[tuple[Caller, Submission]]) -> None:
        """Which of these keys came before, in one look a tenant."""
        keys: dict[UUID, list[str]] = {}
        for caller, one in coming:
            if one.idempotency_key is not None:
                keys.setdefault(caller.tenant_id, []).append(one.idempotency_key)
        for tenant_id, used in keys.items():
            found = self._connection.execute(_FIND_ALL, {"tenant": tenant_id, "keys": used})
            self._jobs |= {(tenant_id, job.idempotency_key): job for job in found}

    def earlier(self, caller: Caller, asked: Submission) -> Receipt | None:
        """As the function."""
        if asked.idempotency_key is None:
            return None
        key = (caller.tenant_id, asked.idempotency_key)
        if (job := self._jobs.get(key)) is not None:
            return _repeated(self._connection, job, asked)
        if (made := self._made.get(key)) is None:
            return None
        digest, receipt = made
        _check(digest, asked)
        return replace(receipt, fresh=False)

    def made(self, caller: Caller, asked: Submission, receipt: Receipt) -> None:
        if asked.idempotency_key is not None:
            self._made[caller.tenant_id, asked.idempotency_key] = (asked.digest, receipt)


def _check(digest: bytes, asked: Submission) -> None:
    if digest != asked.digest:
        raise IdempotencyConflict(
            "this key came before with another body",
            field="Idempotency-Key",
            remedy="Use a new key for a new request, or repeat the first body unchanged.",
        )


def _repeated(connection: Connection, job: Any, asked: Submission) -> Receipt:
    _check(job.request_digest, asked)
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
