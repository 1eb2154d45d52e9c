"""Fair shares among tenants and priorities, as the claims give them."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from mainspring.access import Caller
from mainspring.serving import answer, backlog, bounded, lease
from mainspring.serving.accept import accept
from mainspring.serving.bulk import accept_all
from mainspring.serving.claim import Claimed, claim
from mainspring.serving.engine import EngineAnswer
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.turns import SHARES, Clock, step
from mainspring.tables import Database, Job, Priority, Tenant
from tests.rows import caller, champion

SAID = EngineAnswer({"text": "yes"}, {})


class Queue:
    """A version, a worker, and tenants who submit to it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction() as session:
            self.version = champion(session).id
            self.worker = lease.begin(session, "infer", 3600)

    def tenant(self, name: str, weight: float = 1.0, running_bound: int | None = None) -> Caller:
        with self.database.transaction() as session:
            found = caller(session, name)
            tenant = session.get_one(Tenant, found.tenant_id)
            tenant.weight, tenant.running_bound = weight, running_bound
            return replace(found, weight=weight)

    def submit(self, who: Caller, many: int, priority: Priority = Priority.NORMAL) -> list[Receipt]:
        asked = [Submission("assistant", "x", priority=priority)] * many
        with self.database.begin() as connection:
            receipts = accept_all(connection, who, asked)
        assert all(isinstance(receipt, Receipt) for receipt in receipts)
        return receipts  # type: ignore[return-value]

    def claim(self) -> Claimed | None:
        with self.database.begin() as connection:
            return claim(connection, self.version, self.worker)

    def finish(self, job: Claimed) -> None:
        with self.database.begin() as connection:
            assert answer.succeed(connection, job.fence, SAID)

    def serve(self, many: int) -> list[UUID]:
        """Claim and finish so many, one at a time."""
        served = []
        for _ in range(many):
            job = self.claim()
            if job is None:
                break
            served.append(job.fence.job_id)
            self.finish(job)
        return served


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


def ids(receipts: list[Receipt]) -> set[UUID]:
    return {receipt.job_id for receipt in receipts}


def test_a_crowd_of_one_tenant_delays_anothers_single_job_by_one(queue: Queue) -> None:
    crowd, single = queue.tenant("crowd"), queue.tenant("single")
    queue.submit(crowd, 500)
    queue.serve(20)
    mine = ids(queue.submit(single, 1))
    assert mine & set(queue.serve(2))


def test_tenants_get_their_weights(queue: Queue) -> None:
    small, large = queue.tenant("small"), queue.tenant("large", weight=3.0)
    of_small, of_large = ids(queue.submit(small, 100)), ids(queue.submit(large, 100))
    served = set(queue.serve(80))
    assert abs(len(served & of_small) - 20) <= 1
    assert abs(len(served & of_large) - 60) <= 1


def test_low_goes_on_while_high_saturates(queue: Queue) -> None:
    who = queue.tenant("one")
    low = ids(queue.submit(who, 5, Priority.LOW))
    served: list[UUID] = []
    for _ in range(20):
        queue.submit(who, 6, Priority.HIGH)  # more than is served
        served += queue.serve(5)
    assert low <= set(served)
    first = [job in low for job in served[:16]]
    assert sum(first) <= 1  # and high goes first


def test_who_alone_has_work_gets_it_all(queue: Queue) -> None:
    low = ids(queue.submit(queue.tenant("one"), 30, Priority.LOW))
    assert set(queue.serve(30)) == low
    # Having used an idle version is not held against anybody.
    late, early = queue.tenant("late"), queue.tenant("one")
    queue.submit(late, 50)
    assert ids(queue.submit(early, 1)) & set(queue.serve(2))


def test_one_by_one_and_in_bulk_are_the_same_queue(queue: Queue) -> None:
    who = queue.tenant("one")
    queue.submit(who, 10)
    with queue.database.begin() as connection:
        receipt = accept(connection, who, Submission("assistant", "x"))
    assert receipt.wait is not None
    assert receipt.wait.position == 11
    assert queue.serve(11)[-1] == receipt.job_id


