"""Accept a job: one INSERT at the end of all checks, after which it is never lost. Then the caller sends the nudge.

It may run on a connection that commits each statement: there is nothing else to undo.
"""

import math
import secrets
from collections.abc import Callable

from sqlalchemy import Connection, and_, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from mainspring.access import Caller
from mainspring.errors import QueueFull, UnknownDeployment
from mainspring.identifiers import uuid7
from mainspring.lifecycle import LIVE
from mainspring.serving.inputs import validated_input, validated_parameters
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.replay import before
from mainspring.serving.route import Candidate, choose
from mainspring.serving.throughput import WAITING, Wait, wait
from mainspring.tables import Deployment, Job, JobState, Stage, Task, Version, constant, queue_bound

# Built once: every job asks these, and building a statement costs more than running it.
_ADDRESSED = (
    select(
        Deployment.task,
        Deployment.policy,
        Version.id,
        Version.number,
        Version.stage,
        WAITING.label("ahead"),
    )
    .outerjoin_from(
        Deployment,
        Version,
        and_(
            Version.deployment == Deployment.name,
            Version.stage.in_([constant(stage) for stage in LIVE]),
        ),
    )
    .where(Deployment.name == bindparam("name"))
)
_STORE = (
    insert(Job)
    .on_conflict_do_nothing(index_elements=["tenant_id", "idempotency_key"])
    .returning(Job.id, Job.created_at)
)


def accept(
    connection: Connection,
    caller: Caller,
    asked: Submission,
    randbits: Callable[[int], int] = secrets.randbits,
) -> Receipt:
    """Raises UnknownDeployment, InvalidRequest and kin, NotReady, QueueFull, IdempotencyConflict."""
    rows = connection.execute(_ADDRESSED, {"name": asked.deployment}).all()
    if not rows:
        raise UnknownDeployment(
            "no deployment has that name", field="deployment", remedy="GET /v1/deployments lists them."
        )
    task = Task(rows[0].task)
    given = validated_input(task, asked.input)
    parameters = validated_parameters(task, asked.parameters)
    if (found := before(connection, caller, asked)) is not None:
        return found
    chosen = choose(
        asked.deployment,
        [Candidate(row.id, row.number, Stage(row.stage), row.ahead) for row in rows if row.id is not None],
    )
    expected = wait(connection, chosen.id, chosen.ahead)
    _refuse_overflow(asked.deployment, queue_bound(rows[0].policy), expected)
    stored = connection.execute(
        _STORE,
        {
            "id": uuid7(),
            "tenant_id": caller.tenant_id,
            "deployment": asked.deployment,
            "version_id": chosen.id,
            "input": given,
            "parameters": parameters,
            # Drawn once and kept, so that a second attempt gives the same answer as the first would have.
            "seed": parameters.get("seed", randbits(31)),
            "metadata": asked.metadata,
            "idempotency_key": asked.idempotency_key,
            "request_digest": asked.digest,
        },
    ).first()
    if stored is None:
        # Two requests with one key raced; the other one has just committed.
        found = before(connection, caller, asked)
        assert found is not None
        return found
    return Receipt(
        stored.id,
        JobState.QUEUED,
        stored.created_at,
        asked.deployment,
        chosen.id,
        chosen.number,
        expected,
        fresh=True,
    )


def _refuse_overflow(deployment: str, bound: int, wait: Wait) -> None:
    if wait.position <= bound:
        return
    seconds = min(max(math.ceil((wait.seconds or 5.0) / 4), 1), 60)
    raise QueueFull(
        f"{bound} jobs wait for `{deployment}`, as many as its policy allows",
        retry_after=seconds,
        remedy=f"Try again in {seconds} s, or raise the deployment's `queue_bound`.",
    )
