"""Which deliveries are taken: those whose job has ended, however it did, without a look at those whose job has not."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from mainspring.access import Caller
from mainspring.errors import EngineFailed
from mainspring.serving import answer, lease, sweep
from mainspring.serving.accept import accept
from mainspring.serving.bulk import accept_all
from mainspring.serving.claim import Fence, cancel, claim
from mainspring.serving.due import due
from mainspring.serving.engine import EngineAnswer
from mainspring.serving.hands import Hands, Receiver
from mainspring.serving.receipt import Receipt, Submission
from mainspring.tables import Database
from tests.rows import caller, champion

URL = "https://example.org/ended"
QUEUED = """
    insert into jobs (id, tenant_id, deployment, version_id, input, parameters, seed, request_digest, webhook)
    select gen_random_uuid(), :tenant, 'assistant', :version, '"x"', '{}', 1, '\\x00', :webhook
    from generate_series(1, :many)
"""
READ = """
    select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_xact_user_tables
    where relname in ('jobs', 'deliveries')
"""


class Rows:
    """A version, a worker's life, and a tenant that asks."""

    def __init__(self, database: Database) -> None:
        with database.transaction() as session:
            self.version, self.caller = champion(session).id, caller(session)
            self.life = lease.begin(session, "infer", 60)

    def accept(self, connection: Connection, **more: object) -> UUID:
        asked = Submission("assistant", "hello", **{"webhook": URL, **more})  # type: ignore[arg-type]
        return accept(connection, self.caller, asked).job_id

    def claim(self, connection: Connection) -> Fence:
        job = claim(connection, self.version, self.life)
        assert job is not None
        return job.fence

    def queue(self, database: Database, many: int, *, webhook: bool = True) -> None:
        values = {"tenant": self.caller.tenant_id, "version": self.version, "many": many, "webhook": webhook}
        with database.begin() as connection:
            connection.execute(text(QUEUED), values)

    def notify(self, database: Database, url: str) -> None:
        """Of all jobs there are, as their producers would have asked."""
        notify = "insert into deliveries (id, job_id, url) select gen_random_uuid(), id, :url from jobs"
        with database.begin() as connection:
            connection.execute(text(notify), {"url": url})


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


def taken(database: Database) -> list[UUID]:
    with database.begin() as connection:
        return [one.job.id for one in due(connection, Hands(16))]


def finish(database: Database, fence: Fence) -> None:
    with database.begin() as connection:
        assert answer.succeed(connection, fence, EngineAnswer({"text": "yes"}, {}))


def _succeed(session: Session, fence: Fence, _: Caller) -> None:
    answer.succeed(session.connection(), fence, EngineAnswer({"text": "yes"}, {}))


def _fail(session: Session, fence: Fence, _: Caller) -> None:
    answer.fail(session.connection(), fence, EngineFailed("it broke"))


def _cancel(session: Session, fence: Fence, who: Caller) -> None:
    assert cancel(session.connection(), who.tenant_id, fence.job_id)


def _pass_the_deadline(session: Session, fence: Fence, _: Caller) -> None:
    answer.fail(session.connection(), fence, answer.EXPIRED)


def _break_the_engine(session: Session, fence: Fence, _: Caller) -> None:
    answer.set_back(session.connection(), fence, lost=True, max_losses=1)


def _die(session: Session, fence: Fence, _: Caller) -> None:
    lease.renew(session, fence.incarnation, -1)
    assert sweep.requeue_lost(session, max_losses=1).ended == [fence.job_id]


@pytest.mark.parametrize("end", [_succeed, _fail, _cancel, _pass_the_deadline, _break_the_engine, _die])
def test_a_running_job_is_told_of_once_it_has_ended(
    database: Database, rows: Rows, end: Callable[[Session, Fence, Caller], None]
) -> None:
    with database.begin() as connection:
        rows.accept(connection)
        fence = rows.claim(connection)
    assert taken(database) == []
    with database.transaction() as session:
        end(session, fence, rows.caller)
    assert taken(database) == [fence.job_id]
    assert taken(database) == []


