"""Accept many jobs at once: one transaction, one look at each queue and one COPY, each job with its own receipt or its
own error.

The turns of a batch go on where those of the rows end, so a batch is as fair as the same jobs one by one. Sessions,
webhooks and idempotency keys are accepted too, each of these by the road of the single job.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from psycopg.types.json import Json
from sqlalchemy import Connection

from mainspring.access import Caller
from mainspring.errors import MainspringError
from mainspring.identifiers import uuid7
from mainspring.serving import bounds, conversation
from mainspring.serving.accept import accept, outlook
from mainspring.serving.addressing import Addressed, address, draw, leaving
from mainspring.serving.bounds import Taken
from mainspring.serving.inputs import validated_input, validated_parameters
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.route import Candidate, Drawn
from mainspring.serving.throughput import Wait
from mainspring.serving.turns import step
from mainspring.tables import JobState, Priority

# COPY, since a row of an INSERT costs several times as much.
_COPY = """
    copy jobs (id, tenant_id, deployment, version_id, input, parameters, seed, metadata, request_digest, priority,
               turn, subject, deadline_at, rollout_id, share, pinned) from stdin
"""


def accept_all(
    connection: Connection, caller: Caller, asked: Sequence[Submission | MainspringError]
) -> list[Receipt | MainspringError]:
    """Inside a transaction. In order; an error that is given comes back in its place."""
    talks = [one for one in asked if isinstance(one, Submission) and one.session is not None]
    if len(talks) > 1:
        names = [str(one.session) for one in talks]
        conversation.hold(connection, caller.tenant_id, [one.name for one in talks], names)
    batch = Batch(connection)
    results = [one if isinstance(one, MainspringError) else batch.result(caller, one) for one in asked]
    batch.store()
    return results


@dataclass
class _Flow:
    """What a batch knows of one deployment for a tenant's jobs of one priority, as it goes on."""

    addressed: Addressed
    chosen: Candidate
    step: float
    turn: float
    waiting: int
    first: Wait
    taken: int = 0


class Batch:
    """Jobs of any callers on their way into the table, inside one transaction: `take` each, then `store`."""

    def __init__(self, connection: Connection, randbits: Callable[[int], int] = secrets.randbits) -> None:
        self._connection, self._randbits = connection, randbits
        self._addressed: dict[tuple[UUID, str, Priority], Addressed] = {}
        self._flows: dict[tuple[UUID, UUID, Priority], _Flow] = {}
        self._tenants: dict[UUID, Taken] = {}
        self._rows: list[tuple[Any, ...]] = []

    def result(self, caller: Caller, one: Submission) -> Receipt | MainspringError:
        """What `take` returns or raises."""
        try:
            return self.take(caller, one)
        except MainspringError as error:
            return error

    def take(self, caller: Caller, one: Submission) -> Receipt:
        """Raises as accept does."""
        if not one.plain:
            with self._connection.begin_nested():
                return accept(self._connection, caller, one, self._randbits)
        job_id = uuid7()
        addressed = self._look(caller, one)
        drawn = draw(self._connection, addressed, one, job_id)
        flow = self._flow(caller, one.priority, addressed, drawn)
        task, name = flow.addressed.task, flow.addressed.name
        given, parameters = validated_input(task, one.input), validated_parameters(task, one.parameters)
        bounds.of_the_deployment(name, flow.addressed.policy, flow.waiting + flow.taken, flow.first.seconds)
        self._within_bounds(caller)
        deadline = one.deadline_seconds
        self._rows.append(
            (
                job_id,
                caller.tenant_id,
                name,
                flow.chosen.id,
                Json(given, orjson.dumps),
                Json(parameters, orjson.dumps),
                parameters.get("seed", self._randbits(31)),
                Json(one.metadata, orjson.dumps),
                one.digest,
                one.priority.value,
                flow.turn + flow.step * flow.taken,
                one.subject,
                None if deadline is None else flow.addressed.at + timedelta(seconds=deadline),
                drawn.rollout,
                drawn.share,
                one.pin is not None,
            )
        )
        expected = flow.first.behind(flow.taken)
        flow.taken += 1
        version, number = flow.chosen.id, flow.chosen.number
        return Receipt(
            job_id,
            JobState.QUEUED,
            flow.addressed.at,
            name,
            version,
            number,
            expected,
            fresh=True,
            leaving=leaving(addressed, flow.chosen, one),
        )

    def store(self) -> None:
        """Write what was taken. Nothing is stored before the transaction commits."""
        if not self._rows:
            return
        driver: Any = self._connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in self._rows:
                copy.write_row(row)

    def _within_bounds(self, caller: Caller) -> None:
        so_far = self._tenants.get(caller.tenant_id)
        if so_far is None:
            so_far = self._tenants[caller.tenant_id] = bounds.taken(self._connection, caller)
        bounds.of_the_tenant(caller, so_far)
        so_far.another()

    def _look(self, caller: Caller, one: Submission) -> Addressed:
        key = (caller.tenant_id, one.name, one.priority)
        if key not in self._addressed:
            self._addressed[key] = address(self._connection, caller, one)
        return self._addressed[key]

    def _flow(self, caller: Caller, priority: Priority, addressed: Addressed, drawn: Drawn) -> _Flow:
        chosen = drawn.version
        key = (caller.tenant_id, chosen.id, priority)
        if key not in self._flows:
            turn = chosen.clock.turn(caller.weight, priority)
            waiting, first = outlook(self._connection, chosen, turn)
            self._flows[key] = _Flow(addressed, chosen, step(caller.weight, priority), turn, waiting, first)
        return self._flows[key]
