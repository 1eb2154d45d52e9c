"""Real servers for every test: one PostgreSQL and one Valkey a test process, a fresh database a test."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis
from sqlalchemy import create_engine, text

from mainspring.access import make_key
from mainspring.local.migrate import upgrade
from mainspring.settings import Settings
from mainspring.tables import Database
from mainspring.terms import ADMIN, JOBS
from tests.dealing import Dealing, long_ones_first
from tests.servers import Servers

# As the stack starts its workers: threads of torch that wait for each other sleep. Several test processes share the cores,
# and one that spins takes them from the others. Read when torch is loaded, which nothing above does.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = long_ones_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Dealing:
    config.option.loadscopereorder = False
    return Dealing(config, log)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """On Unix sockets in a short folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="ms-", dir="/tmp"))
    folder.chmod(0o755)
    with Servers(folder, durable=False) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(servers: Servers) -> str:
    """A migrated database that each test's own is copied from."""
    servers.create_database("template_mainspring")
    upgrade(Settings(database_url=servers.database_url("template_mainspring")))
    return "template_mainspring"


@pytest.fixture
def settings(servers: Servers, template: str, tmp_path: Path) -> Iterator[Settings]:
    """A home of its own, a database of its own, an empty Redis."""
    name = f"t{uuid4().hex[:12]}"
    servers.create_database(name, template)
    Redis.from_url(servers.redis_url).flushall()
    yield Settings(
        home=tmp_path / "home",
        database_url=servers.database_url(name),
        redis_url=servers.redis_url,
        lease_seconds=3,
        renew_seconds=0.5,
        sweep_seconds=0.5,
        nudge_after_seconds=0.5,
        reconcile_seconds=0.5,
    )
    with contextlib.suppress(Exception):
        engine = create_engine(servers.database_url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"drop database if exists {name} with (force)"))
        engine.dispose()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database(settings.database_url)
    yield opened
    opened.close()


@pytest.fixture
def redis(settings: Settings) -> Redis:
    return Redis.from_url(settings.redis_url)


@pytest.fixture
def key(database: Database) -> str:
    """Of the tenant `default`, with every scope."""
    with database.transaction() as session:
        return make_key(session, "default", name="test", scopes=[JOBS, ADMIN], actor="test")
