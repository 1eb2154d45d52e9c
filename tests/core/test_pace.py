"""What an estimated wait looks at: the answers of the last week; older ones only where there are no others."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, insert, text

from mainspring.serving import lease
from mainspring.serving.throughput import wait
from mainspring.tables import Database, HeldVersion, Observation
from mainspring.tables.partitions import ensure
from tests.rows import champion

WEEKS = 13
LOCKED = text(
    "select distinct relname from pg_locks join pg_class on pg_class.oid = relation"
    " where pid = pg_backend_pid() and relname ~ '^observations_[0-9]{8}$'"
)


@pytest.fixture
def version(database: Database) -> UUID:
    """Held by a worker, with places for what ended within thirteen weeks."""
    with database.transaction() as session:
        made, worker = champion(session).id, lease.begin(session, "infer", 60)
        session.add(HeldVersion(incarnation=worker, version_id=made, state="ready", engine={"capacity": 4}))
    with database.begin() as connection:
        ensure(connection, "observations", datetime.now(UTC) - timedelta(weeks=WEEKS), weeks=WEEKS)
    return made


def answered(connection: Connection, version: UUID, days_ago: int, seconds: float) -> None:
    row = {
        "job_id": uuid4(),
        "version_id": version,
        "at": datetime.now(UTC) - timedelta(days=days_ago),
        "state": "succeeded",
        "queue_seconds": 0.0,
        "total_seconds": seconds,
    }
    connection.execute(insert(Observation), [row])


def test_the_last_week_tells_and_what_is_older_only_where_it_does_not(
    database: Database, version: UUID
) -> None:
    with database.begin() as connection:
        assert wait(connection, version, 0).seconds is None
        answered(connection, version, 80, 9.0)
        assert wait(connection, version, 0).seconds == 9.0
        answered(connection, version, 2, 3.0)
        assert wait(connection, version, 0).seconds == 3.0


def test_weeks_that_are_not_looked_at_cost_nothing(database: Database, version: UUID) -> None:
    """Not even a lock: they are left out when the question is planned."""
    with database.begin() as connection:
        answered(connection, version, 0, 3.0)
    with database.begin() as connection:
        assert wait(connection, version, 0).seconds == 3.0
        assert 1 <= len(connection.scalars(LOCKED).all()) <= 3
