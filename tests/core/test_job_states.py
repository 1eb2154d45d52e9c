"""Whatever happens in whatever order, an accepted job ends exactly once, on one version, and nothing is lost.

The machine plays producers, three workers that die, freeze and wake, and the sweep, against the real tables.
"""

from uuid import UUID

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as budget
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text, update

from mainspring.serving import answer, lease
from mainspring.serving.claim import Fence, cancel, claim, hand_back
from mainspring.serving.engine import EngineAnswer
from mainspring.serving.sweep import requeue_lost
from mainspring.tables import Database, Incarnation, Job, JobState
from tests.rows import caller, champion, submit

WORKERS = st.integers(0, 2)


class Road(RuleBasedStateMachine):
    """`known` is what a worker believes it holds, also after it lost it."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        with self.database.transaction() as session:
            session.execute(
                text("truncate jobs, incarnations, held_versions, observations, versions cascade")
            )
            session.execute(text("truncate deployments, tenants cascade"))
            self.version = champion(session).id
            self.workers = [lease.begin(session, "infer", 3600) for _ in range(3)]
            self.tenant = caller(session).tenant_id
        self.known: list[set[Fence]] = [set(), set(), set()]
        self.accepted: list[UUID] = []
        self.ends: dict[UUID, list[str]] = {}

    @rule()
    def accept(self) -> None:
        with self.database.transaction() as session:
            self.accepted.append(submit(session))

    @rule(worker=WORKERS)
    def take(self, worker: int) -> None:
        with self.database.transaction() as session:
            job = claim(session.connection(), self.version, self.workers[worker])
            if job is not None:
                self.known[worker].add(job.fence)

    @precondition(lambda self: any(self.known))
    @rule(data=st.data(), how=st.sampled_from(["succeed", "hand back", "twice"]))
    def write(self, data: st.DataObject, how: str) -> None:
        fence = data.draw(st.sampled_from(sorted({f for held in self.known for f in held}, key=str)))
        with self.database.transaction() as session:
            if how == "hand back":
                hand_back(session.connection(), fence, lost=False)
                return
            for _ in range(2 if how == "twice" else 1):
                said = EngineAnswer({"by": str(fence.incarnation), "attempt": fence.attempt}, {})
                if answer.succeed(session.connection(), fence, said):
                    self.ends.setdefault(fence.job_id, []).append("succeeded")

    @rule(worker=WORKERS)
    def freeze(self, worker: int) -> None:
        """Its lease runs out; it wakes later and still believes in its fences."""
        with self.database.transaction() as session:
            session.execute(
                update(Incarnation)
                .where(Incarnation.id == self.workers[worker])
                .values(lease_until="2020-01-01")
            )

    @rule(worker=WORKERS)
    def wake(self, worker: int) -> None:
        with self.database.transaction() as session:
            if not lease.renew(session, self.workers[worker], 3600):
                self.workers[worker] = lease.begin(session, "infer", 3600)

    @rule()
    def sweep(self) -> None:
        with self.database.transaction() as session:
            for job_id in requeue_lost(session, 4).ended:
                self.ends.setdefault(job_id, []).append("failed")

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(self.accepted))
        with self.database.transaction() as session:
            if cancel(session.connection(), self.tenant, job_id):
                self.ends.setdefault(job_id, []).append("cancelled")

    @invariant()
    def nothing_is_lost_and_nothing_ends_twice(self) -> None:
        with self.database.transaction() as session:
            states = dict(session.execute(select(Job.id, Job.state)).all())
        assert set(states) == set(self.accepted)
        assert all(len(ends) == 1 for ends in self.ends.values())
        for job_id, state in states.items():
            assert JobState(state).ended == (job_id in self.ends)
            if job_id in self.ends:
                assert self.ends[job_id] == [state]


@pytest.mark.timeout(240)
def test_the_road(database: Database) -> None:
    machine = type("BoundRoad", (Road,), {"database": database})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=budget(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