def test_a_tenant_runs_no_more_than_it_may(queue: Queue) -> None:
    bound, free = queue.tenant("bound", running_bound=2), queue.tenant("free")
    of_bound = ids(queue.submit(bound, 10))
    queue.submit(free, 3)
    running = []
    for _ in range(6):
        with queue.database.begin() as connection:
            assert bounded.needed(connection)
            job = bounded.claim(connection, queue.version, queue.worker)
        if job is not None:
            running.append(job)
    who = Counter(job.fence.job_id in of_bound for job in running)
    assert who == {True: 2, False: 3}  # work conserving: the others' jobs run
    queue.finish(next(job for job in running if job.fence.job_id in of_bound))
    with queue.database.begin() as connection:
        assert bounded.claim(connection, queue.version, queue.worker) is not None
        assert bounded.claim(connection, queue.version, queue.worker) is None


def test_new_jobs_do_not_wait_for_a_claim_nor_claims_for_new_jobs(queue: Queue) -> None:
    bound = queue.tenant("bound", running_bound=1)
    queue.submit(bound, 1)
    asked = [Submission("assistant", "x")]
    with queue.database.begin() as claims, queue.database.begin() as submits:
        submits.execute(text("set local lock_timeout = '2s'"))
        claims.execute(text("set local lock_timeout = '2s'"))
        accept_all(submits, bound, asked)
        assert bounded.claim(claims, queue.version, queue.worker) is not None
        accept_all(submits, bound, asked)


def test_the_end_of_a_bounded_tenants_job_makes_way_for_what_it_has_elsewhere(queue: Queue) -> None:
    bound, free = queue.tenant("bound", running_bound=1), queue.tenant("free")
    with queue.database.transaction() as session:
        other = champion(session, "other").id
    for who in (bound, free):
        with queue.database.begin() as connection:
            accept(connection, who, Submission("other", "x"))
    with queue.database.begin() as connection:
        assert bounded.elsewhere(connection, bound.tenant_id, queue.version) == [other]
        assert bounded.elsewhere(connection, bound.tenant_id, other) == []
        assert bounded.elsewhere(connection, free.tenant_id, queue.version) == []


def test_a_long_queue_is_estimated_not_counted(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = queue.tenant("one"), queue.tenant("two", weight=2.0)
    queue.submit(one, 1500)
    queue.submit(two, 700)
    queue.submit(two, 300, Priority.LOW)
    with queue.database.begin() as connection:
        flows = backlog.flows(connection, queue.version)
        assert sorted(flow.count() for flow in flows) == [300, 700, 1500]
        last = queue.submit(one, 1)[0]
        assert last.wait is not None
        turn = connection.scalar(
            Job.__table__.select().with_only_columns(Job.turn).where(Job.id == last.job_id)
        )
        assert turn is not None
        before = backlog.before(connection, queue.version, turn)
    assert last.wait.position == before
    ahead = len(queue.serve(2501))
    assert ahead == 2501


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(list(Priority))), max_size=200),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from([0.5, 1.0, 4.0]), min_size=3),
)
def test_within_a_flow_turns_rise_and_across_flows_shares_hold(
    arrivals: list[tuple[str, Priority]], weights: dict[str, float]
) -> None:
    """On the pure rule: when all flows have work, each is served in proportion to weight and priority."""
    last: dict[tuple[str, Priority], float] = {}
    for flow in arrivals:
        clock = Clock(None, min(last.values(), default=None), last.get(flow))
        turn = clock.turn(weights[flow[0]], flow[1])
        assert turn > last.get(flow, -1.0)
        if flow in last:
            assert turn - last[flow] == pytest.approx(step(weights[flow[0]], flow[1]))
        last[flow] = turn
    assert SHARES[Priority.HIGH] > SHARES[Priority.NORMAL] > SHARES[Priority.LOW] > 0
