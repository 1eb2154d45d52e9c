"""Admission to the queues: whose turn is next, how long it will wait and what the bounds allow, for the jobs of one
transaction together.

All of it is read once and then counted on, so that these jobs see each other before they are rows.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from mainspring.access import Caller
from mainspring.errors import NotFound
from mainspring.serving import backlog, bounds
from mainspring.serving.addressing import Addressed, address
from mainspring.serving.backlog import Backlog
from mainspring.serving.bounds import Taken
from mainspring.serving.receipt import Submission
from mainspring.serving.route import Candidate
from mainspring.serving.throughput import Wait, wait
from mainspring.serving.turns import step
from mainspring.tables import Priority, queue_bound
from mainspring.tables.session import grouped


@dataclass
class Queue:
    """How many jobs wait for a deployment, of all its versions."""

    name: str
    bound: int
    waiting: int


@dataclass
class Flow:
    """A tenant's jobs of one priority on their way to one version. `first`: of the first of them here."""

    first_turn: float
    first: Wait
    step: float
    queue: Queue
    tenant: Taken
    taken: int = 0

    @property
    def turn(self) -> float:
        """Of the next one."""
        return self.first_turn + self.step * self.taken

    @property
    def wait(self) -> Wait:
        """Of the next one."""
        return self.first.behind(self.taken)

    def count(self) -> None:
        """One more."""
        self.taken += 1
        self.queue.waiting += 1
        self.tenant.waiting += 1
        self.tenant.lately += 1


class Admission:
    """Of one transaction, or of one job where no bound is near."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._addressed: dict[tuple[UUID, str, Priority], Addressed] = {}
        self._flows: dict[tuple[UUID, UUID, Priority], Flow] = {}
        self._backlogs: dict[UUID, Backlog] = {}
        self._queues: dict[str, Queue] = {}
        self._tenants: dict[UUID, Taken] = {}

    def look(self, caller: Caller, one: Submission) -> Addressed:
        """As it was read before, if it was. Raises UnknownDeployment and DeploymentRetired."""
        found = self._addressed.get((caller.tenant_id, one.name, one.priority))
        return self.read(caller, one) if found is None else found

    def read(self, caller: Caller, one: Submission) -> Addressed:
        """As it is now. Raises as `look` does."""
        found = address(self._connection, caller, one)
        self._addressed[caller.tenant_id, one.name, one.priority] = found
        return found

    def near(self, coming: int, *, many: bool = False) -> list[str]:
        """Of the deployments that were looked at those whose bounds are near for so many jobs; `many`: in bulk."""
        queues = {found.name: self._queue(found) for found in self._addressed.values()}
        return sorted(
            name for name, one in queues.items() if bounds.near(one.bound, one.waiting, coming, many=many)
        )

    def hold(self, tenants: set[UUID], deployments: Sequence[str]) -> None:
        """Before anything is counted: lock these until the transaction ends, always in this order, so that nobody waits
        in a circle; and forget what was read before."""
        for tenant_id in sorted(tenants):
            bounds.hold_tenant(self._connection, tenant_id)
        for name in deployments:
            bounds.hold_deployment(self._connection, name)
        if tenants or deployments:
            self._addressed.clear()
            self._backlogs.clear()
            self._queues.clear()

    def flow(self, caller: Caller, priority: Priority, addressed: Addressed, chosen: Candidate) -> Flow:
        """Where its next job would stand; it does once it is counted. Raises QueueFull and RateLimited."""
        key = (caller.tenant_id, chosen.id, priority)
        if (flow := self._flows.get(key)) is None:
            flow = self._flows[key] = self._begun(caller, priority, addressed, chosen)
        if flow.queue.waiting >= flow.queue.bound:
            raise bounds.queue_full(flow.queue.name, flow.queue.bound, flow.wait)
        bounds.of_the_tenant(caller, flow.tenant)
        return flow

    def _begun(self, caller: Caller, priority: Priority, addressed: Addressed, chosen: Candidate) -> Flow:
        turn = chosen.clock.turn(caller.weight, priority)
        ahead = backlog.ahead(self._connection, chosen.id, turn, self._backlog(chosen))
        expected = wait(self._connection, chosen.id, ahead)
        tenant = self._taken(caller)
        return Flow(turn, expected, step(caller.weight, priority), self._queue(addressed), tenant)

    def _backlog(self, version: Candidate) -> Backlog:
        if version.id not in self._backlogs:
            self._backlogs[version.id] = backlog.standing(self._connection, version.id, version.waiting)
        return self._backlogs[version.id]

    def _queue(self, addressed: Addressed) -> Queue:
        if addressed.name not in self._queues:
            waiting = sum(self._backlog(version).waiting for version in addressed.candidates)
            self._queues[addressed.name] = Queue(addressed.name, queue_bound(addressed.policy), waiting)
        return self._queues[addressed.name]

    def _taken(self, caller: Caller) -> Taken:
        if caller.tenant_id not in self._tenants:
            self._tenants[caller.tenant_id] = bounds.taken(self._connection, caller)
        return self._tenants[caller.tenant_id]


@contextmanager
def alone(connection: Connection, caller: Caller, one: Submission) -> Iterator[Admission]:
    """For a single job: in a transaction of its own where a bound is to be counted exactly."""
    admission = Admission(connection)
    with suppress(NotFound):  # it is told when its turn comes
        admission.look(caller, one)
    tenants = {caller.tenant_id} if bounds.bounded(caller) else set()
    deployments = admission.near(1)
    if not tenants and not deployments:
        yield admission
        return
    with grouped(connection):
        admission.hold(tenants, deployments)
        yield admission
