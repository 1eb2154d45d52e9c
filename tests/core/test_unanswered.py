"""A job that ends without an answer is observed once: cancelled, expired, or given up after too many losses."""

from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from mainspring.serving import lease, sweep
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


def test_cancelled(database: Database, version: UUID) -> None:
    with database.transaction() as session:
        job, tenant = submit(session), caller(session).tenant_id
    with database.each() as connection:
        assert cancel(connection, tenant, job)
        assert not cancel(connection, tenant, job)
    assert observed(database) == [(job, "cancelled")]


def test_expired(database: Database, version: UUID) -> None:
    with database.transaction() as session:
        job = submit(session)
        session.execute(text("update jobs set deadline_at = now() - interval '1 second'"))
        assert sweep.expire(session) == [job]
        assert sweep.expire(session) == []
    assert observed(database) == [(job, "expired")]


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
