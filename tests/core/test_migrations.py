"""Forwards and back; the models and the migrations say the same; the names say when to deploy."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

import migrations
from mainspring.local.migrate import configuration, current, downgrade, upgrade
from mainspring.settings import Settings
from tests.servers import Servers


def empty(servers: Servers) -> str:
    """The URL of a new database without a schema."""
    name = f"m{uuid4().hex[:8]}"
    servers.create_database(name)
    return servers.database_url(name)


def test_forwards_and_back(servers: Servers) -> None:
    url = empty(servers)
    settings = Settings(database_url=url)
    upgrade(settings)
    command.check(configuration(url))  # raises when a model has no migration
    head = current(settings)
    downgrade(settings)
    engine = create_engine(url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
    upgrade(settings)
    assert current(settings) == head


def test_seq2seq_tasks_come_and_go(servers: Servers) -> None:
    """Old deployments pass both ways; one of a new task holds the older schema off until it is deleted."""
    url = empty(servers)
    settings = Settings(database_url=url)
    insert = "insert into deployments (name, task) values ('{0}', '{0}')"
    upgrade(settings, "0003")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(insert.format("fill-mask")))
        with pytest.raises(IntegrityError):
            connection.execute(text(insert.format("translation")))
        upgrade(settings, "0004")
        for task in ("translation", "summarization", "text-generation"):
            connection.execute(text(insert.format(task)))
        with pytest.raises(IntegrityError):
            connection.execute(text(insert.format("juggling")))
        with pytest.raises(IntegrityError):
            downgrade(settings, "0003")
        connection.execute(text("delete from deployments where task in ('translation', 'summarization')"))
        downgrade(settings, "0003")
        assert connection.scalar(text("select count(*) from deployments")) == 2
    engine.dispose()


OLDER_JOB = """
    insert into jobs (id, tenant_id, deployment, version_id, input, parameters, seed, request_digest)
    select gen_random_uuid(), tenants.id, 'chat', versions.id, '"x"', '{}', 1, '\\x00' from tenants, versions
    returning id
"""
OLDER_END = """
    update jobs set state = 'cancelled', finished_at = clock_timestamp() where state = 'queued' and id = :job
"""
OLDER_DELIVERY = """
    insert into deliveries (id, job_id, url) values (gen_random_uuid(), :job, 'http://u@EXAMPLE.org:80/x')
"""
OLDER_DUE = """
    update deliveries set next_at = now() + interval '60 seconds', tries = tries + 1 where id in (
        select deliveries.id from deliveries join jobs on jobs.id = deliveries.job_id
        where deliveries.state = 'waiting' and next_at <= now() and finished_at is not null
        order by next_at limit 16 for update of deliveries skip locked
    ) returning job_id
"""


OLDER_OBSERVATION = """
    insert into observations (job_id, version_id, at, state)
    select :job, id, cast(:at as timestamptz), 'failed' from versions on conflict do nothing
"""


def _deployed(connection: Connection) -> None:
    for row in (
        "tenants (id, name) values (gen_random_uuid(), 'default')",
        "deployments (name, task) values ('chat', 'text-generation')",
        """versions (id, deployment, number, digest, path, architecture, parameters)
           values (gen_random_uuid(), 'chat', 1, '', '', '', 1)""",
    ):
        connection.execute(text(f"insert into {row} on conflict do nothing"))


def test_deliveries_of_older_code(servers: Servers) -> None:
    """Made before or after the migration, their jobs ended before or after it: each is due once, when its job has ended."""
    url = empty(servers)
    settings = Settings(database_url=url)
    upgrade(settings, "0011")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:

        def made() -> UUID:
            job: UUID = connection.execute(text(OLDER_JOB)).scalar_one()
            connection.execute(text(OLDER_DELIVERY), {"job": job})
            return job

        def end(job: UUID) -> None:
            assert connection.execute(text(OLDER_END), {"job": job}).rowcount == 1

        def due() -> list[UUID]:
            return list(connection.scalars(text(OLDER_DUE)))

        _deployed(connection)
        ended, queued = made(), made()
        end(ended)
        upgrade(settings)
        later = made()
        assert due() == [ended]
        for job in (queued, later):
            end(job)
            assert due() == [job]
        same = "select bool_and(tenant_id = tenants.id), count(distinct lane) from deliveries, tenants"
        assert connection.execute(text(same)).one() == (True, 1)
        waits = made()
        downgrade(settings, "0011")
        assert due() == []
        end(waits)
        assert due() == [waits]
    engine.dispose()


def test_a_migration_says_whether_it_expands_or_contracts() -> None:
    names = [
        path.stem.split("_", 1)[1] for path in (Path(migrations.__file__).parent / "versions").glob("2*.py")
    ]
    assert names
    assert all(name.startswith(("expand_", "contract_")) for name in names)


def test_observations_move_into_weeks_and_back(servers: Servers) -> None:
    """What older code wrote is there afterwards; what it writes then, finds its place; and all of it comes back."""
    url = empty(servers)
    settings = Settings(database_url=url)
    upgrade(settings, "0015")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        _deployed(connection)
        old, new = (connection.execute(text(OLDER_JOB)).scalar_one() for _ in range(2))
        connection.execute(text(OLDER_OBSERVATION), {"job": old, "at": "2026-01-02Z"})
        upgrade(settings, "0016")
        connection.execute(text(OLDER_OBSERVATION), {"job": new, "at": "now"})
        assert _observed(connection) == {old, new}
        downgrade(settings, "0015")
        assert _observed(connection) == {old, new}
        upgrade(settings)
        assert _observed(connection) == {old, new}
    engine.dispose()


def _observed(connection: Connection) -> set[UUID]:
    return set(connection.scalars(text("select job_id from observations")))
