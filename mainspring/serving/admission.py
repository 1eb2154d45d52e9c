"""Admission to the queues: whose turn is next, how long it will wait and what the bounds allow, for the jobs of one
transaction together.

All of it is read once and then counted on, so that these jobs see each other before they are rows.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from mainspring.tables import Priority
from mainspring.tables.session import grouped


@dataclass
class Flow:
    """A tenant's jobs of one priority on their way to one version. `first`: of the first of them here."""

    first_turn: float
    first: Wait
    step: float
    taken: int = 0

    @property
    def turn(self) -> float:
        """Of the next one."""
        return self.first_turn + self.step * self.taken

    @property
    def wait(self) -> Wait:
        """Of the next one."""
        return self.first.behind(self.taken)


class Admission:
    """Of one transaction, or of one job where no bound is near. `flow` says where a job would stand, `count` that it
    stands there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._addressed: dict[tuple[UUID, str, Priority], Addressed] = {}
        self._flows: dict[tuple[UUID, UUID, Priority], Flow] = {}
        self._backlogs: dict[UUID, Backlog] = {}
        self._waiting: dict[str, int] = {}
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

    def hold(self, tenants: set[UUID], coming: Sequence[tuple[Caller, Submission]]) -> None:
        """Before anything is counted: lock these tenants, and the deployments whose bounds are near; always in this
        order, so that nobody waits in a circle."""
        for tenant_id in sorted(tenants):
            bounds.hold_tenant(self._connection, tenant_id)
            self._forget()
        for name, (caller, one) in sorted({one.name: (caller, one) for caller, one in coming}.items()):
            if self.near(caller, one, len(coming)):
                bounds.hold_deployment(self._connection, name)
                self._forget()

    def near(self, caller: Caller, one: Submission, coming: int = 1) -> bool:
        """Whether the deployment's bound is, for so many jobs; not where there is no such deployment."""
        try:
            addressed = self.look(caller, one)
        except NotFound:
            return False
        return bounds.near(addressed.policy, self._waiting_for(addressed), coming)

    def flow(self, caller: Caller, priority: Priority, addressed: Addressed, chosen: Candidate) -> Flow:
        """Raises QueueFull and RateLimited."""
        key = (caller.tenant_id, chosen.id, priority)
        if (flow := self._flows.get(key)) is None:
            flow = self._flows[key] = self._begun(caller, priority, chosen)
        waiting = self._waiting_for(addressed)
        bounds.of_the_deployment(addressed.name, addressed.policy, waiting, flow.wait)
        bounds.of_the_tenant(caller, self._taken(caller))
        return flow

    def count(self, caller: Caller, addressed: Addressed, flow: Flow) -> None:
        """One more, which `flow` has let in."""
        flow.taken += 1
        self._waiting[addressed.name] += 1
        self._tenants[caller.tenant_id].another()

    def _begun(self, caller: Caller, priority: Priority, chosen: Candidate) -> Flow:
        turn = chosen.clock.turn(caller.weight, priority)
        ahead = backlog.ahead(self._connection, chosen.id, turn, self._backlog(chosen))
        return Flow(turn, wait(self._connection, chosen.id, ahead), step(caller.weight, priority))

    def _backlog(self, version: Candidate) -> Backlog:
        if version.id not in self._backlogs:
            self._backlogs[version.id] = backlog.standing(self._connection, version.id, version.waiting)
        return self._backlogs[version.id]

    def _waiting_for(self, addressed: Addressed) -> int:
        if addressed.name not in self._waiting:
            found = sum(self._backlog(version).waiting for version in addressed.candidates)
            self._waiting[addressed.name] = found
        return self._waiting[addressed.name]

    def _taken(self, caller: Caller) -> Taken:
        if caller.tenant_id not in self._tenants:
            self._tenants[caller.tenant_id] = bounds.taken(self._connection, caller)
        return self._tenants[caller.tenant_id]

    def _forget(self) -> None:
        """What was read before the lock."""
        for found in (self._addressed, self._backlogs, self._waiting):
            found.clear()


@contextmanager
def alone(connection: Connection, caller: Caller, one: Submission) -> Iterator[Admission]:
    """For a single job: in a transaction of its own where a bound is to be counted exactly."""
    admission = Admission(connection)
    tenants = {caller.tenant_id} if bounds.bounded(caller) else set()
    if not tenants and not admission.near(caller, one):
        yield admission
        return
    with grouped(connection):
        admission.hold(tenants, [(caller, one)])
        yield admission
