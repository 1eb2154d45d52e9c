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
               request_digest, priority, turn, subject, deadline_at, rollout_id, share, pinned) from stdin
"""


def accept_all(
    connection: Connection, caller: Caller, asked: Sequence[Submission | MainspringError]
) -> list[Receipt | MainspringError]:
    """Inside a transaction. In order; an error that is given comes back in its place.

    A tenant's batches are stored one after the other: so their turns are in one line, and no two of them wait for each
    other's conversations or keys. What is slow about them is done before: they are checked at the same time.
    """
    pairs = [one if isinstance(one, MainspringError) else (caller, one) for one in asked]
    return _accepted(connection, pairs, {caller.tenant_id})


def accept_each(
    connection: Connection, asked: Sequence[tuple[Caller, Submission] | MainspringError]
) -> list[Receipt | MainspringError]:
    """As `accept_all`, of any callers, few at a time: only those with bounds come one after the other."""
    tenants = {one[0].tenant_id for one in asked if isinstance(one, tuple) and bounds.bounded(one[0])}
    return _accepted(connection, asked, tenants)


def _accepted(
    connection: Connection, asked: Sequence[tuple[Caller, Submission] | MainspringError], tenants: set[UUID]
) -> list[Receipt | MainspringError]:
    batch = _Batch(connection)
    coming = [one if isinstance(one, MainspringError) else batch.checked(*one) for one in asked]
    batch.begin(tenants, [one for one in coming if isinstance(one, _Coming)])
    results = [one if isinstance(one, MainspringError) else batch.result(one) for one in coming]
    batch.store()
    return results


class _Coming(NamedTuple):
    """A job on its way. Without `said`, the input and parameters that its task takes, it takes the single job's road."""

    caller: Caller
    asked: Submission
    digest: bytes = b""
    said: tuple[Any, dict[str, Any]] | None = None


class _Batch:
    """Jobs on their way into the table: `checked` each, `begin`, the `result` of each, `store`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._admission, self._replays = Admission(connection), Replays(connection)
        self._single = False
        self._rows: list[tuple[Any, ...]] = []

    def checked(self, caller: Caller, one: Submission) -> _Coming | MainspringError:
        """What can be known of it before its turn."""
        if one.grouped:
            return _Coming(caller, one)
        try:
            task = self._admission.look(caller, one).task
            said = validated_input(task, one.input), validated_parameters(task, one.parameters)
        except DeploymentRetired as error:
            return error if one.idempotency_key is None else _Coming(caller, one)
        except MainspringError as error:
            return error
        return _Coming(caller, one, one.digest, said)

    def begin(self, tenants: set[UUID], coming: Sequence[_Coming]) -> None:
        """From here to its end the transaction has these tenants to itself, and the deployments whose bounds are near."""
        self._single = len(coming) == 1
        self._admission.hold(tenants, [(one.caller, one.asked) for one in coming])
        self._replays.read((one.caller, one.asked) for one in coming)
        for tenant_id in sorted({one.caller.tenant_id for one in coming}):
            talks = [one.asked for one in coming if one.caller.tenant_id == tenant_id and one.asked.session]
            if len(talks) > 1:
                names = [str(one.session) for one in talks]
                conversation.hold(self._connection, tenant_id, [one.name for one in talks], names)

    def result(self, one: _Coming) -> Receipt | MainspringError:
        """What accept returns or raises."""
        try:
            if (found := self._replays.earlier(one.caller, one.asked)) is not None:
                return found
            if self._single or one.said is None:
                receipt = self._inserted(one.caller, one.asked)
            else:
                receipt = self._copied(one.caller, one.asked, one.digest, one.said)
        except MainspringError as error:
            return error
        if receipt.fresh:
            self._replays.made(one.caller, one.asked, receipt)
        return receipt

    def store(self) -> None:
        """Write what was taken. Nothing is stored before the transaction commits."""
        if not self._rows:
            return
        driver: Any = self._connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in self._rows:
                copy.write_row(row)

    def _inserted(self, caller: Caller, one: Submission) -> Receipt:
        """By the road of the single job, on which others may use its key meanwhile."""
        if one.session is not None:
            # A conversation may have gone to a version that is live since then.
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
            )
        )
        receipt = Receipt(
            job_id,
            JobState.QUEUED,
            addressed.at,
            addressed.name,
            chosen.id,
            chosen.number,
            flow.wait,
            fresh=True,
            leaving=leaving(addressed, chosen, one),
        )
        self._admission.count(caller, addressed, flow)
        return receipt
