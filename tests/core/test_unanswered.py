"""A job that ends without an answer is observed once: cancelled, expired, or given up after too many losses. And so it is
where its week is missing, since nobody made weeks for longer than they last."""

from uuid import UUID

import pytest
from sqlalchemy import Connection, select, text, update

from mainspring.errors import InvalidRequest
from mainspring.serving import answer, lease, sweep
from mainspring.serving.claim import cancel, claim
from mainspring.tables import Database, Incarnation, Job, Observation
from tests.rows import caller, champion, submit


@pytest.fixture
def version(database: Database) -> UUID:
    with database.transaction() as session:
        return champion(session).id


def observed(database: Database) -> list[tuple[UUID, str]]:
    with database.transaction() as session:
        rows = session.execute(
            select(
                Observation.job_id,
                Observation.state,
                Observation.at,
                Job.finished_at,
                Observation.total_seconds,
            ).join(Job, Job.id == Observation.job_id)
        ).all()
    assert all(row.at == row.finished_at and row.total_seconds >= 0 for row in rows)
    return [(row.job_id, row.state) for row in rows]


@pytest.fixture(params=["its week is there", "its week is missing"])
def weeks(request: pytest.FixtureRequest, database: Database) -> None:
    if request.param == "its week is missing":
        with database.each() as connection:
            forget_weeks(connection)


def forget_weeks(connection: Connection) -> None:
    listed = text(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'observations'::regclass"
    )
    for week in connection.scalars(listed).all():
        connection.exec_driver_sql(f"drop table {week}")


@pytest.mark.usefixtures("weeks")
def test_cancelled(database: Database, version: UUID) -> None:
    with database.transaction() as session:
        job, tenant = submit(session), caller(session).tenant_id
    with database.each() as connection:
        assert cancel(connection, tenant, job)
        assert not cancel(connection, tenant, job)
    assert observed(database) == [(job, "cancelled")]


@pytest.mark.usefixtures("weeks")
def test_expired(database: Database, version: UUID) -> None:
    with database.transaction() as session:
        job = submit(session)
        session.execute(text("update jobs set deadline_at = now() - interval '1 second'"))
        assert sweep.expire(session) == [job]
        assert sweep.expire(session) == []
    assert observed(database) == [(job, "expired")]


@pytest.mark.usefixtures("weeks")
def test_given_up(database: Database, version: UUID) -> None:
    with database.transaction() as session:
        worker, job = lease.begin(session, "infer", 60), submit(session)
    for losses in (1, 2):
        with database.each() as connection:
            assert claim(connection, version, worker) is not None
        with database.transaction() as session:
            session.execute(update(Incarnation).values(lease_until="2020-01-01", ended_at=None))
            swept = sweep.requeue_lost(session, max_losses=2)
            session.execute(update(Incarnation).values(lease_until="2040-01-01", ended_at=None))
        assert (swept.requeued, list(swept.ended)) == ((1, []) if losses == 1 else (0, [job]))
    assert observed(database) == [(job, "failed")]


@pytest.mark.usefixtures("weeks")
@pytest.mark.parametrize("how", ["lost once too often", "refused"])
def test_failed_in_a_transaction(database: Database, version: UUID, how: str) -> None:
    """What else its transaction does stands: here what it wrote beside it."""
    with database.transaction() as session:
        worker, job = lease.begin(session, "infer", 60), submit(session)
    with database.each() as connection:
        claimed = claim(connection, version, worker)
    assert claimed is not None
    with database.begin() as connection:
        connection.exec_driver_sql("update jobs set metadata = '{\"seen\": true}'")
        if how != "refused":
            answer.set_back(connection, claimed.fence, lost=True, max_losses=1, cause="it fell")
        else:
            answer.fail(connection, claimed.fence, InvalidRequest("no", field="input", remedy="another"))
    assert observed(database) == [(job, "failed")]
    with database.transaction() as session:
        assert session.scalars(select(Job.metadata_)).one() == {"seen": True}


def test_cancelled_in_a_transaction_that_goes_on(database: Database, version: UUID) -> None:
    """The place that was missing stays, even if the transaction that missed it is undone."""
    with database.transaction() as session:
        job, tenant = submit(session), caller(session).tenant_id
    with database.each() as connection:
        forget_weeks(connection)
    with database.engine.connect() as connection:  # closed without a commit
        assert cancel(connection, tenant, job)
    assert observed(database) == []
    with database.each() as connection:
        assert cancel(connection, tenant, job)
    assert observed(database) == [(job, "cancelled")]
