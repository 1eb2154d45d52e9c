"""Accept many jobs at once: one transaction and one COPY a batch, each line with its own receipt or its own error.

The turns of a batch go on where those of the rows end, so a batch is as fair as the same jobs one by one. Sessions,
webhooks and idempotency keys are accepted too, each of these by the road of the single job.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from psycopg.types.json import Json
from sqlalchemy import Connection, func, select

from mainspring.access import Caller
from mainspring.errors import MainspringError
from mainspring.identifiers import uuid7
from mainspring.serving import backlog, bounds
from mainspring.serving.accept import Addressed, accept, address
from mainspring.serving.inputs import validated_input, validated_parameters
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.route import Candidate, choose
from mainspring.serving.throughput import Wait, wait
from mainspring.serving.turns import step
from mainspring.tables import JobState, Priority

_NOW = select(func.now())
# COPY, since a row of an INSERT costs several times as much.
_COPY = """
    copy jobs (id, tenant_id, deployment, version_id, input, parameters, seed, metadata, request_digest, priority,
               turn, subject, deadline_at) from stdin
"""


def accept_all(
    connection: Connection,
    caller: Caller,
    asked: Sequence[Submission | MainspringError],
    randbits: Callable[[int], int] = secrets.randbits,
) -> list[Receipt | MainspringError]:
    """Inside a transaction. In order; an error that is given comes back in its place."""
    batch = _Batch(connection, caller, randbits)
    results: list[Receipt | MainspringError] = []
    for one in asked:
        try:
            results.append(one if isinstance(one, MainspringError) else batch.take(one))
        except MainspringError as error:
            results.append(error)
    batch.store()
    return results


@dataclass
class _Flow:
    """What a batch knows of one deployment at one priority, as it goes on."""

    addressed: Addressed
    chosen: Candidate
    step: float
    turn: float
    waiting: int
    first: Wait
    taken: int = 0


class _Batch:
    def __init__(self, connection: Connection, caller: Caller, randbits: Callable[[int], int]) -> None:
        self._connection, self._caller, self._randbits = connection, caller, randbits
        self._flows: dict[tuple[str, Priority], _Flow] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._now: datetime = connection.execute(_NOW).scalar_one()

    def take(self, one: Submission) -> Receipt:
        """Raises as accept does."""
        if one.grouped or one.idempotency_key is not None:
            with self._connection.begin_nested():
                return accept(self._connection, self._caller, one, self._randbits)
        flow = self._flow(one)
        given = validated_input(flow.addressed.task, one.input)
        parameters = validated_parameters(flow.addressed.task, one.parameters)
        name = flow.addressed.name
        bounds.of_the_deployment(name, flow.addressed.policy, flow.waiting + flow.taken, flow.first.seconds)
        job_id, deadline = uuid7(), one.deadline_seconds
        self._rows.append(
            (
                job_id,
                self._caller.tenant_id,
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
                None if deadline is None else self._now + timedelta(seconds=deadline),
            )
        )
        expected = flow.first.behind(flow.taken)
        flow.taken += 1
        version, number = flow.chosen.id, flow.chosen.number
        return Receipt(job_id, JobState.QUEUED, self._now, name, version, number, expected, fresh=True)

    def store(self) -> None:
        if not self._rows:
            return
        driver: Any = self._connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in self._rows:
                copy.write_row(row)

    def _flow(self, one: Submission) -> _Flow:
        known = self._flows.get((one.deployment, one.priority))
        if known is not None:
            return known
        bounds.of_the_tenant(self._connection, self._caller)
        addressed = address(self._connection, self._caller, one)
        chosen = choose(addressed.name, addressed.candidates)
        turn = chosen.clock.turn(self._caller.weight, one.priority)
        ahead = backlog.before(self._connection, chosen.id, turn) if chosen.waiting else 0
        first = wait(self._connection, chosen.id, ahead)
        waiting = backlog.waiting(self._connection, chosen.id, chosen.waiting)
        flow = _Flow(addressed, chosen, step(self._caller.weight, one.priority), turn, waiting, first)
        self._flows[one.deployment, one.priority] = flow
        return flow