def test_a_queued_job_is_told_of_once_it_has_ended(database: Database, rows: Rows) -> None:
    with database.begin() as connection:
        cancelled, late = rows.accept(connection), rows.accept(connection, deadline_seconds=0.001)
    assert taken(database) == []
    with database.transaction() as session:
        assert cancel(session.connection(), rows.caller.tenant_id, cancelled)
        assert sweep.expire(session) == [late]
    assert set(taken(database)) == {cancelled, late}


def test_one_that_is_queued_again_is_not_told_of(database: Database, rows: Rows) -> None:
    with database.begin() as connection:
        rows.accept(connection)
        answer.set_back(connection, rows.claim(connection), lost=True, max_losses=5)
        again = rows.claim(connection)
    assert taken(database) == []
    finish(database, again)
    assert taken(database) == [again.job_id]


def test_jobs_of_a_batch_are_told_of(database: Database, rows: Rows) -> None:
    asked = [Submission("assistant", "hello", webhook=URL), Submission("assistant", "hello")]
    with database.begin() as connection:
        told, _ = accept_all(connection, rows.caller, asked)
        fences = [rows.claim(connection) for _ in asked]
    for fence in fences:
        finish(database, fence)
    assert isinstance(told, Receipt)
    assert taken(database) == [told.job_id]


def test_a_job_whose_row_does_not_say_so_is_told_of(database: Database, rows: Rows) -> None:
    """Older code does not know the column; and a delivery may be made for a job that has ended."""
    rows.queue(database, 2, webhook=False)
    with database.begin() as connection:
        first, second = rows.claim(connection), rows.claim(connection)
    finish(database, first)
    rows.notify(database, URL)
    assert taken(database) == [first.job_id]
    finish(database, second)
    assert taken(database) == [second.job_id]


def test_what_is_queued_costs_nothing(database: Database, rows: Rows) -> None:
    rows.queue(database, 10_000)
    rows.notify(database, URL)
    with database.begin() as connection:
        ended = rows.claim(connection)
    finish(database, ended)
    with database.begin() as connection:
        before = connection.scalar(text(READ))
        assert [one.job.id for one in due(connection, Hands(16))] == [ended.job_id]
        assert connection.scalar(text(READ)) - before < 50


def test_what_waits_for_a_receiver_costs_others_nothing(database: Database, rows: Rows) -> None:
    """Ten thousand are due to one that has its share of the hands: they are not walked over to find the next."""
    rows.queue(database, 10_000)
    rows.notify(database, "https://slow.example.org/")
    with database.begin() as connection:
        connection.execute(text("update deliveries set next_at = now() - interval '1 day'"))
        (slow,) = connection.execute(
            text("select tenant_id, receiver_lane('http://u@SLOW.example.org?x') from deliveries limit 1")
        )
        other = rows.accept(connection)
        assert cancel(connection, rows.caller.tenant_id, other)
    hands = Hands(12)
    for _ in range(4):
        hands.hold(Receiver(*slow))
    with database.begin() as connection:
        before = connection.scalar(text(READ))
        assert [one.job.id for one in due(connection, hands)] == [other]
        assert connection.scalar(text(READ)) - before < 50


def test_the_hands_are_shared() -> None:
    tenant, other = uuid4(), uuid4()

    def given(hands: Hands, *wanted: Receiver) -> int:
        return len(hands.choose((uuid4(), receiver) for _ in range(64) for receiver in wanted))

    hands = Hands(64)
    assert given(hands, Receiver(tenant, 1)) == 22
    assert given(hands, Receiver(tenant, 1), Receiver(tenant, 2)) == 32
    for _ in range(22):
        hands.hold(Receiver(tenant, 1))
    assert given(hands, Receiver(tenant, 1)) == 0
    assert given(hands, Receiver(tenant, 2)) == 10
    assert given(hands, Receiver(other, 1)) == 14
    for _ in range(22):
        hands.release(Receiver(tenant, 1))
    assert given(hands, Receiver(tenant, 1)) == 22
