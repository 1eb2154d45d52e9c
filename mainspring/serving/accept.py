"""Accept a job: one transaction, after which it is never lost. The caller commits, then sends the nudge."""

import hashlib
import json
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.access import Caller
from mainspring.errors import IdempotencyConflict, QueueFull, UnknownDeployment
from mainspring.identifiers import uuid7
from mainspring.lifecycle import LIVE
from mainspring.serving.inputs import validated_input, validated_parameters
from mainspring.serving.route import choose
from mainspring.serving.throughput import Wait, queue_of
from mainspring.tables import Deployment, Job, Task, Version


@dataclass(frozen=True)
class Submission:
    """What a producer asks for, before it is validated."""

    deployment: str
    input: Any
    parameters: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None

    @property
    def digest(self) -> bytes:
        """Tells whether a repeated Idempotency-Key came with the same body."""
        body = [self.deployment, self.input, self.parameters, self.metadata]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()


@dataclass(frozen=True)
class Receipt:
    """`fresh` is false when an idempotency key found the job that it made before."""

    job: Job
    version: Version
    wait: Wait
    fresh: bool


def accept(
    session: Session, caller: Caller, asked: Submission, randbits: Callable[[int], int] = secrets.randbits
) -> Receipt:
    """Raises UnknownDeployment, InvalidRequest and kin, NotReady, QueueFull, IdempotencyConflict."""
    deployment, live = _addressed(session, asked.deployment)
    task = Task(deployment.task)
    given = validated_input(task, asked.input)
    parameters = validated_parameters(task, asked.parameters)
    if (before := _before(session, caller, asked)) is not None:
        return before
    version = choose(deployment.name, live)
    wait = queue_of(session, version.id)
    _refuse_overflow(deployment, wait)
    row = {
        "id": uuid7(),
        "tenant_id": caller.tenant_id,
        "deployment": deployment.name,
        "version_id": version.id,
        "input": given,
        "parameters": parameters,
        # Drawn once and kept, so that a second attempt gives the same answer as the first would have.
        "seed": parameters.get("seed", randbits(31)),
        "metadata_": asked.metadata,
        "idempotency_key": asked.idempotency_key,
        "request_digest": asked.digest,
    }
    statement = (
        insert(Job).values(row).on_conflict_do_nothing(index_elements=["tenant_id", "idempotency_key"])
    )
    job = session.scalar(statement.returning(Job))
    if job is None:
        # Two requests with one key raced; the other one has just committed.
        before = _before(session, caller, asked)
        assert before is not None
        return before
    return Receipt(job, version, wait, fresh=True)


def _addressed(session: Session, name: str) -> tuple[Deployment, list[Version]]:
    """The deployment and its live versions, in one statement."""
    stages = [stage.value for stage in LIVE]
    found = session.execute(
        select(Deployment, Version)
        .outerjoin(Version, (Version.deployment == Deployment.name) & Version.stage.in_(stages))
        .where(Deployment.name == name)
    ).all()
    if not found:
        raise UnknownDeployment(
            "no deployment has that name", field="deployment", remedy="GET /v1/deployments lists them."
        )
    return found[0][0], [version for _, version in found if version is not None]


def _before(session: Session, caller: Caller, asked: Submission) -> Receipt | None:
    if asked.idempotency_key is None:
        return None
    job = session.scalar(
        select(Job).where(Job.tenant_id == caller.tenant_id, Job.idempotency_key == asked.idempotency_key)
    )
    if job is None:
        return None
    if job.request_digest != asked.digest:
        raise IdempotencyConflict(
            "this key came before with another body",
            field="Idempotency-Key",
            remedy="Use a new key for a new request, or repeat the first body unchanged.",
        )
    return Receipt(
        job, session.get_one(Version, job.version_id), queue_of(session, job.version_id), fresh=False
    )


def _refuse_overflow(deployment: Deployment, wait: Wait) -> None:
    if wait.position <= deployment.queue_bound:
        return
    seconds = min(max(math.ceil((wait.seconds or 5.0) / 4), 1), 60)
    raise QueueFull(
        f"{deployment.queue_bound} jobs wait for `{deployment.name}`, as many as its policy allows",
        retry_after=seconds,
        remedy=f"Try again in {seconds} s, or raise the deployment's `queue_bound`.",
    )
