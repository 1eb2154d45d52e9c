"""Forwards and back; the models and the migrations say the same; the names say when to deploy."""

from pathlib import Path
from uuid import uuid4

from alembic import command
from sqlalchemy import create_engine, inspect

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


def test_a_migration_says_whether_it_expands_or_contracts() -> None:
    names = [
        path.stem.split("_", 1)[1] for path in (Path(migrations.__file__).parent / "versions").glob("2*.py")
    ]
    assert names
    assert all(name.startswith(("expand_", "contract_")) for name in names)
