"""Forwards and back; the models and the migrations say the same; the names say when to deploy."""

from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

import migrations
from mainspring.local.migrate import configuration, current, downgrade, upgrade
from mainspring.settings import Settings
from tests.servers import Servers


def test_forwards_and_back(servers: Servers) -> None:
    name = f"m{uuid4().hex[:8]}"
    servers.create_database(name)
    url = servers.database_url(name)
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
    name = f"m{uuid4().hex[:8]}"
    servers.create_database(name)
    url = servers.database_url(name)
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


def test_a_migration_says_whether_it_expands_or_contracts() -> None:
    names = [
        path.stem.split("_", 1)[1] for path in (Path(migrations.__file__).parent / "versions").glob("2*.py")
    ]
    assert names
    assert all(name.startswith(("expand_", "contract_")) for name in names)
