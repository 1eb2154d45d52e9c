"""Accept a job: one INSERT at the end of all checks, after which it is never lost. Then the caller sends the nudge.

It may run on a connection that commits each statement unless the submission is `grouped`, which stores more than a row;
near a bound it makes a transaction of itself.
"""

import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, DateTime, Interval, bindparam, cast, func
from sqlalchemy.dialects.postgresql import insert

from mainspring.access import Caller
from mainspring.errors import Conflict, DeploymentRetired
from mainspring.identifiers import uuid7
from mainspring.serving import conversation
from mainspring.serving.addressing import Addressed, draw, leaving, pinned
from mainspring.serving.admission import Admission, alone
from mainspring.serving.inputs import validated_input, validated_parameters
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.replay import earlier
from mainspring.serving.route import Drawn
from mainspring.tables import Delivery, Job, JobState

# Built once: every job asks these, and building a statement costs more than running it.
_STORE = (
    insert(Job)
    .values(deadline_at=cast(func.now() + cast(bindparam("deadline_in"), Interval), DateTime(timezone=True)))
    .on_conflict_do_nothing(index_elements=["tenant_id", "idempotency_key"])
    .returning(Job.id, Job.created_at)
)
_NOTIFY = insert(Delivery)


def accept(
    connection: Connection,
    caller: Caller,
    asked: Submission,
    randbits: Callable[[int], int] = secrets.randbits,
) -> Receipt:
    """Raises UnknownDeployment, DeploymentRetired, InvalidRequest and kin, NotReady, QueueFull, RateLimited,
    IdempotencyConflict."""
    with alone(connection, caller, asked) as admission:
        return accepted(connection, caller, asked, admission, randbits)


def accepted(
    connection: Connection,
    caller: Caller,
    asked: Submission,
    admission: Admission,
    randbits: Callable[[int], int] = secrets.randbits,
) -> Receipt:
    """As `accept`, counted with the others of this admission."""
    try:
        addressed = admission.look(caller, asked)
    except DeploymentRetired:
        if (found := earlier(connection, caller, asked)) is not None:
            return found
        raise
    given = _given(addressed, asked, randbits)
    if (found := earlier(connection, caller, asked)) is not None:
        return found
    drawn, job_id, place = _place(connection, caller, asked, addressed)
    chosen = drawn.version
    flow = admission.flow(caller, asked.priority, addressed, chosen)
    expected = flow.wait
    if place is not None and place.after is not None:
        expected = expected.after(conversation.unended(connection, place.session_id))
    row = {
        "id": job_id,
        "tenant_id": caller.tenant_id,
        "version_id": chosen.id,
        "rollout_id": drawn.rollout,
        "share": drawn.share,
        "turn": flow.turn,
    }
    stored = connection.execute(_STORE, row | given | _as_asked(asked) | _in_session(place)).first()
    if stored is None:
        # Two requests with one key raced; the other one has just committed.
        found = earlier(connection, caller, asked)
        assert found is not None
        return found
    if asked.webhook is not None:
        connection.execute(_NOTIFY, {"id": uuid7(), "job_id": stored.id, "url": asked.webhook})
    flow.count()
    return Receipt(
        stored.id,
        JobState.QUEUED,
        stored.created_at,
        addressed.name,
        chosen.id,
        chosen.number,
        expected,
        fresh=True,
        leaving=leaving(addressed, chosen, asked),
        moved_from=None if place is None else place.moved_from,
    )


def _given(addressed: Addressed, asked: Submission, randbits: Callable[[int], int]) -> dict[str, Any]:
    """The columns that the model's answer depends on. Raises InvalidRequest and kin."""
    given = validated_input(addressed.task, asked.input)
    parameters = validated_parameters(addressed.task, asked.parameters)
    # The seed is drawn once and kept, so that a second attempt gives the same answer as the first would have.
    return {"input": given, "parameters": parameters, "seed": parameters.get("seed", randbits(31))}


def _place(
    connection: Connection, caller: Caller, asked: Submission, addressed: Addressed
) -> tuple[Drawn, UUID, conversation.Place | None]:
    """Which version, under which id, and where in its session."""
    drawn = partial(draw, connection, addressed, asked)
    if asked.session is None:
        job_id = uuid7()
        return drawn(job_id), job_id, None
    live = {candidate.id for candidate in addressed.candidates}
    place = conversation.join(
        connection, caller.tenant_id, addressed.name, asked.session, draw=drawn, live=live
    )
    version = next(one for one in addressed.candidates if one.id == place.version_id)
    if asked.pin not in (None, str(version.number)):
        pinned(connection, addressed, asked)  # of one that has gone the client is told who came after it
        raise Conflict(
            f"this conversation is on {addressed.name}@{version.number}",
            field="deployment",
            remedy="Go on with it there, or begin another session.",
        )
    return Drawn(version, place.rollout_id, place.share), _identifier(place), place


def _as_asked(asked: Submission) -> dict[str, Any]:
    """The columns that stand as the producer sent them."""
    return {
        "deployment": asked.name,
        "pinned": asked.pin is not None,
        "metadata": asked.metadata,
        "idempotency_key": asked.idempotency_key,
        "request_digest": asked.digest,
        "priority": asked.priority.value,
        "subject": asked.subject,
        "webhook": asked.webhook is not None,
        "traceparent": None if asked.trace is None else asked.trace.traceparent,
        "tracestate": None if asked.trace is None else asked.trace.tracestate,
        "deadline_in": None if asked.deadline_seconds is None else timedelta(seconds=asked.deadline_seconds),
    }


def _in_session(place: conversation.Place | None) -> dict[str, Any]:
    return {
        "session_id": None if place is None else place.session_id,
        "after": None if place is None else place.after,
        "moved_from": None if place is None else place.moved_from,
    }


def _identifier(place: conversation.Place) -> UUID:
    """Later than the job that it has to come after: identifiers of one millisecond are not in order."""
    found = uuid7()
    while place.after is not None and found <= place.after:
        found = uuid7()
    return found
