"""Accept many jobs at once: one transaction, one look at each queue and one COPY, each job with its own receipt or its
own error.

The turns of a batch go on where those of the rows end, so a batch is as fair as the same jobs one by one. Sessions and
webhooks are accepted too, each by the road of the single job, and counted with the others.
"""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg.types.json import Json
from sqlalchemy import Connection

from mainspring.access import Caller
from mainspring.errors import DeploymentRetired, MainspringError
from mainspring.identifiers import uuid7
from mainspring.serving import bounds, conversation
from mainspring.serving.accept import accepted
from mainspring.serving.addressing import draw, leaving
from mainspring.serving.admission import Admission
from mainspring.serving.inputs import validated_input, validated_parameters
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.replay import Replays
from mainspring.tables import JobState

# COPY, since a row of an INSERT costs several times as much.
_COPY = """
    copy jobs (id, tenant_id, deployment, version_id, input, parameters, seed, metadata, idempotency_key,
               request_digest, priority, turn, subject, deadline_at, rollout_id, share, pinned, traceparent, tracestate)
    from stdin
"""
_UNTRACED = (None, None)


def accept_all(
    connection: Connection, caller: Caller, asked: Sequence[Submission | MainspringError]
) -> list[Receipt | MainspringError]:
    """Inside a transaction. In order; an error that is given comes back in its place.

    A tenant's batches with conversations or keys are stored one after the other: no two wait for each other's. So are
    all that are near a bound; others at the same time.
    """
    batch = _Batch(connection)
    coming = [one if isinstance(one, MainspringError) else batch.checked(caller, one) for one in asked]
    alone = bounds.bounded(caller) or any(isinstance(one, Submission) and not one.plain for one in asked)
    return batch.results(coming, {caller.tenant_id} if alone else set(), many=True)


def accept_each(
    connection: Connection, asked: Sequence[tuple[Caller, Submission] | MainspringError]
) -> list[Receipt | MainspringError]:
    """As `accept_all`, of any callers, each with one job."""
    batch = _Batch(connection)
    coming = [one if isinstance(one, MainspringError) else batch.checked(*one) for one in asked]
    tenants = {one[0].tenant_id for one in asked if isinstance(one, tuple) and bounds.bounded(one[0])}
    return batch.results(coming, tenants)


class _Coming(NamedTuple):
    """A job on its way. Without `said`, the input and parameters that its task takes, it takes the single job's road."""

    caller: Caller
    asked: Submission
    digest: bytes = b""
    said: tuple[Any, dict[str, Any]] | None = None


class _Batch:
    """Jobs on their way into the table: `checked` each, then the `results` of all."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._admission, self._replays = Admission(connection), Replays(connection)
        self._single = False
        self._rows: list[tuple[Any, ...]] = []

    def checked(self, caller: Caller, one: Submission) -> _Coming | MainspringError:
        """What can be known of it before its turn."""
        try:
            task = self._admission.look(caller, one).task
            if one.grouped:
                return _Coming(caller, one)
            said = validated_input(task, one.input), validated_parameters(task, one.parameters)
        except DeploymentRetired as error:
            return error if one.idempotency_key is None else _Coming(caller, one)
        except MainspringError as error:
            return error
        return _Coming(caller, one, one.digest, said)

    def results(
        self, coming: Sequence[_Coming | MainspringError], tenants: set[UUID], *, many: bool = False
    ) -> list[Receipt | MainspringError]:
        """What accept returns or raises for each. From here to its end the transaction has `tenants` to itself, and the
        deployments whose bounds are near. Nothing is stored before it commits."""
        jobs = [one for one in coming if isinstance(one, _Coming)]
        self._single = len(jobs) == 1
        self._admission.hold(tenants, self._admission.near(len(jobs), many=many))
        self._replays.read((one.caller, one.asked) for one in jobs)
        self._join([one for one in jobs if one.asked.session is not None])
        found = [self._result(one) if isinstance(one, _Coming) else one for one in coming]
        self._store()
        return found

    def _join(self, talks: Sequence[_Coming]) -> None:
        if len(talks) < 2:
            return
        for tenant_id in sorted({one.caller.tenant_id for one in talks}):
            theirs = [one.asked for one in talks if one.caller.tenant_id == tenant_id]
            names = [str(one.session) for one in theirs]
            conversation.hold(self._connection, tenant_id, [one.name for one in theirs], names)

    def _result(self, one: _Coming) -> Receipt | MainspringError:
        caller, asked, digest, said = one
        try:
            if (found := self._replays.earlier(caller, asked)) is not None:
                return found
            if said is None or self._single:
                receipt = self._inserted(caller, asked)
            else:
                receipt = self._copied(caller, asked, digest, said)
        except MainspringError as error:
            return error
        if receipt.fresh:
            self._replays.made(caller, asked, receipt)
        return receipt

    def _store(self) -> None:
        if not self._rows:
            return
        driver: Any = self._connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in self._rows:
                copy.write_row(row)

    def _inserted(self, caller: Caller, one: Submission) -> Receipt:
        """By the road of the single job, on which others may use its key meanwhile."""
        if one.session is not None:  # it may have gone to a version that has become live since the look
            self._admission.read(caller, one)
        with self._connection.begin_nested():
            return accepted(self._connection, caller, one, self._admission)

    def _copied(
        self, caller: Caller, one: Submission, digest: bytes, said: tuple[Any, dict[str, Any]]
    ) -> Receipt:
        given, parameters = said
        addressed = self._admission.look(caller, one)
        job_id = uuid7()
        drawn = draw(self._connection, addressed, one, job_id)
        chosen = drawn.version
        flow = self._admission.flow(caller, one.priority, addressed, chosen)
        deadline = one.deadline_seconds
        self._rows.append(
            (
                job_id,
                caller.tenant_id,
                addressed.name,
                chosen.id,
                Json(given, orjson.dumps),
                Json(parameters, orjson.dumps),
                parameters.get("seed", secrets.randbits(31)),
                Json(one.metadata, orjson.dumps),
                one.idempotency_key,
                digest,
                one.priority.value,
                flow.turn,
                one.subject,
                None if deadline is None else addressed.at + timedelta(seconds=deadline),
                drawn.rollout,
                drawn.share,
                one.pin is not None,
                *(one.trace or _UNTRACED),
            )
        )
        expected = flow.wait
        flow.count()
        return Receipt(
            job_id,
            JobState.QUEUED,
            addressed.at,
            addressed.name,
            chosen.id,
            chosen.number,
            expected,
            fresh=True,
            leaving=leaving(addressed, chosen, one),
        )
